# SPDX-License-Identifier: Apache-2.0

"""The operations of the API, one file for each noun. A handler is a function of a call."""
