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

"""A conductor's databases, on real servers."""

from concurrent import futures
import threading
from typing import ClassVar

import testscenarios

from tests import base
from tests.servers import databases
from valence_conductor.database import Database
from valence_conductor.journal import Journal
from valence_integration.instances import Instances


class TestTogether(testscenarios.WithScenarios, base.TestCase):
    """Conductors that are started at the same moment, on a database that is empty."""

    scenarios: ClassVar = [(name, {"kind": kind}) for name, kind in databases.ALL.items()]
    kind: type[databases.Database]

    def test_they_make_the_tables_once_and_all_of_them_start(self) -> None:
        self.need(self.kind.missing())
        server = self.useFixture(self.kind())
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
