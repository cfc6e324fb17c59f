# SPDX-License-Identifier: Apache-2.0

"""The base of tests of the RSD driver over HTTP: a simulated pod, and a driver of it."""

import ssl
from typing import Any

import requests

from podm_simulator import server
from podm_simulator.pod import factory
from podm_simulator.pod import pod
from podm_simulator.redfish import dialect
from tests import base
from tests.unit.service import fake_redfish
from valence import podmanagers

State = podmanagers.State

PROPERTIES = {
    "processor": {"total_cores": 8, "count": 2, "instruction_set": "x86-64"},
    "memory": {"capacity_mib": 16384, "type": "DDR4"},
    "storage": [{"capacity_gib": 100, "type": "SSD"}],
    "network": [{"speed_mbps": 10000, "vlan": 100}],
}


class RSDTestCase(base.TestCase):
    """A pod of six systems; every test must leave it unchanged."""

    version = dialect.DEFAULT
    page_size = 1000
    expand = False
    tls: ssl.SSLContext | None = None

    def setUp(self) -> None:
        super().setUp()
        self.simulator = server.Simulator(
            factory.Size((factory.Shape(systems=6),), pooled_drives=2, gpus=1),
            password="secret",
            pace=pod.Pace(0.05, 0.1),
            api_version=self.version,
            page_size=self.page_size,
            expand=self.expand,
            tls=self.tls,
        )
        self.url = self.simulator.start()
        self.addCleanup(self.simulator.stop)
        self.podmanagers = podmanagers.PodManagers(
            # The requests until a node is assembled depend on how fast it is. After
            # session_after of them a login would be among those that tests count.
            fake_redfish.conf(connect_timeout=10, read_timeout=60, session_after=-1)
        )
        self.addCleanup(self.podmanagers.close)
        self.driver = self.podmanagers.get(self.access())

    def access(self, **fields: Any) -> podmanagers.Access:
        return fake_redfish.access(**{"url": self.url, **fields})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.url}/control/{path}"
        with requests.request(method, url, json=body, timeout=60, verify=False) as response:
            response.raise_for_status()
            return response.json() if response.content else None

    def fault(self, match: dict[str, str], **action: Any) -> None:
        self.control("POST", "faults", {"match": match, "times": 1, "action": action})

    def assembly(self, outcome: str) -> None:
        self.control("POST", "faults", {"node": {"assemble": outcome}, "times": 1})

    def new_requests(self) -> list[str]:
        """The requests since the last call: method and path."""
        requests = self.control("GET", "requests")["requests"]
        self.control("DELETE", "requests")
        return [f"{request['method']} {request['path']}" for request in requests]

    def fingerprint(self) -> str:
        return str(self.control("GET", "pool")["fingerprint"])

    def until(self, path: str, *states: podmanagers.State) -> podmanagers.NodeState:
        def reached() -> podmanagers.NodeState | None:
            node = self.driver.state(path)
            return node if node.state in states else None

        node = self.wait_for(reached, timeout=60, what=f"{path} is in one of {states}")
        assert node is not None
        return node

    def compose(self, name: str = "valence-1", **properties: Any) -> str:
        path = self.driver.allocate(name, "a test", properties or PROPERTIES)
        self.until(path, State.ALLOCATED)
        self.driver.assemble(path)
        self.until(path, State.ASSEMBLED)
        return path
