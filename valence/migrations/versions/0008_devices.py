# SPDX-License-Identifier: Apache-2.0

"""Pooled devices, each on its own, instead of how many there are."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = "0008"
down_revision = "0007"

#: With its fractions, of which MariaDB must be told.
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Make the table; the next refresh fills it."""
    op.create_table(
        "devices",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("podm_uuid", sa.String(36), nullable=False),
        sa.Column("path", sa.String(1024), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("node_path", sa.String(1024)),
        sa.Column("node_uuid", sa.String(36)),
        sa.Column("pooled_group_id", sa.String(255)),
        sa.Column("listed_by", sa.String(1024), nullable=False),
        sa.Column("properties", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("details_at", MOMENT, nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("unseen_since", MOMENT),
        sa.Column("marked_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT),
        sa.PrimaryKeyConstraint("uuid", name="pk_devices"),
        sa.ForeignKeyConstraint(
            ["podm_uuid"], ["podmanagers.uuid"], name="fk_devices_podm_uuid", ondelete="CASCADE"
        ),
    )
    for column in ("podm_uuid", "node_uuid"):
        op.create_index(f"ix_devices_{column}", "devices", [column])
    op.create_index("ix_devices_created_at", "devices", ["created_at", "uuid"])
    with op.batch_alter_table("inventories") as inventories:  # older SQLite drops no column
        inventories.drop_column("devices")
