# SPDX-License-Identifier: Apache-2.0

"""The service while its database is full, or cannot be opened."""

import errno
import os

import fixtures
import sqlalchemy as sa
from sqlalchemy import event

from tests.servers import databases
from tests.unit.service import base
from valence import health


class TestFull(base.ServiceTestCase):
    """SQLite, whose file may not grow: the same error as that of a full disk."""

    def setUp(self) -> None:
        super().setUp()
        if os.environ.get(databases.VARIABLE, "sqlite") != "sqlite":
            self.skipTest("the limit is one of SQLite; servers are in the functional tests")
        self.pod = self.simulate(systems=4)
        self.start(conductor__sweep_interval=0.2)
        self.know(self.pod)
        self.full = False

        def limit(connection: sa.Connection) -> None:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            most = pages if self.full else 2**30
            connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")

        event.listen(self.service.db.engine, "begin", limit)

    def test_writes_are_503_with_the_reason_and_work_again_later(self) -> None:
        self.full = True
        for number in range(1000):
            body = {"name": f"f{number}", "properties": base.FOUR_CORES}
            answer = self.api("POST", "/v1/flavors", body)
            if answer.status_code != 201:
                break
        error = self.assertRefused(503, "valence.database.unavailable", answer)
        self.assertEqual("database or disk is full", error["reason"])
        self.assertEqual("10", answer.headers["Retry-After"])
        self.assertEqual(number, len(self.api("GET", "/v1/flavors").json["flavors"]))
        self.full = False
        node = self.api("POST", "/v1/nodes", {"properties": base.FOUR_CORES}).json["uuid"]
        self.wait_for(lambda: self.api("GET", f"/v1/nodes/{node}").json["state"] == "composed")


class TestHealth(base.ServiceTestCase):
    def test_a_full_disk_is_reported(self) -> None:
        self.start(healthcheck__detailed=True)
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.useFixture(fixtures.MockPatchObject(os, "posix_fallocate", side_effect=full))
        answer = self.api("GET", "/healthcheck")
        error = self.assertRefused(503, "valence.unhealthy", answer)
        self.assertIn("No space left on device", error["reasons"]["database"])

    def test_a_costly_probe_is_repeated_only_after_a_while(self) -> None:
        now, calls, failures = [0.0], [], [OSError("full"), None]

        def probe() -> None:
            calls.append(now[0])
            if failure := failures[min(len(calls), 2) - 1]:
                raise failure

        cached = health.Cached(probe, lambda: now[0])
        for _ in range(3):
            self.assertRaises(OSError, cached)
        now[0] = health.CACHE_SECONDS
        for _ in range(3):
            cached()
        self.assertEqual([0.0, health.CACHE_SECONDS], calls)
