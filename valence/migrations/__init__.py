# SPDX-License-Identifier: Apache-2.0

"""Migrations of the service's tables, by alembic."""

import pathlib

#: Where alembic finds them.
LOCATION = str(pathlib.Path(__file__).parent)
