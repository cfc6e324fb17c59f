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

"""Who works on an instance, and which installation of the plugin this is."""

import uuid as uuids

from alembic import op
import sqlalchemy as sa

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, with nothing in it, and the table, with its one row."""
    op.add_column("instances", sa.Column("conductor", sa.String(255), nullable=True))
    installation = op.create_table(
        "valence_integration_installation",
        sa.Column("uuid", sa.String(36), primary_key=True),
    )
    op.bulk_insert(installation, [{"uuid": str(uuids.uuid4())}])
