# SPDX-License-Identifier: Apache-2.0

"""Create the table of instances."""

from alembic import op
import sqlalchemy as sa

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "instances",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("uuid", sa.String(36), nullable=False, unique=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("project_id", sa.String(255)),
        sa.Column("user_id", sa.String(255)),
        sa.Column("state", sa.String(15), nullable=False),
        sa.Column("operation", sa.String(15), nullable=False),
        sa.Column("task", sa.String(64)),
        sa.Column("task_since", sa.DateTime),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("destroy_requested", sa.Boolean, nullable=False),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("requirements", sa.JSON),
        sa.Column("flavor", sa.String(255)),
        sa.Column("deploy", sa.JSON),
        sa.Column("node_uuid", sa.String(36)),
        sa.Column("ironic_uuid", sa.String(36)),
        sa.Column("podm_uuid", sa.String(36)),
        sa.Column("fault", sa.JSON),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime),
    )
    op.create_index("ix_instances_state", "instances", ["state"])
