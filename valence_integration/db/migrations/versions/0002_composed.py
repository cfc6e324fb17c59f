# SPDX-License-Identifier: Apache-2.0

"""Whether an instance stands on hardware that was composed for it.

Rows that were there before read None, and are treated as not composed.
"""

from alembic import op
import sqlalchemy as sa

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, with nothing in it."""
    op.add_column("instances", sa.Column("composed", sa.Boolean, nullable=True))
