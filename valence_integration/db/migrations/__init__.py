# SPDX-License-Identifier: Apache-2.0

"""How the plugin's schema came to be what it is, step by step."""

import pathlib

#: Where alembic finds the steps.
PATH = str(pathlib.Path(__file__).parent)

#: Where this schema keeps its revision: it may share a database with others.
VERSION_TABLE = "valence_integration_version"
