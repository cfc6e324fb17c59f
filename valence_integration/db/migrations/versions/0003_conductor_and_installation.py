# SPDX-License-Identifier: Apache-2.0

"""Add the conductor of an instance, and the uuid of the installation."""

import uuid as uuids

from alembic import op
import sqlalchemy as sa

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the empty column, and the table with its single row."""
    op.add_column("instances", sa.Column("conductor", sa.String(255), nullable=True))
    installation = op.create_table(
        "valence_integration_installation",
        sa.Column("uuid", sa.String(36), primary_key=True),
    )
    op.bulk_insert(installation, [{"uuid": str(uuids.uuid4())}])
