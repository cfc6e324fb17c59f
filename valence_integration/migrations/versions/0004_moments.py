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

"""Times with their fractions."""

from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: column -> whether it may be empty
MOMENTS = {"task_since": True, "created_at": False, "updated_at": True}


def upgrade() -> None:
    """Have MariaDB keep what the others keep of a time: microseconds."""
    if op.get_bind().dialect.name not in ("mysql", "mariadb"):
        return
    exact = mysql.DATETIME(fsp=6)
    for column, nullable in MOMENTS.items():
        op.alter_column("instances", column, type_=exact, existing_nullable=nullable)
