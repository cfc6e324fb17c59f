# SPDX-License-Identifier: Apache-2.0

"""Compare the text that users and services write exactly, in MariaDB too."""

from valence_conductor.db import migrations

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = {"instances": ("uuid", "name", "project_id", "user_id", "flavor", "conductor")}


def upgrade() -> None:
    """Change the columns in MariaDB; the other databases compare exactly already."""
    migrations.compare_exactly(TEXT)
