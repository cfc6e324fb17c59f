# SPDX-License-Identifier: Apache-2.0

"""Pod managers: what they cannot compose."""

from alembic import op
import sqlalchemy as sa

revision = "0014"
down_revision = "0012"


def upgrade() -> None:
    """Add the column; the next refresh fills it."""
    op.add_column("podmanagers", sa.Column("limitations", sa.JSON()))
