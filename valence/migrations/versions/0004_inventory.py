# SPDX-License-Identifier: Apache-2.0

"""Systems and racks, and when their pod managers were last read."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"

#: With its fractions, of which MariaDB must be told.
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Make the tables."""
    _make_inventories()
    _make_racks()
    _make_systems()


def _of_podmanager(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["podm_uuid"], ["podmanagers.uuid"], name=f"fk_{table}_podm_uuid", ondelete="CASCADE"
    )


def _make_inventories() -> None:
    op.create_table(
        "inventories",
        sa.Column("podm_uuid", sa.String(36), nullable=False),
        sa.Column("begun_at", MOMENT),
        sa.Column("tried_at", MOMENT),
        sa.Column("refreshed_at", MOMENT),
        sa.Column("fault", sa.JSON()),
        sa.Column("latency", sa.Float()),
        sa.Column("devices", sa.JSON(), nullable=False),
        sa.Column("apart", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("podm_uuid", name="pk_inventories"),
        _of_podmanager("inventories"),
    )


def _make_racks() -> None:
    op.create_table(
        "racks",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("podm_uuid", sa.String(36), nullable=False),
        sa.Column("path", sa.String(1024), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("chassis_type", sa.String(64)),
        sa.Column("manufacturer", sa.String(255)),
        sa.Column("model", sa.String(255)),
        sa.Column("serial_number", sa.String(255)),
        sa.Column("health", sa.String(32)),
        sa.Column("unseen_since", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_racks"),
        _of_podmanager("racks"),
    )
    op.create_index("ix_racks_podm_uuid", "racks", ["podm_uuid"])
    op.create_index("ix_racks_name", "racks", ["name"])


def _make_systems() -> None:
    op.create_table(
        "systems",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("podm_uuid", sa.String(36), nullable=False),
        sa.Column("rack_uuid", sa.String(36)),
        sa.Column("path", sa.String(1024), nullable=False),
        sa.Column("chassis_path", sa.String(1024)),
        sa.Column("name", sa.String(255)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("node_path", sa.String(1024)),
        sa.Column("node_uuid", sa.String(36)),
        sa.Column("redfish_uuid", sa.String(64)),
        sa.Column("serial_number", sa.String(255)),
        sa.Column("manufacturer", sa.String(255)),
        sa.Column("model", sa.String(255)),
        sa.Column("health", sa.String(32)),
        sa.Column("power_state", sa.String(32)),
        sa.Column("processor_count", sa.Integer()),
        sa.Column("processor_model", sa.String(255)),
        sa.Column("cores", sa.Integer()),
        sa.Column("memory_mib", sa.Integer()),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("details_at", MOMENT, nullable=False),
        sa.Column("unseen_since", MOMENT),
        sa.Column("marked_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_systems"),
        _of_podmanager("systems"),
    )
    for column in ("podm_uuid", "rack_uuid", "name", "node_uuid"):
        op.create_index(f"ix_systems_{column}", "systems", [column])
