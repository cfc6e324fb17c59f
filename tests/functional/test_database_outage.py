# SPDX-License-Identifier: Apache-2.0

"""``valence-api`` while the server of its database is away, and when it is back."""

import pathlib
from typing import Any
from typing import ClassVar

import fixtures
import requests
import testscenarios

from devstack.lab import podm
from devstack.lab import processes
from devstack.lab import service as lab_service
from tests import base
from tests.servers import databases

FOUR_CORES = {"properties": {"processor": {"total_cores": 4}}}

#: One request for each kind of route that needs rows; {node} is one that is being composed.
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/v1/nodes", None),
    ("GET", "/v1/nodes/{node}", None),
    ("GET", "/v1/podmanagers", None),
    ("GET", "/v1/flavors", None),
    ("POST", "/v1/nodes", FOUR_CORES),
    ("POST", "/v1/flavors", {"name": "small", **FOUR_CORES}),
    ("PATCH", "/v1/podmanagers/pod", {"name": "other"}),
    ("DELETE", "/v1/nodes/{node}", None),
]


class TestOutage(testscenarios.WithScenarios, base.TestCase):
    scenarios: ClassVar = [(kind, {"kind": kind}) for kind in databases.ALL]
    kind: str

    def setUp(self) -> None:
        super().setUp()
        self.need(databases.ALL[self.kind].missing())
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.sql = self.useFixture(databases.ALL[self.kind]())
        self.reaper = processes.Reaper()
        self.addCleanup(self.reaper.close)
        self.pod = podm.PodManager(
            self.folder, "pod", podm.Size(systems=3, cores=4, assemble_seconds=3.0)
        )
        self.start(self.pod.process)
        self.service = lab_service.Service(
            self.folder / "service", "http://127.0.0.1:9", self.database
        )
        self.service.prepare({"healthcheck": {"detailed": True}})
        self.start(self.service.process)

    def start(self, process: processes.Process) -> None:
        process.start(self.reaper)
        self.addCleanup(process.stop)
        process.wait_ready()

    def database(self, _folder: pathlib.Path, name: str) -> str:
        self.sql.create(name)
        return self.sql.url(name)

    def request(self, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(method, self.service.url + path, json=body, timeout=60)

    def compose(self) -> str:
        response = self.request("POST", "/v1/nodes", FOUR_CORES)
        self.assertEqual(202, response.status_code, response.text)
        return str(response.json()["uuid"])

    def state(self, node: str) -> str | None:
        """Return the state of a node; None while the database is away."""
        response = self.request("GET", f"/v1/nodes/{node}")
        return response.json()["state"] if response.ok else None

    def test_requests_are_503_meanwhile_and_jobs_go_on_without_a_restart(self) -> None:
        pod = self.pod
        body = {"name": "pod", "url": pod.url, "username": pod.username, "password": pod.password}
        self.assertEqual(201, self.request("POST", "/v1/podmanagers", body).status_code)
        node = self.compose()
        self.wait_for(lambda: any("Assemble" in one["path"] for one in pod.requests()))
        for _ in range(2):
            self.sql.kill()
            self.assert_unavailable(node)
            self.sql.restart()
            self.wait_for(lambda: self.state(node) == "composed")
        self.wait_for(lambda: "database" not in self.reasons())
        other = self.compose()
        self.wait_for(lambda: self.state(other) == "composed")
        nodes = self.request("GET", "/v1/nodes").json()["nodes"]
        self.assertEqual({node, other}, {each["uuid"] for each in nodes})
        self.assertIsNone(self.service.process.poll())

    def reasons(self) -> Any:
        """Return why the service is not healthy."""
        response = self.request("GET", "/healthcheck")
        if response.ok:
            return {}
        self.assertEqual(503, response.status_code)
        (error,) = response.json()["errors"]
        return error["reasons"]

    def assert_unavailable(self, node: str) -> None:
        """Require that each request is answered 503, with when to repeat it, and no names."""
        for method, path, body in REQUESTS:
            response = self.request(method, path.format(node=node), body)
            self.assertEqual(503, response.status_code, (method, path, response.text))
            (error,) = response.json()["errors"]
            self.assertEqual("valence.database.unavailable", error["code"])
            self.assertEqual("10", response.headers["Retry-After"])
            self.assertNotIn(str(self.sql.port), response.text)
            self.assertNotIn("127.0.0.1", response.text)
        self.assertIn("database", self.reasons())
        self.assertEqual(200, self.request("GET", "/v1").status_code)
