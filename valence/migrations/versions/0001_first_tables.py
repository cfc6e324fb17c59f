# SPDX-License-Identifier: Apache-2.0

"""Pod managers, flavors, nodes."""

from alembic import op
import sqlalchemy as sa

revision = "0001"
down_revision = None

MOMENT = sa.DateTime()


def upgrade() -> None:
    """Make the first tables."""
    _make_podmanagers()
    _make_flavors()
    _make_nodes()


def _make_podmanagers() -> None:
    op.create_table(
        "podmanagers",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("url", sa.String(512), nullable=False),
        sa.Column("driver", sa.String(64), nullable=False),
        sa.Column("username", sa.String(255)),
        sa.Column("password_encrypted", sa.Text()),
        sa.Column("verify_ca", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("status_reason", sa.Text()),
        sa.Column("status_since", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT),
        sa.PrimaryKeyConstraint("uuid", name="pk_podmanagers"),
        sa.UniqueConstraint("name", name="uq_podmanagers_name"),
        sa.UniqueConstraint("url", name="uq_podmanagers_url"),
    )


def _make_flavors() -> None:
    op.create_table(
        "flavors",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("properties", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT),
        sa.PrimaryKeyConstraint("uuid", name="pk_flavors"),
        sa.UniqueConstraint("name", name="uq_flavors_name"),
    )


def _make_nodes() -> None:
    op.create_table(
        "nodes",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("description", sa.Text()),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_since", MOMENT, nullable=False),
        sa.Column("task", sa.String(64)),
        sa.Column("task_since", MOMENT),
        sa.Column("request_id", sa.String(64)),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("flavor_id", sa.String(36)),
        sa.Column("properties", sa.JSON(), nullable=False),
        sa.Column("podm_asked", sa.String(36)),
        sa.Column("podm_uuid", sa.String(36)),
        sa.Column("allocating", sa.Boolean(), nullable=False),
        sa.Column("path", sa.String(1024)),
        sa.Column("system_path", sa.String(1024)),
        sa.Column("interfaces", sa.JSON(), nullable=False),
        sa.Column("power_state", sa.String(32)),
        sa.Column("managed_by", sa.String(16)),
        sa.Column("ironic_uuid", sa.String(36)),
        sa.Column("registration", sa.JSON()),
        sa.Column("fault", sa.JSON()),
        sa.Column("release_requested", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT),
        sa.PrimaryKeyConstraint("uuid", name="pk_nodes"),
        sa.UniqueConstraint("name", name="uq_nodes_name"),
        sa.ForeignKeyConstraint(["podm_uuid"], ["podmanagers.uuid"], name="fk_nodes_podm_uuid"),
    )
    op.create_index("ix_nodes_podm_uuid", "nodes", ["podm_uuid"])
    op.create_index("ix_nodes_state", "nodes", ["state", "state_since"])
