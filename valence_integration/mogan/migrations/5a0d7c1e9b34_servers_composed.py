# SPDX-License-Identifier: Apache-2.0

"""Whether a server of Mogan stands on hardware that was composed for it.

Copy this file to ``mogan/db/sqlalchemy/alembic/versions`` and run ``mogan-dbsync
upgrade``. Rows that were there before read None, and are treated as not composed.
"""

from alembic import op
import sqlalchemy as sa

revision = "5a0d7c1e9b34"
#: The one step of Mogan's last release. A fork with further ones names its newest here.
down_revision = "91941bf1ebc9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, with nothing in it."""
    op.add_column("servers", sa.Column("composed", sa.Boolean, nullable=True))
