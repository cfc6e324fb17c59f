# SPDX-License-Identifier: Apache-2.0

"""A small cloud of real parts on one machine."""
