# SPDX-License-Identifier: Apache-2.0

"""A database that survives threads, processes and restarts."""

import contextlib
import os
import pathlib
import stat
import threading

import fixtures
from oslo_db import exception as db_exc
import sqlalchemy as sa

from tests import base
from tests.unit.conductor import base as conductor_base
from tests.unit.conductor import toy
from valence_conductor import errors
from valence_conductor import interrupt
from valence_conductor.db import engine as db_engine


class TestUnreachable(conductor_base.DatabaseTestCase):
    """A database that cannot be reached."""

    def setUp(self) -> None:
        super().setUp()
        self.unreachable = db_engine.Database(f"sqlite:///{self.folder}/missing/rows.sqlite")

    def read(self) -> None:
        with self.unreachable.reader() as session:
            session.execute(sa.text("SELECT 1"))

    def test_a_job_is_abandoned_and_does_not_fail(self) -> None:
        with interrupt.until_set(threading.Event()):
            self.assertRaises(errors.Abandoned, self.read)

    def test_outside_a_job_the_error_is_raised(self) -> None:
        self.assertRaises(db_exc.DBNonExistentDatabase, self.read)


class TestSQLite(conductor_base.DatabaseTestCase):
    def test_it_is_configured_for_threads_and_processes(self) -> None:
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

    def test_a_duplicate_is_the_error_of_oslo_db(self) -> None:
        toy.Base.metadata.create_all(self.db.engine)

        def twice() -> None:
            for _ in range(2):
                with self.db.writer() as session:
                    session.add(toy.Toy(uuid="t1"))

        self.assertRaises(db_exc.DBDuplicateEntry, twice)


class TestRetried(base.TestCase):
    """A transaction is retried as long as that may help."""

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.MockPatch("oslo_db.api.time.sleep"))
        self.calls = 0

    def transaction(self, failures: int, error: Exception) -> str:
        @db_engine.retried
        def write() -> str:
            self.calls += 1
            if self.calls <= failures:
                raise error
            return "written"

        return write()

    def test_a_deadlock_and_a_lost_connection_are_retried(self) -> None:
        for error in (db_exc.DBDeadlock(), db_exc.DBConnectionError()):
            self.calls = 0
            self.assertEqual("written", self.transaction(3, error))
            self.assertEqual(4, self.calls)

    def test_a_permanent_error_is_raised_at_once(self) -> None:
        self.assertRaises(db_exc.DBDuplicateEntry, self.transaction, 9, db_exc.DBDuplicateEntry())
        self.assertEqual(1, self.calls)

    def test_the_error_of_a_database_that_stays_unreachable_is_raised(self) -> None:
        self.assertRaises(
            db_exc.DBConnectionError, self.transaction, 99, db_exc.DBConnectionError()
        )


class TestFiles(base.TestCase):
    """Who may read the files of SQLite, in a folder that others may read."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.folder.chmod(0o755)
        self.addCleanup(os.umask, os.umask(0))
        self.file = self.folder / "rows.sqlite"

    def modes(self) -> dict[str, int]:
        """Write to the database; return the modes of its files."""
        with contextlib.closing(db_engine.Database(f"sqlite:///{self.file}")) as db:
            with db.writer() as session:
                session.execute(sa.text("CREATE TABLE IF NOT EXISTS rows (uuid TEXT)"))
            return {p.name: stat.S_IMODE(p.stat().st_mode) for p in self.folder.iterdir()}

    def test_they_are_created_for_their_owner_only(self) -> None:
        logs = self.useFixture(fixtures.FakeLogger("valence_conductor"))
        modes = self.modes()
        self.assertEqual("", logs.output, "it was created for others, and narrowed later")
        self.assertEqual({"rows.sqlite", "rows.sqlite-wal", "rows.sqlite-shm"}, set(modes))
        self.assertEqual({0o600}, set(modes.values()))

    def test_existing_ones_are_narrowed_and_it_is_logged(self) -> None:
        self.modes()
        self.file.chmod(0o664)
        logs = self.useFixture(fixtures.FakeLogger("valence_conductor"))
        self.assertEqual({0o600}, set(self.modes().values()))
        self.assertIn("rows.sqlite private: its mode was 0664", logs.output)
