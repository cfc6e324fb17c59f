# SPDX-License-Identifier: Apache-2.0

"""Locks in databases: they last as long as the connections of their holders."""

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
