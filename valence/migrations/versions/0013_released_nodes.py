# SPDX-License-Identifier: Apache-2.0

"""The uuids of released nodes: without one, what has the mark of a node is no stray."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = "0013"
down_revision = "0012"

#: With its fractions, of which MariaDB must be told.
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Make the table: releases fill it."""
    op.create_table(
        "released_nodes",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("released_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_released_nodes"),
    )
    op.create_index("ix_released_nodes_released_at", "released_nodes", ["released_at"])
