# SPDX-License-Identifier: Apache-2.0

"""The tables on every kind of database: migrations, models, and server failures."""

import datetime
import pathlib
import threading
from typing import Any
from typing import ClassVar
import uuid as uuids

from alembic import autogenerate
from alembic import script
from alembic.config import Config
from alembic.runtime import migration
import fixtures
import sqlalchemy as sa
import testscenarios

from tests import base
from tests.servers import databases
from valence import migrations
from valence import wiring
from valence.objects import base as objects_base
from valence.objects import flavor as flavor_objects
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence_conductor import waiting
from valence_conductor.db import columns as column_types
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations
from valence_conductor.locks import lock
from valence_integration.db import instances
from valence_integration.db import migrations as instance_migrations
from valence_integration.db import models

PROPERTIES: dict[str, Any] = {"processor": {"total_cores": 4}, "memory": {"capacity_mib": 4096}}

#: With fractions of seconds, which MariaDB stores only in columns that are declared so.
MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)

PODM = "11111111-1111-4111-8111-111111111111"

#: Rows of every table of the first revision, with its columns.
ROWS: dict[str, dict[str, Any]] = {
    "podmanagers": {
        "uuid": PODM,
        "name": "rack-7",
        "url": "https://pod.example",
        "driver": "rsd",
        "verify_ca": "/etc/ssl/pod.pem",
        "status": "online",
        "status_since": MOMENT,
        "created_at": MOMENT,
    },
    "flavors": {
        "uuid": "22222222-2222-4222-8222-222222222222",
        "name": "flavor \u2603",
        "properties": PROPERTIES,
        "created_at": MOMENT,
    },
    "nodes": {
        "uuid": "33333333-3333-4333-8333-333333333333",
        "name": "node",
        "generation": 3,
        "state": "composed",
        "state_since": MOMENT,
        "fingerprint": "0" * 64,
        "properties": PROPERTIES,
        "podm_uuid": PODM,
        "allocating": False,
        "interfaces": [{"mac": "52:54:00:00:00:01", "path": None, "speed_mbps": 10000}],
        "release_requested": False,
        "created_at": MOMENT,
    },
}


def revisions() -> list[str]:
    """List the revisions of the tables, oldest first."""
    config = Config()
    config.set_main_option("script_location", migrations.LOCATION)
    scripts = script.ScriptDirectory.from_config(config).walk_revisions()
    return [one.revision for one in scripts][::-1]


def inexact(db: db_engine.Database, metadata: sa.MetaData) -> list[str]:
    """List the columns of MariaDB that do not compare text as their models declare."""
    if db.engine.dialect.name != "mysql":
        return []
    inspector = sa.inspect(db.engine)
    return [
        f"{table.name}.{column['name']}"
        for table in metadata.sorted_tables
        for column in inspector.get_columns(table.name)
        if isinstance(table.c[column["name"]].type, column_types.ExactString)
        and getattr(column["type"], "collation", None) != "utf8mb4_nopad_bin"
    ]


class DatabaseTest(testscenarios.WithScenarios, base.TestCase):
    scenarios: ClassVar = [(kind, {"kind": kind}) for kind in ("sqlite", *databases.ALL)]
    kind: str

    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        if self.kind != "sqlite":
            self.need(databases.ALL[self.kind].missing())
            self.server = self.useFixture(databases.ALL[self.kind]())

    def empty(self, name: str) -> db_engine.Database:
        """Return an empty database."""
        url = f"sqlite:///{self.folder}/{name}.sqlite"
        if self.kind != "sqlite":
            self.server.create(name)
            url = self.server.url(name)
        db = db_engine.Database(url)
        self.addCleanup(db.close)
        return db


class TestMigrations(DatabaseTest):
    def test_rows_of_every_revision_survive_the_upgrade_to_the_newest(self) -> None:
        for revision in revisions():
            db = self.empty(f"from_{revision}")
            wiring.upgrade(db, revision)
            self.fill(db)
            wiring.upgrade(db)
            self.assertEqual(
                revisions()[-1], db_migrations.version(db, objects_base.VERSION_TABLE)
            )
            node = node_objects.get(db, "node")
            self.assertEqual(("composed", PODM, 3), (node.state, node.podm_uuid, node.generation))
            self.assertEqual(ROWS["nodes"]["interfaces"], node.interfaces)
            self.assertEqual(MOMENT.replace(microsecond=0), _whole(node.created_at))
            self.assertEqual(PROPERTIES, flavor_objects.get(db, "flavor \u2603").properties)

    def test_the_migrated_tables_are_those_of_the_models(self) -> None:
        db = self.empty("models")
        wiring.upgrade(db)
        with db.engine.connect() as connection:
            options = {"version_table": objects_base.VERSION_TABLE, "compare_type": True}
            context = migration.MigrationContext.configure(connection, opts=options)
            differences = autogenerate.compare_metadata(context, objects_base.Base.metadata)
        self.assertEqual([], differences)

    def test_rows_whose_names_look_alike_can_be_added_after_the_upgrade(self) -> None:
        for revision in revisions():
            db = self.empty(f"alike_{revision}")
            wiring.upgrade(db, revision)
            self.fill(db)
            wiring.upgrade(db)
            for name in ("FLAVOR \u2603", "flavor \u2603 "):
                self.assertIsNone(flavor_objects.FLAVORS.find(db, name))
                flavor_objects.create(db, _values(name))
                self.assertEqual(name, flavor_objects.get(db, name).name)
            self.assertIsNone(node_objects.find(db, "NODE"))
            self.assertEqual(36, len(installation_objects.get(db)))

    def test_text_that_compares_exactly_does_so_in_the_migrated_tables(self) -> None:
        db = self.empty("exact")
        wiring.upgrade(db)
        self.assertEqual([], inexact(db, objects_base.Base.metadata))

    def test_a_time_is_stored_with_microseconds(self) -> None:
        db = self.empty("times")
        wiring.upgrade(db)
        now = waiting.now().replace(microsecond=123456)
        with db.writer() as session:
            session.add(_flavor("exact", created_at=now))
        self.assertEqual(now, flavor_objects.get(db, "exact").created_at)

    def fill(self, db: db_engine.Database) -> None:
        with db.engine.begin() as connection:
            for table, values in ROWS.items():
                reflected = sa.Table(table, sa.MetaData(), autoload_with=connection)
                for column in ("properties", "interfaces", "verify_ca"):
                    if column in reflected.c:  # MariaDB reports JSON as LONGTEXT
                        reflected.c[column].type = sa.JSON()
                connection.execute(reflected.insert().values(**values))


class TestInstances(DatabaseTest):
    """The table of the provisioning plugin, which has migrations of its own."""

    def instances(self) -> db_engine.Database:
        db = self.empty("instances")
        instances.Instances(db).upgrade()
        return db

    def test_the_migrated_table_is_that_of_the_model(self) -> None:
        with self.instances().engine.connect() as connection:
            options = {"version_table": instance_migrations.VERSION_TABLE, "compare_type": True}
            context = migration.MigrationContext.configure(connection, opts=options)
            differences = autogenerate.compare_metadata(context, models.Base.metadata)
        self.assertEqual([], differences)

    def test_text_that_compares_exactly_does_so_in_the_migrated_table(self) -> None:
        self.assertEqual([], inexact(self.instances(), models.Base.metadata))

    def test_a_time_is_stored_with_microseconds(self) -> None:
        db = self.instances()
        now = waiting.now().replace(microsecond=123456)
        row = models.InstanceRow(
            uuid=PODM,
            name="web",
            state="active",
            operation="provision",
            generation=1,
            destroy_requested=False,
            request_digest="",
            created_at=now,
        )
        with db.writer() as session:
            session.add(row)
        self.assertEqual(now, instances.Instances(db).get(PODM).created_at)


class TestLock(DatabaseTest):
    scenarios: ClassVar = [(kind, {"kind": kind}) for kind in databases.ALL]

    def test_one_process_holds_it_until_it_is_released(self) -> None:
        db = self.empty("locked")
        first, second = lock.ServerLock(db.engine), lock.ServerLock(db.engine)
        self.assertEqual((True, False), (first.acquire(), second.acquire()))
        first.release()
        self.assertTrue(second.acquire())
        other = lock.ServerLock(self.empty("other").engine)
        self.assertTrue(other.acquire())  # the lock of another database
        self.addCleanup(other.release)
        self.addCleanup(second.release)
        self.assertNotIn("secret", second.location)


class TestFailures(DatabaseTest):
    """Failures of servers that are only temporary are retried."""

    scenarios: ClassVar = [(kind, {"kind": kind}) for kind in databases.ALL]

    def setUp(self) -> None:
        super().setUp()
        self.db = self.empty("failures")
        wiring.upgrade(self.db)

    def test_a_connection_that_a_restart_broke_is_replaced(self) -> None:
        flavor_objects.create(self.db, _values("before"))
        self.server.restart()
        self.assertEqual("before", flavor_objects.get(self.db, "before").name)
        flavor_objects.create(self.db, _values("after"))
        self.assertEqual("after", flavor_objects.get(self.db, "after").name)

    def test_the_victim_of_a_deadlock_is_retried(self) -> None:
        for name in ("left", "right"):
            flavor_objects.create(self.db, _values(name))
        meeting = threading.Barrier(2)
        attempts: list[str] = []

        @db_engine.retried
        def take(first: str, second: str) -> None:
            attempts.append(first)
            fresh = attempts.count(first) == 1
            with self.db.writer() as session:
                self.write(session, first)
                if fresh:  # both hold one row, and wait for the other's
                    meeting.wait(60)
                self.write(session, second)

        threads = [
            threading.Thread(target=take, args=pair)
            for pair in (("left", "right"), ("right", "left"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(3, len(attempts), attempts)
        for name in ("left", "right"):
            self.assertEqual("xx", flavor_objects.get(self.db, name).description)

    def write(self, session: Any, name: str) -> None:
        longer = sa.func.concat(flavor_objects.Flavor.description, "x")
        session.execute(
            sa.update(flavor_objects.Flavor)
            .where(flavor_objects.Flavor.name == name)
            .values(description=longer)
        )


def _values(name: str) -> dict[str, Any]:
    return {
        "uuid": str(uuids.uuid4()),
        "name": name,
        "description": "",
        "properties": PROPERTIES,
    }


def _flavor(name: str, **more: Any) -> flavor_objects.Flavor:
    return flavor_objects.Flavor(**_values(name), **more)


def _whole(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(microsecond=0, tzinfo=None)
