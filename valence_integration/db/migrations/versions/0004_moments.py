# SPDX-License-Identifier: Apache-2.0

"""Store times with microseconds."""

from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: column -> whether it may be empty
MOMENTS = {"task_since": True, "created_at": False, "updated_at": True}


def upgrade() -> None:
    """Change the columns in MariaDB; the other databases store microseconds already."""
    if op.get_bind().dialect.name not in ("mysql", "mariadb"):
        return
    exact = mysql.DATETIME(fsp=6)
    for column, nullable in MOMENTS.items():
        op.alter_column("instances", column, type_=exact, existing_nullable=nullable)
