# SPDX-License-Identifier: Apache-2.0

"""A SQL database: its engine, its rows and its migrations."""
