# SPDX-License-Identifier: Apache-2.0

"""One database, opened the way that survives threads, processes and restarts."""

import pathlib
import threading

import fixtures
from oslo_db import exception as db_exc
import sqlalchemy as sa

from tests import base
from tests.unit.conductor import toy
from valence_conductor import errors
from valence_conductor import interrupt
from valence_conductor.db import engine as db_engine


class DatabaseTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.db = db_engine.Database(f"sqlite:///{self.folder}/rows.sqlite")
        self.addCleanup(self.db.close)


class TestAway(DatabaseTest):
    """Of a database that cannot be reached."""

    def setUp(self) -> None:
        super().setUp()
        self.away = db_engine.Database(f"sqlite:///{self.folder}/nowhere/rows.sqlite")

    def read(self) -> None:
        with self.away.reader() as session:
            session.execute(sa.text("SELECT 1"))

    def test_a_job_is_left_and_not_failed(self) -> None:
        with interrupt.until_set(threading.Event()):
            self.assertRaises(errors.Abandoned, self.read)

    def test_whoever_is_at_no_job_is_told(self) -> None:
        self.assertRaises(db_exc.DBNonExistentDatabase, self.read)


class TestSQLite(DatabaseTest):
    def test_it_is_opened_for_threads_and_processes(self) -> None:
        with self.db.engine.connect() as connection:
            pragmas = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "foreign_keys", "busy_timeout")
            }
        self.assertEqual(
            {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000}, pragmas
        )

    def test_writers_that_read_first_wait_for_each_other_and_lose_nothing(self) -> None:
        toy.Base.metadata.create_all(self.db.engine)
        with self.db.writer() as session:
            session.add(toy.Toy(uuid="t1", generation=0))

        def count() -> None:
            for _ in range(20):
                with self.db.writer() as session:
                    session.get_one(toy.Toy, "t1").generation += 1

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with self.db.reader() as session:
            self.assertEqual(160, session.get_one(toy.Toy, "t1").generation)

    def test_a_reader_does_not_wait_for_a_writer(self) -> None:
        toy.Base.metadata.create_all(self.db.engine)
        with self.db.writer() as session:
            session.add(toy.Toy(uuid="t1"))
            session.flush()
            with self.db.reader() as other:
                self.assertIsNone(other.get(toy.Toy, "t1"))

    def test_a_duplicate_is_told_as_oslo_db_tells_it(self) -> None:
        toy.Base.metadata.create_all(self.db.engine)

        def twice() -> None:
            for _ in range(2):
                with self.db.writer() as session:
                    session.add(toy.Toy(uuid="t1"))

        self.assertRaises(db_exc.DBDuplicateEntry, twice)


class TestMigrations(DatabaseTest):
    """Against a folder of migrations made here."""

    def setUp(self) -> None:
        super().setUp()
        self.scripts = self.folder / "migrations"
        (self.scripts / "versions").mkdir(parents=True)
        (self.scripts / "env.py").write_text(
            "import sqlalchemy as sa\n"
            "from valence_conductor.db import engine\n"
            "engine.run_migrations(sa.MetaData())\n"
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
        self.assertIsNone(self.db.version("wheels_version"))
        self.db.upgrade(str(self.scripts), "wheels_version")
        self.assertEqual("001", self.db.version("wheels_version"))
        self.assertEqual("001", db_engine.latest_revision(str(self.scripts)))
        self.assertIn("wheels", sa.inspect(self.db.engine).get_table_names())

    def test_upgrading_again_changes_nothing(self) -> None:
        self.db.upgrade(str(self.scripts), "wheels_version")
        self.db.upgrade(str(self.scripts), "wheels_version")
        self.assertEqual("001", self.db.version("wheels_version"))

    def test_two_schemas_in_one_database_keep_versions_of_their_own(self) -> None:
        self.db.upgrade(str(self.scripts), "wheels_version")
        self.assertIsNone(self.db.version("other_version"))


class TestRetried(base.TestCase):
    """A transaction is repeated as long as that may help."""

    def setUp(self) -> None:
        super().setUp()
        self.slept = self.useFixture(fixtures.MockPatch("oslo_db.api.time.sleep")).mock
        self.calls = 0

    def transaction(self, fails: int, error: Exception) -> str:
        @db_engine.retried
        def write() -> str:
            self.calls += 1
            if self.calls <= fails:
                raise error
            return "written"

        return write()

    def test_a_deadlock_and_a_lost_connection_are_tried_again(self) -> None:
        for error in (db_exc.DBDeadlock(), db_exc.DBConnectionError()):
            self.calls = 0
            self.assertEqual("written", self.transaction(3, error))
            self.assertEqual(4, self.calls)

    def test_what_will_not_go_away_is_told_at_once(self) -> None:
        self.assertRaises(db_exc.DBDuplicateEntry, self.transaction, 9, db_exc.DBDuplicateEntry())
        self.assertEqual(1, self.calls)

    def test_a_database_that_stays_away_is_told(self) -> None:
        self.assertRaises(
            db_exc.DBConnectionError, self.transaction, 99, db_exc.DBConnectionError()
        )
