# SPDX-License-Identifier: Apache-2.0

"""The uuid of the installation: what it creates elsewhere is marked with it."""

import uuid as uuids

from alembic import op
import sqlalchemy as sa

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table, with its one row."""
    installation = op.create_table(
        "valence_installation",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_valence_installation"),
    )
    op.bulk_insert(installation, [{"uuid": str(uuids.uuid4())}])
