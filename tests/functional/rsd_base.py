# SPDX-License-Identifier: Apache-2.0

"""What tests of the RSD driver over HTTP stand on: a simulated pod, and a driver of it."""

import dataclasses
import ssl
import time
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

WANTED = {
    "processor": {"total_cores": 8, "count": 2, "instruction_set": "x86-64"},
    "memory": {"capacity_mib": 16384, "type": "DDR4"},
    "storage": [{"capacity_gib": 100, "type": "SSD"}],
    "network": [{"speed_mbps": 10000, "vlan": 100}],
}


@dataclasses.dataclass(frozen=True)
class Row:
    url: str
    uuid: str = "7a1b1bcd-7d1f-4b57-9b6e-3f1f0a1c2d3e"
    name: str = "pod"
    driver: str = "rsd"
    username: str | None = "admin"
    password: str | None = "secret"
    verify_ca: bool | str = True
    ca: str | None = None


class RSDTestCase(base.TestCase):
    """A pod of six systems; every test must leave it as it found it."""

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
            fake_redfish.conf(connect_timeout=2, read_timeout=5, busy_timeout=3)
        )
        self.addCleanup(self.podmanagers.close)
        self.driver = self.podmanagers.get(Row(self.url))

    def control(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.url}/control/{path}"
        with requests.request(method, url, json=body, timeout=5, verify=False) as answer:
            answer.raise_for_status()
            return answer.json() if answer.content else None

    def fault(self, match: dict[str, str], **action: Any) -> None:
        self.control("POST", "faults", {"match": match, "times": 1, "action": action})

    def assembly(self, how: str) -> None:
        self.control("POST", "faults", {"node": {"assemble": how}, "times": 1})

    def asked(self) -> list[str]:
        """What was asked since the last look."""
        seen = self.control("GET", "requests")["requests"]
        self.control("DELETE", "requests")
        return [f"{one['method']} {one['path']}" for one in seen]

    def fingerprint(self) -> str:
        return str(self.control("GET", "pool")["fingerprint"])

    def until(self, path: str, *states: podmanagers.State) -> podmanagers.NodeState:
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            seen = self.driver.state(path)
            if seen.state in states:
                return seen
            time.sleep(0.02)
        raise AssertionError(f"{path} is still {seen.state}")

    def compose(self, name: str = "valence-1", **wanted: Any) -> str:
        path = self.driver.allocate(name, "a test", wanted or WANTED)
        self.until(path, State.ALLOCATED)
        self.driver.assemble(path)
        self.until(path, State.ASSEMBLED)
        return path
