# SPDX-License-Identifier: Apache-2.0

"""One SQL database: its engine, its rows and its migrations."""
