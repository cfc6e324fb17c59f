# SPDX-License-Identifier: Apache-2.0

"""Base classes for tests of the simulator: a pod, a manual clock, a service over HTTP."""

from typing import Any

import requests

from podm_simulator.pod import requirements
from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.pod.node import ComposedNode
from podm_simulator.pod.pod import Pace
from podm_simulator.pod.pod import Pod
from podm_simulator.server import Simulator
from tests import base

SMALL = Shape(systems=2, cores=8, memory_mib=32768, drives=1, nics=2)
LARGE = Shape(systems=1, cores=32, memory_mib=131072, drives=2, nics=4, nic_speed_mbps=100000)
SIZE = Size((SMALL, LARGE), pooled_drives=2, fpgas=1, gpus=1)

NODES = "/redfish/v1/Nodes"
ALLOCATE = f"{NODES}/Actions/Allocate"


class Clock:
    """A clock that moves only when a test advances it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class PodTestCase(base.TestCase):
    """A test of a pod without HTTP: two small systems, a large one, and pooled assets."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.pod = self.make_pod()

    def make_pod(self, name: str = "pod", seed: str = "0", allocate: float = 0) -> Pod:
        pace = Pace(allocate=allocate, assemble=60)
        return Pod(SIZE, name=name, seed=seed, pace=pace, clock=self.clock)

    def allocate(self, **wishes: Any) -> ComposedNode:
        return self.pod.allocate(requirements.read(wishes))

    def assembled(self, **wishes: Any) -> ComposedNode:
        node = self.allocate(**wishes)
        self.pod.assemble(node)
        self.clock.advance(60)
        return node


class HTTPTestCase(base.TestCase):
    """A test over loopback; ``get``, ``post`` and the others take a path."""

    options: dict[str, Any] = {}

    def setUp(self) -> None:
        super().setUp()
        options = {"pace": Pace(assemble=0.05), "username": "ada", "password": "s3cret"}
        self.simulator = Simulator(SIZE, **{**options, **self.options})
        self.url = self.simulator.start()
        self.addCleanup(self.simulator.stop)
        self.session = requests.Session()
        self.session.auth = ("ada", "s3cret")
        self.addCleanup(self.session.close)

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=10, **kwargs)

    def get(self, path: str, **kwargs: Any) -> Any:
        response = self.call("GET", path, **kwargs)
        self.assertEqual(200, response.status_code, response.text)
        return response.json()

    def post(self, path: str, body: Any = None) -> requests.Response:
        return self.call("POST", path, json=body)

    def allocated(self, **wishes: Any) -> str:
        response = self.post(ALLOCATE, wishes)
        self.assertEqual(201, response.status_code, response.text)
        return response.headers["Location"]

    def fault(self, **definition: Any) -> str:
        response = self.post("/control/faults", definition)
        self.assertEqual(201, response.status_code, response.text)
        ident: str = response.json()["id"]
        return ident

    def reason(self, response: requests.Response) -> str:
        info = response.json()["error"]["@Message.ExtendedInfo"]
        message: str = info[0]["Message"]
        return message

    def wait_for_state(self, node: str, state: str) -> None:
        self.wait_for(lambda: self.get(node)["ComposedNodeState"] == state)
