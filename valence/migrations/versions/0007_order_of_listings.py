# SPDX-License-Identifier: Apache-2.0

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
