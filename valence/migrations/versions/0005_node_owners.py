# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


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
    """Have MariaDB keep what the others keep of a time: microseconds."""
    exact = mysql.DATETIME(fsp=6)
    for table, columns in MOMENTS.items():
        for column, nullable in columns.items():
            op.alter_column(table, column, type_=exact, existing_nullable=nullable)
