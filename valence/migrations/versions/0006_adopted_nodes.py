# SPDX-License-Identifier: Apache-2.0

"""Nodes that were there before Valence: the Name that they bear on their pod manager.

Rows that are older were composed by Valence, and hold None.
"""

from alembic import op
import sqlalchemy as sa

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column, with nothing in it."""
    op.add_column("nodes", sa.Column("adopted_as", sa.String(1024), nullable=True))
