# SPDX-License-Identifier: Apache-2.0

"""What alembic runs."""

from valence.objects import base
from valence.objects import flavor as flavor_objects  # noqa: F401  # makes its table known
from valence.objects import installation as installation_objects  # noqa: F401  # makes its table known
from valence.objects import inventory as inventory_objects  # noqa: F401  # makes its tables known
from valence.objects import node as node_objects  # noqa: F401  # makes its table known
from valence.objects import podmanager as podmanager_objects  # noqa: F401  # makes its table known
from valence_conductor.db import migrations as db_migrations

db_migrations.run_migrations(base.Base.metadata)
