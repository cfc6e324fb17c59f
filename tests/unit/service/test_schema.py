# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""The tables: migrations and models agree, and states are what the table says."""

import pathlib
import tempfile

from alembic import autogenerate
from alembic.runtime import migration

from tests import base
from tests.servers import databases
from tests.unit.service import base as service_base
from valence import ledger
from valence import migrations
from valence import parts
from valence.objects import base as tables
from valence.objects import node as nodes
from valence_conductor import database
from valence_conductor import errors


class TestMigrations(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="valence-")
        self.addCleanup(folder.cleanup)
        self.db = database.Database(databases.url(pathlib.Path(folder.name), "rows"))
        self.addCleanup(self.db.close)

    def test_the_migrated_tables_are_those_of_the_models(self) -> None:
        parts.upgrade(self.db)
        with self.db.engine.connect() as connection:
            context = migration.MigrationContext.configure(
                connection,
                opts={"version_table": tables.VERSION_TABLE, "compare_type": True},
            )
            differences = autogenerate.compare_metadata(context, tables.Base.metadata)
        self.assertEqual([], differences)

    def test_upgrading_twice_is_upgrading_once(self) -> None:
        parts.upgrade(self.db)
        parts.upgrade(self.db)
        self.assertEqual(database.head(migrations.LOCATION), self.db.version(tables.VERSION_TABLE))


class TestStates(base.TestCase):
    def test_every_state_is_one_that_the_api_shows(self) -> None:
        from valence.schemas import node as schemas

        self.assertEqual(set(schemas.STATES), set(nodes.STATES.table))

    def test_a_step_that_the_table_does_not_have_is_refused(self) -> None:
        self.assertRaises(errors.IllegalTransition, nodes.STATES.check, "error", "composed")


class TestRows(service_base.ServiceTestCase):
    def test_the_census_counts_every_state(self) -> None:
        pod = self.simulate(systems=1)
        self.start()
        self.know(pod)
        self.composed()
        self.settled(self.compose()["uuid"])
        counted = ledger.load(self.service.conf).census()
        self.assertEqual({"composed": 1, "error": 1}, {k: v for k, v in counted.items() if v})
        self.assertEqual(set(nodes.STATES.table), set(counted))

    def test_a_row_that_moved_on_is_not_written(self) -> None:
        pod = self.simulate()
        self.start()
        self.know(pod)
        seen = nodes.get(self.service.db, self.composed()["uuid"])
        nodes.begin(self.service.db, seen, "release")
        self.assertRaises(errors.Superseded, nodes.record, self.service.db, seen, power_state="On")
        self.assertRaises(errors.Superseded, nodes.begin, self.service.db, seen, "register")
