# SPDX-License-Identifier: Apache-2.0

"""The tables: migrations and models agree, and states follow the table."""

import pathlib
import tempfile

from alembic import autogenerate
from alembic.runtime import migration

from tests import base
from tests.servers import databases
from tests.unit.service import base as service_base
from valence import ledger
from valence import migrations
from valence import wiring
from valence.api.schemas import node as node_schemas
from valence.objects import base as objects_base
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence_conductor import errors
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations


class TestMigrations(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="valence-")
        self.addCleanup(folder.cleanup)
        self.db = db_engine.Database(databases.url(pathlib.Path(folder.name), "rows"))
        self.addCleanup(self.db.close)

    def test_the_migrated_tables_are_those_of_the_models(self) -> None:
        wiring.upgrade(self.db)
        with self.db.engine.connect() as connection:
            context = migration.MigrationContext.configure(
                connection,
                opts={"version_table": objects_base.VERSION_TABLE, "compare_type": True},
            )
            differences = autogenerate.compare_metadata(context, objects_base.Base.metadata)
        self.assertEqual([], differences)

    def test_upgrading_twice_is_upgrading_once(self) -> None:
        wiring.upgrade(self.db)
        wiring.upgrade(self.db)
        self.assertEqual(
            db_migrations.latest_revision(migrations.LOCATION),
            db_migrations.version(self.db, objects_base.VERSION_TABLE),
        )


class TestStates(base.TestCase):
    def test_every_state_is_one_that_the_api_shows(self) -> None:
        self.assertEqual(set(node_schemas.STATES), set(node_objects.STATES.table))

    def test_every_operation_is_one_that_a_fault_may_name(self) -> None:
        self.assertEqual(set(node_schemas.OPERATIONS), set(node_objects.OPERATIONS))

    def test_a_transition_that_the_table_does_not_have_is_refused(self) -> None:
        self.assertRaises(errors.IllegalTransition, node_objects.STATES.check, "error", "composed")


class TestRows(service_base.ServiceTestCase):
    def test_the_ledger_counts_every_state(self) -> None:
        pod = self.simulate(systems=1)
        self.start()
        self.know(pod)
        self.composed()
        self.settled(self.compose()["uuid"])
        counts = ledger.load(self.service.conf).count_by_state()
        self.assertEqual({"composed": 1, "error": 1}, {k: v for k, v in counts.items() if v})
        self.assertEqual(set(node_objects.STATES.table), set(counts))

    def test_a_row_that_was_changed_meanwhile_is_not_written(self) -> None:
        pod = self.simulate()
        self.start()
        self.know(pod)
        row = node_objects.get(self.service.db, self.composed()["uuid"])
        node_changes.begin(self.service.db, row, "release")
        self.assertRaises(
            errors.Superseded, node_changes.record, self.service.db, row, power_state="On"
        )
        self.assertRaises(errors.Superseded, node_changes.begin, self.service.db, row, "register")
