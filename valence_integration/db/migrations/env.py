# SPDX-License-Identifier: Apache-2.0

"""Environment in which alembic runs the migrations."""

from valence_conductor.db import engine as db_engine
from valence_integration.db import models

db_engine.run_migrations(models.Base.metadata)
