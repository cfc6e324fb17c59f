# SPDX-License-Identifier: Apache-2.0

"""A lock in a database is its holder's as long as a connection lasts, and no longer."""

from collections.abc import Callable
import pathlib
import time
from typing import ClassVar

import fixtures
from oslo_config import cfg
import testscenarios

from tests import base
from tests.servers import databases
from tests.unit.conductor import toy
from valence_conductor import conductor
from valence_conductor import errors
from valence_conductor.db.engine import Database
from valence_conductor.locks.lock import ServerLock

#: Kind of server -> who holds a lock there, and how an operator ends that connection.
HOLDERS = {
    "postgresql": "SELECT pid FROM pg_locks WHERE locktype = 'advisory'",
    "mariadb": "SELECT IS_USED_LOCK(CONCAT('valence-{name}-', MD5(DATABASE())))",
}
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
        """End the connection that holds a lock, from the side of the server."""
        with self.db.engine.connect() as connection:
            found = connection.exec_driver_sql(HOLDERS[self.name].format(name=name)).scalar()
            if found is not None:
                connection.exec_driver_sql(END[self.name].format(holder=found))

    def until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not happened():
            self.assertLess(time.monotonic(), deadline, "it did not happen in time")
            time.sleep(0.02)


class TestHeld(LockTest):
    def test_a_holder_finds_out_that_its_connection_was_ended(self) -> None:
        first, second = ServerLock(self.open().engine), ServerLock(self.open().engine)
        self.addCleanup(second.release)
        self.assertFalse(first.is_held())
        self.assertTrue(first.acquire())
        self.assertTrue(first.is_held())
        self.end_holder("flows")
        self.until(second.acquire)
        self.assertEqual((False, True), (first.is_held(), second.is_held()))
        self.assertFalse(first.is_held())  # nor is it by a connection that was made anew
        self.assertFalse(first.acquire())
        second.release()
        self.assertFalse(second.is_held())
        self.assertTrue(first.acquire())
        first.release()

    def test_whoever_makes_tables_is_told_that_others_may_have(self) -> None:
        def make() -> None:
            with self.open().alone() as see:
                see()
                self.end_holder("tables")

        refused = self.assertRaises(errors.LockLost, make)
        self.assertIn("tables", str(refused))
        with self.db.alone():
            pass


class TestConductor(LockTest):
    """One whose flows are on a server, without a jobboard: it works alone."""

    def setUp(self) -> None:
        super().setUp()
        self.logs = self.useFixture(fixtures.FakeLogger("valence_conductor"))
        self.toys = toy.Toys(pathlib.Path(self.useFixture(fixtures.TempDir()).path))

    def start(self) -> conductor.Conductor:
        conf = cfg.ConfigOpts()
        conf([])
        conductor.conductor_conf.register_opts(conf)
        conf.set_override("sweep_interval", 0.2, group="conductor")
        one = conductor.from_conf(conf, [self.toys], self.url)
        one.start()
        self.addCleanup(one.stop, 1)
        return one

    def test_a_lock_that_was_lost_to_nobody_is_taken_again(self) -> None:
        one = self.start()
        self.end_holder("flows")
        self.until(lambda: "is held again" in self.logs.output)
        self.assertRaises(errors.AlreadyRunning, self.start)
        self.assertTrue(one.wait(self.toys.add("t1"), 60))
        self.assertEqual("built", self.toys.read("t1").state)

    def test_one_whose_lock_another_took_leaves_all_work_to_it(self) -> None:
        one, other = self.start(), ServerLock(self.db.engine)

        def taken() -> bool:
            self.end_holder("flows")
            return other.acquire()

        self.until(taken)
        self.until(lambda: "This one leaves all work to it" in self.logs.output)
        job = self.toys.add("t1")
        one.submit(job)
        self.assertEqual(([], "building"), (self.toys.diary(), self.toys.read("t1").state))
        other.release()
        two = self.start()
        self.assertTrue(two.wait(job, 60))
        self.assertEqual("built", self.toys.read("t1").state)
        self.assertEqual(1, self.toys.diary().count("saw begins"))
