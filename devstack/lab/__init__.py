# SPDX-License-Identifier: Apache-2.0

"""A small cloud of real services on one machine."""
