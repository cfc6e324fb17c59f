# SPDX-License-Identifier: Apache-2.0

"""Who asked for a node, and the project that it belongs to; times with their fractions."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"

#: table -> column -> whether it may be empty
MOMENTS = {
    "podmanagers": {"status_since": False, "created_at": False, "updated_at": True},
    "flavors": {"created_at": False, "updated_at": True},
    "nodes": {"state_since": False, "task_since": True, "created_at": False, "updated_at": True},
}


def upgrade() -> None:
    """Add the columns; the nodes that are there belong to no project."""
    op.add_column("nodes", sa.Column("project_id", sa.String(255)))
    op.add_column("nodes", sa.Column("user_id", sa.String(255)))
    op.create_index("ix_nodes_project_id", "nodes", ["project_id"])
    if op.get_bind().dialect.name in ("mysql", "mariadb"):
        _keep_fractions()


def _keep_fractions() -> None:
    """Keep microseconds in MariaDB, as the other databases do."""
    exact = mysql.DATETIME(fsp=6)
    for table, columns in MOMENTS.items():
        for column, nullable in columns.items():
            op.alter_column(table, column, type_=exact, existing_nullable=nullable)
