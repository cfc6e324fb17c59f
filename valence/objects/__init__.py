# SPDX-License-Identifier: Apache-2.0

"""The tables, one noun a module: mapped classes, their queries and the rules of their rows."""
