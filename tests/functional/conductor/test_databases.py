# SPDX-License-Identifier: Apache-2.0

"""The databases of a conductor, on real servers."""

from concurrent import futures
import threading
from typing import ClassVar

import testscenarios
from testtools import matchers

from tests import base
from tests.servers import databases
from valence_conductor import errors
from valence_conductor.db import migrations
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
    """A server that starts at the same time as this process, or does not run."""

    def setUp(self) -> None:
        super().setUp()
        self.server.create("rows")
        self.server.kill()
        self.database = Database(self.server.url("rows"))
        self.addCleanup(self.database.close)

    def test_a_server_that_starts_later_is_waited_for(self) -> None:
        timer = threading.Timer(1, self.server.restart)
        timer.start()
        self.addCleanup(timer.join)
        self.database.reach(120)
        self.assertIsNone(migrations.version(self.database, "none"))

    def test_the_error_is_one_line_that_names_the_server_without_its_password(self) -> None:
        url = self.database.url.set(password="secret")
        exc = self.assertRaises(
            errors.Unreachable, Database(url.render_as_string(hide_password=False)).reach, 0
        )
        name = self.database.url.set(password="***")
        self.assertThat(str(exc), matchers.StartsWith(f"The database {name} cannot be reached: "))
        self.assertEqual(1, len(str(exc).splitlines()))


class TestConcurrentStart(ServerTestCase):
    """Conductors that start at the same moment, on an empty database."""

    def test_the_tables_are_created_once_and_every_conductor_starts(self) -> None:
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
            for future in [pool.submit(start) for _ in range(6)]:
                future.result()
        database = Database(server.url("empty"))
        self.addCleanup(database.close)
        self.assertTrue(Instances(database).is_current())
        self.assertEqual([], list(Journal(database).jobs()))


class TestLaterRelease(ServerTestCase):
    def test_tables_of_a_later_release_of_taskflow_are_refused_and_left_unchanged(self) -> None:
        self.server.create("later")
        database = Database(self.server.url("later"))
        self.addCleanup(database.close)
        Journal(database).upgrade()
        with database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'later'")
        refused = self.assertRaises(errors.TablesNewer, Journal(database).upgrade)
        self.assertIn("'later'", str(refused))
        self.assertEqual("later", migrations.version(database, "alembic_version"))
