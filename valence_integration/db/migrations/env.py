# SPDX-License-Identifier: Apache-2.0

"""What alembic runs first."""

from valence_conductor.db import engine as db_engine
from valence_integration.db import models

db_engine.run_migrations(models.Base.metadata)
