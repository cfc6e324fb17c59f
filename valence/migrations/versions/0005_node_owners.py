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


"""Who asked for a node, and the project that it belongs to."""

from alembic import op
import sqlalchemy as sa

revision = "0005"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; the nodes that are there belong to no project."""
    op.add_column("nodes", sa.Column("project_id", sa.String(255)))
    op.add_column("nodes", sa.Column("user_id", sa.String(255)))
    op.create_index("ix_nodes_project_id", "nodes", ["project_id"])
