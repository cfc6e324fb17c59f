# SPDX-License-Identifier: Apache-2.0

"""Pod managers: whether and for what they are used, and whose certificates are trusted."""

from alembic import op
import sqlalchemy as sa

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; existing pod managers are enabled and have no tags."""
    op.add_column(
        "podmanagers",
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    op.add_column(
        "podmanagers",
        sa.Column("tags", sa.JSON(), nullable=False, server_default=sa.text("'[]'")),
    )
    op.add_column("podmanagers", sa.Column("ca", sa.Text()))
