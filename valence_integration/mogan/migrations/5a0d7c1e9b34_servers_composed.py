# SPDX-License-Identifier: Apache-2.0

"""Add ``servers.composed``: whether a server runs on hardware that was composed for it.

Copy this file to ``mogan/db/sqlalchemy/alembic/versions`` and run ``mogan-dbsync
upgrade``. In older rows the value is None, which means not composed.
"""

from alembic import op
import sqlalchemy as sa

revision = "5a0d7c1e9b34"
#: The only migration of Mogan's last release. A fork with later ones names its newest here.
down_revision = "91941bf1ebc9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; every row has None."""
    op.add_column("servers", sa.Column("composed", sa.Boolean, nullable=True))
