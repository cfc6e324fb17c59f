# SPDX-License-Identifier: Apache-2.0

"""The hardware, its allocation and its states, without HTTP."""
