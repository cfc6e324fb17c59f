# SPDX-License-Identifier: Apache-2.0

"""What alembic runs."""

from valence.objects import base
from valence_conductor.db import migrations as db_migrations

db_migrations.run_migrations(base.Base.metadata)
