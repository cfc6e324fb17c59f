# SPDX-License-Identifier: Apache-2.0

"""Locks in databases: they last as long as the connections of their holders."""

import contextlib
import pathlib
from typing import ClassVar

import fixtures
from oslo_config import cfg
import testscenarios

from tests import base
from tests.servers import databases
from tests.unit.conductor import toy
from tests.unit.conductor.base import PATIENCE
from valence_conductor import conf as conductor_conf
from valence_conductor import errors
from valence_conductor.conductor import Conductor
from valence_conductor.conductor import from_conf
from valence_conductor.db import migrations
from valence_conductor.db.engine import Database
from valence_conductor.ledger import Rows
from valence_conductor.locks.lock import MYSQL_SHARES
from valence_conductor.locks.lock import ServerLock

#: Kind of server -> the statement that returns the holder of a lock.
HOLDERS = {
    "postgresql": "SELECT pid FROM pg_locks WHERE locktype = 'advisory'",
    "mariadb": "SELECT IS_USED_LOCK(CONCAT('valence-{name}-', MD5(DATABASE())))",
}

#: Kind of server -> the statement with which an operator ends the connection of a holder.
END = {"postgresql": "SELECT pg_terminate_backend({holder})", "mariadb": "KILL {holder}"}


class LockTest(testscenarios.WithScenarios, base.TestCase):
    scenarios: ClassVar = [(name, {"name": name}) for name in databases.ALL]
    name: str

    def setUp(self) -> None:
        super().setUp()
        kind = databases.ALL[self.name]
        self.need(kind.missing())
        server = self.useFixture(kind())
        server.create("flows")
        self.url = server.url("flows")
        self.db = self.open()

    def open(self) -> Database:
        db = Database(self.url)
        self.addCleanup(db.close)
        return db

    def end_holder(self, name: str) -> None:
        """End the connection that holds a lock, on the server."""
        with self.db.engine.connect() as connection:
            holder = connection.exec_driver_sql(HOLDERS[self.name].format(name=name)).scalar()
            if holder is not None:
                connection.exec_driver_sql(END[self.name].format(holder=holder))


class TestHeld(LockTest):
    def test_a_holder_notices_that_its_connection_was_ended(self) -> None:
        first, second = ServerLock(self.open().engine), ServerLock(self.open().engine)
        self.addCleanup(second.release)
        self.assertFalse(first.is_held())
        self.assertTrue(first.acquire())
        self.assertTrue(first.is_held())
        self.end_holder("flows")
        self.wait_for(second.acquire)
        self.assertEqual((False, True), (first.is_held(), second.is_held()))
        self.assertFalse(first.is_held())  # a new connection does not hold it
        self.assertFalse(first.acquire())
        second.release()
        self.assertFalse(second.is_held())
        self.assertTrue(first.acquire())
        first.release()

    def lock(self, *, shared: bool = False) -> ServerLock:
        lock = ServerLock(self.open().engine, "rows-toys", shared=shared)
        self.addCleanup(lock.release)
        return lock

    def test_shared_holders_exclude_exclusive_ones_only(self) -> None:
        holders = [self.lock(shared=True) for _ in range(3)]
        self.assertEqual({True}, {holder.acquire() for holder in holders})
        exclusive = self.lock()
        for holder in holders:
            self.assertFalse(exclusive.acquire())
            holder.release()
        self.wait_for(exclusive.acquire)
        self.assertFalse(holders[0].acquire())
        self.assertFalse(self.lock().acquire())
        exclusive.release()
        self.wait_for(holders[0].acquire)
        self.assertTrue(holders[0].is_held())

    def test_there_may_be_more_shared_holders_than_the_server_can_see(self) -> None:
        holders = [self.lock(shared=True) for _ in range(MYSQL_SHARES + 1)]
        self.assertEqual({True}, {holder.acquire() for holder in holders})
        self.assertFalse(self.lock().acquire())

    def test_a_process_that_lost_the_lock_of_a_schema_fails(self) -> None:
        def create_tables() -> None:
            with migrations.schema_lock(self.open()) as ensure_held:
                ensure_held()
                self.end_holder("tables")

        exc = self.assertRaises(errors.LockLost, create_tables)
        self.assertIn("tables", str(exc))
        with migrations.schema_lock(self.db):
            pass

    def test_a_process_waits_for_the_lock_of_a_schema_until_its_timeout(self) -> None:
        def create_tables() -> None:
            with migrations.schema_lock(self.open()):
                self.fail("another process holds the lock")

        self.useFixture(fixtures.MockPatchObject(migrations, "LOCK_TIMEOUT", 0.5))
        with migrations.schema_lock(self.db):
            self.assertRaises(TimeoutError, create_tables)


class TestConductor(LockTest):
    """The only conductor of flows that are on a server, without a jobboard."""

    def setUp(self) -> None:
        super().setUp()
        self.logs = self.useFixture(fixtures.FakeLogger("valence_conductor"))
        self.toys = toy.Toys(pathlib.Path(self.useFixture(fixtures.TempDir()).path))

    def start(self) -> Conductor:
        conf = cfg.ConfigOpts()
        conf([])
        conductor_conf.register_opts(conf)
        conf.set_override("sweep_interval", 0.2, group="conductor")
        conductor = from_conf(conf, [self.toys], self.url)
        conductor.start()
        self.addCleanup(conductor.stop, 1)
        return conductor

    def test_a_lost_lock_that_no_other_process_holds_is_acquired_again(self) -> None:
        conductor = self.start()
        self.end_holder("flows")
        self.wait_for(lambda: "and acquired it again" in self.logs.output)
        self.assertRaises(errors.AlreadyRunning, self.start)
        self.assertTrue(conductor.wait(self.toys.add("t1"), PATIENCE))
        self.assertEqual("built", self.toys.read("t1").state)

    def test_a_conductor_whose_lock_another_process_holds_leaves_all_jobs_to_it(self) -> None:
        conductor, other = self.start(), ServerLock(self.db.engine)

        def acquire() -> bool:
            self.end_holder("flows")
            return other.acquire()

        self.wait_for(acquire)
        self.wait_for(lambda: "This process leaves all jobs to it" in self.logs.output)
        job = self.toys.add("t1")
        conductor.submit(job)
        self.assertEqual(([], "building"), (self.toys.diary(), self.toys.read("t1").state))
        other.release()
        self.assertTrue(self.start().wait(job, PATIENCE))
        self.assertEqual("built", self.toys.read("t1").state)
        self.assertEqual(1, self.toys.diary().count("saw begins"))


class TestRows(LockTest):
    """Conductors that have flows of their own, and rows in the same database on a server."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.toys = toy.Toys(self.folder)

    def conductor(self, name: str, jobboard: str | None = None, workers: int = 2) -> Conductor:
        """Return a conductor whose flows are in a file of this name."""
        conf = cfg.ConfigOpts()
        conf([])
        conductor_conf.register_opts(conf)
        conf.set_override("jobboard", jobboard, group="conductor")
        conf.set_override("start_timeout", 0, group="conductor")
        conf.set_override("workers", workers, group="conductor")
        self.toys.rows = Rows(self.open(), "[toys] connection")
        conductor = from_conf(conf, [self.toys], f"sqlite:///{self.folder}/{name}.sqlite")
        self.addCleanup(conductor.stop, 1)
        return conductor

    def test_a_second_one_is_refused_until_the_first_stops(self) -> None:
        first = self.conductor("first")
        first.start()
        refused = self.assertRaises(errors.AlreadyRunning, self.conductor("second").start)
        self.assertIn("a separate [toys] connection", str(refused))
        first.stop()
        third = self.conductor("third")
        self.wait_for(lambda: self.starts(third))
        self.assertTrue(third.wait(self.toys.add("t1"), PATIENCE))

    def starts(self, conductor: Conductor) -> bool:
        with contextlib.suppress(errors.AlreadyRunning):
            conductor.start()
            return True
        return False

    def test_one_with_a_jobboard_is_refused_while_one_without_runs(self) -> None:
        self.conductor("first").start()
        second = self.conductor("second", "redis://127.0.0.1:9")
        self.assertRaises(errors.AlreadyRunning, second.start)

    def test_one_with_a_jobboard_that_runs_no_jobs_is_not_refused(self) -> None:
        self.conductor("first").start()
        second = self.conductor("second", "redis://127.0.0.1:9", workers=0)
        self.assertRaises(errors.Unreachable, second.start)  # its jobboard

    def test_one_without_a_jobboard_is_refused_while_those_with_one_run(self) -> None:
        for name in ("first", "second"):
            conductor = self.conductor(name, "redis://127.0.0.1:9")
            self.assertRaises(errors.Unreachable, conductor.start)  # it holds its lock
        self.assertRaises(errors.AlreadyRunning, self.conductor("third").start)
