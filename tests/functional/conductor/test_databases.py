# SPDX-License-Identifier: Apache-2.0

"""A conductor's databases, on real servers."""

from concurrent import futures
import threading
from typing import ClassVar

import testscenarios
from testtools import matchers

from tests import base
from tests.servers import databases
from valence_conductor import errors
from valence_conductor.db.engine import Database
from valence_conductor.journal import Journal
from valence_integration.db.instances import Instances


class ServerTestCase(testscenarios.WithScenarios, base.TestCase):
    scenarios: ClassVar = [(name, {"kind": kind}) for name, kind in databases.ALL.items()]
    kind: type[databases.Database]

    def setUp(self) -> None:
        super().setUp()
        self.need(self.kind.missing())
        self.server = self.useFixture(self.kind())


class TestReach(ServerTestCase):
    """A server that starts when we do, or that is not there."""

    def setUp(self) -> None:
        super().setUp()
        self.server.create("rows")
        self.server.kill()
        self.database = Database(self.server.url("rows"))
        self.addCleanup(self.database.close)

    def test_it_is_waited_for(self) -> None:
        soon = threading.Timer(1, self.server.restart)
        soon.start()
        self.addCleanup(soon.join)
        self.database.reach(120)
        self.assertIsNone(self.database.version("nothing"))

    def test_it_is_named_in_one_line_and_its_password_is_not(self) -> None:
        url = self.database.url.set(password="secret")
        exc = self.assertRaises(
            errors.Unreachable, Database(url.render_as_string(hide_password=False)).reach, 0
        )
        told = self.database.url.set(password="***")
        self.assertThat(str(exc), matchers.StartsWith(f"The database {told} cannot be reached: "))
        self.assertEqual(1, len(str(exc).splitlines()))


class TestTogether(ServerTestCase):
    """Conductors that are started at the same moment, on a database that is empty."""

    def test_they_make_the_tables_once_and_all_of_them_start(self) -> None:
        server = self.server
        server.create("empty")
        ready = threading.Barrier(6)

        def start() -> None:
            database = Database(server.url("empty"))
            self.addCleanup(database.close)
            ready.wait()
            Journal(database).upgrade()
            Instances(database).upgrade()

        with futures.ThreadPoolExecutor(6) as pool:
            for started in [pool.submit(start) for _ in range(6)]:
                started.result()
        database = Database(server.url("empty"))
        self.addCleanup(database.close)
        self.assertTrue(Instances(database).is_current())
        self.assertEqual([], list(Journal(database).jobs()))
