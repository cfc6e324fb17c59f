# SPDX-License-Identifier: Apache-2.0

"""The facts by which a machine is recognized, and which of them a pod manager keeps.

Rows that are older learn their facts at the next refresh of their pod manager.
"""

from alembic import op
import sqlalchemy as sa

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns, with nothing in them."""
    op.add_column("nodes", sa.Column("identity", sa.JSON(), nullable=True))
    op.add_column("podmanagers", sa.Column("kept_facts", sa.JSON(), nullable=True))
