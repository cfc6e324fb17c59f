# SPDX-License-Identifier: Apache-2.0

"""What audits find, for operators."""

from alembic import op
import sqlalchemy as sa

from valence_conductor.db import columns

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the table; the next audit fills it."""
    op.create_table(
        "findings",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("podm_uuid", sa.String(36)),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("path", columns.ExactString(1024)),
        sa.Column("node_uuid", sa.String(36)),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("first_seen_at", columns.MOMENT, nullable=False),
        sa.Column("last_seen_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_findings"),
        sa.ForeignKeyConstraint(
            ["podm_uuid"], ["podmanagers.uuid"], name="fk_findings_podm_uuid", ondelete="CASCADE"
        ),
    )
    for column in ("podm_uuid", "node_uuid"):
        op.create_index(f"ix_findings_{column}", "findings", [column])
    op.create_index("ix_findings_first_seen_at", "findings", ["first_seen_at", "uuid"])
