# SPDX-License-Identifier: Apache-2.0

"""Add ``composed``: whether hardware is composed for the instance.

Existing rows hold None, which means not composed.
"""

from alembic import op
import sqlalchemy as sa

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the empty column."""
    op.add_column("instances", sa.Column("composed", sa.Boolean, nullable=True))
