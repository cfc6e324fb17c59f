# SPDX-License-Identifier: Apache-2.0

"""Client certificates for pod managers that demand them."""

from alembic import op
import sqlalchemy as sa

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns; existing pod managers have no client certificate."""
    op.add_column("podmanagers", sa.Column("client_cert", sa.Text()))
    op.add_column("podmanagers", sa.Column("client_key_encrypted", sa.Text()))
