# SPDX-License-Identifier: Apache-2.0

"""Migrations of schemas that share a database."""

import sqlalchemy as sa

from tests.unit.conductor import base
from valence_conductor.db import migrations


class TestMigrations(base.DatabaseTestCase):
    """Against a folder of migrations that the test writes."""

    def setUp(self) -> None:
        super().setUp()
        self.scripts = self.folder / "migrations"
        (self.scripts / "versions").mkdir(parents=True)
        (self.scripts / "env.py").write_text(
            "import sqlalchemy as sa\n"
            "from valence_conductor.db import migrations\n"
            "migrations.run_migrations(sa.MetaData())\n"
        )
        (self.scripts / "versions" / "001_wheels.py").write_text(
            "revision = '001'\n"
            "down_revision = None\n"
            "import sqlalchemy as sa\n"
            "from alembic import op\n"
            "def upgrade():\n"
            "    op.create_table('wheels', sa.Column('uuid', sa.String(36), primary_key=True))\n"
        )

    def test_an_empty_database_has_no_version_and_an_upgraded_one_has_the_newest(self) -> None:
        self.assertIsNone(migrations.version(self.db, "wheels_version"))
        migrations.upgrade(self.db, str(self.scripts), "wheels_version")
        self.assertEqual("001", migrations.version(self.db, "wheels_version"))
        self.assertEqual("001", migrations.latest_revision(str(self.scripts)))
        self.assertIn("wheels", sa.inspect(self.db.engine).get_table_names())

    def test_upgrading_again_changes_nothing(self) -> None:
        migrations.upgrade(self.db, str(self.scripts), "wheels_version")
        migrations.upgrade(self.db, str(self.scripts), "wheels_version")
        self.assertEqual("001", migrations.version(self.db, "wheels_version"))

    def test_two_schemas_in_one_database_keep_versions_of_their_own(self) -> None:
        migrations.upgrade(self.db, str(self.scripts), "wheels_version")
        self.assertIsNone(migrations.version(self.db, "other_version"))
