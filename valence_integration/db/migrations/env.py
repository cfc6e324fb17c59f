# SPDX-License-Identifier: Apache-2.0

"""Environment in which alembic runs the migrations."""

from valence_conductor.db import migrations as db_migrations
from valence_integration.db import models

db_migrations.run_migrations(models.Base.metadata)
