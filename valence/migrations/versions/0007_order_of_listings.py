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

"""Pages of nodes and of systems are found without sorting them all."""

from alembic import op

revision = "0007"
down_revision = "0006"

#: Tables of which there may be many rows, and the order in which they are listed.
TABLES = ("nodes", "systems")
ORDER = ["created_at", "uuid"]


def upgrade() -> None:
    """Add an index to each; rows that are there are sorted into it."""
    for table in TABLES:
        op.create_index(f"ix_{table}_created_at", table, ORDER)
