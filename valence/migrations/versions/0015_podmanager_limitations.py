# SPDX-License-Identifier: Apache-2.0

"""Pod managers: what they cannot compose. Nodes: by which way Ironic reaches them."""

from alembic import op
import sqlalchemy as sa

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the columns; the next refresh fills them."""
    op.add_column("podmanagers", sa.Column("limitations", sa.JSON()))
    op.add_column("nodes", sa.Column("ironic_access", sa.String(64)))
