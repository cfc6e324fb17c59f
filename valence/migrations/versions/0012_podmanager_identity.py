# SPDX-License-Identifier: Apache-2.0

"""Pod managers: what tells one from another."""

from alembic import op
import sqlalchemy as sa

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the columns; the next refresh fills the UUID."""
    op.add_column("podmanagers", sa.Column("service_uuid", sa.String(64)))
    op.add_column("podmanagers", sa.Column("known_systems", sa.JSON()))
