# SPDX-License-Identifier: Apache-2.0

"""Alembic migrations of the plugin's schema."""

import pathlib

#: Directory of the migrations, for alembic.
PATH = str(pathlib.Path(__file__).parent)

#: Table with the revision of this schema: the database may hold other schemas too.
VERSION_TABLE = "valence_integration_version"
