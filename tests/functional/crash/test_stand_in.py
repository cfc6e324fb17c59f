# SPDX-License-Identifier: Apache-2.0

"""The stand-in and the real Ironic answer the same to the same requests."""

import functools
import http.client
import json
import time
from typing import Any
from typing import ClassVar
import urllib.parse

import testscenarios

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.pod.pod import Pace
from podm_simulator.server import Simulator
from tests import base
from tests.crash import peers
from tests.crash import process
from tests.crash import world as worlds
from tests.servers import ironic

NODE = "11111111-2222-4333-8444-555555555555"
OTHER = "11111111-2222-4333-8444-666666666666"
INSTANCE = "99999999-2222-4333-8444-555555555555"
MAC = "52:54:00:aa:bb:cc"

#: Seconds in which a node has passed from one state to another.
PATIENCE = 60.0


class _Caller:
    """Somebody who asks an Ironic, in the microversion that the plugin negotiates."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        conn = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=60)
        headers = {"X-OpenStack-Ironic-API-Version": "1.90", "Content-Type": "application/json"}
        headers["Accept"] = "application/json"
        conn.request(method, path, None if body is None else json.dumps(body), headers)
        answer = conn.getresponse()
        data = answer.read()
        conn.close()
        return answer.status, json.loads(data) if data.strip() else None

    def status(self, method: str, path: str, body: Any = None) -> int:
        return self(method, path, body)[0]

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        status, answer = self(method, path, body)
        message = answer["error_message"]
        fault = json.loads(message) if isinstance(message, str) else message
        return status, fault["faultstring"]

    def node(self) -> Any:
        return self("GET", f"/v1/nodes/{NODE}")[1]


class StandInTest(testscenarios.WithScenarios, base.TestCase):
    """Every test runs against both: what holds of the one holds of the other."""

    scenarios: ClassVar = [("stand-in", {"real": False}), ("real", {"real": True})]
    real: bool

    def setUp(self) -> None:
        super().setUp()
        size = Size(shapes=(Shape(systems=1),))
        self.podm = Simulator(size, name="pod", pace=Pace(assemble=0.0))
        self.podm.start()
        self.addCleanup(self.podm.stop)
        self.ask = _Caller(self._real() if self.real else self._stand_in())

    def _real(self) -> str:
        self.need(ironic.Ironic.missing())
        return self.useFixture(ironic.Ironic()).url

    def _stand_in(self) -> str:
        folder = worlds.new_folder()
        self.addCleanup(worlds.discard, folder)
        one = process.Process(functools.partial(peers.hardware, 0.5), folder / "log")
        self.addCleanup(one.kill)
        return str(one.call("where")["ironic"])

    def create(self, uuid: str = NODE, **fields: Any) -> tuple[int, Any]:
        system = next(iter(self.podm.pod.stock.systems.values()))
        access = {
            "redfish_address": self.podm.url,
            "redfish_system_id": system.path,
            "redfish_username": "admin",
            "redfish_password": "admin",
        }
        body = {"uuid": uuid, "driver": "redfish", "driver_info": access, **fields}
        return self.ask("POST", "/v1/nodes", body)

    def provision(self, verb: str) -> int:
        return self.ask.status("PUT", f"/v1/nodes/{NODE}/states/provision", {"target": verb})

    def reaches(self, state: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while True:
            node = self.ask.node()
            if node["provision_state"] == state and not node["reservation"]:
                return node
            self.assertLess(time.monotonic(), deadline, node)
            time.sleep(0.05)

    def patch(self, op: str, path: str, **more: Any) -> list[dict[str, Any]]:
        return [{"op": op, "path": path, **more}]

    def test_a_node_s_whole_life(self) -> None:
        status, node = self.create(extra={"valence_node": "x"})
        self.assertEqual((201, "enroll"), (status, node["provision_state"]))
        self.assertEqual((None, None), (node["instance_uuid"], node["reservation"]))
        port = {"node_uuid": NODE, "address": MAC}
        self.assertEqual(201, self.ask.status("POST", "/v1/ports", port))
        own = self.patch("add", "/instance_uuid", value=INSTANCE)
        status, node = self.ask("PATCH", f"/v1/nodes/{NODE}", own)
        self.assertEqual((200, INSTANCE), (status, node["instance_uuid"]))

        self.assertEqual(400, self.provision("active"))
        self.assertEqual(202, self.provision("manage"))
        self.reaches("manageable")
        self.assertEqual(202, self.provision("provide"))
        self.reaches("available")
        self.assertEqual(400, self.provision("deleted"))

        image = {"boot_iso": "http://127.0.0.1:9/x.iso"}
        info = self.patch("replace", "/instance_info", value=image)
        self.assertEqual(200, self.ask.status("PATCH", f"/v1/nodes/{NODE}", info))
        self.assertEqual(202, self.provision("active"))
        node = self.reaches("active")
        self.assertEqual(INSTANCE, node["instance_uuid"])
        self.assertEqual(400, self.provision("manage"))
        status, words = self.ask.refused("DELETE", f"/v1/nodes/{NODE}")
        self.assertEqual(409, status)
        self.assertIn("instance", words)

        self.assertEqual(202, self.provision("deleted"))
        node = self.reaches("available")
        self.assertEqual((None, {}), (node["instance_uuid"], node["instance_info"]))
        self.assertEqual(202, self.provision("manage"))
        self.reaches("manageable")
        self.assertEqual(204, self.ask.status("DELETE", f"/v1/nodes/{NODE}"))
        self.assertEqual(404, self.ask.status("GET", f"/v1/nodes/{NODE}"))
        self.assertEqual(404, self.ask.status("DELETE", f"/v1/nodes/{NODE}"))
        self.assertEqual([], self.ask("GET", f"/v1/ports?address={MAC}")[1]["ports"])

    def test_what_is_there_already_is_refused(self) -> None:
        self.create(name="one")
        status, words = self.ask.refused("POST", "/v1/nodes", {"uuid": NODE, "driver": "redfish"})
        self.assertEqual((409, True), (status, "already exists" in words), words)
        status, words = self.ask.refused(
            "POST", "/v1/nodes", {"uuid": OTHER, "name": "one", "driver": "redfish"}
        )
        self.assertEqual((409, True), (status, "already exists" in words), words)
        port = {"node_uuid": NODE, "address": MAC}
        self.ask("POST", "/v1/ports", port)
        status, words = self.ask.refused("POST", "/v1/ports", port)
        self.assertEqual((409, True), (status, "already exists" in words), words)
        listed = self.ask("GET", f"/v1/ports?address={MAC}&fields=uuid,node_uuid")[1]["ports"]
        self.assertEqual([NODE], [found["node_uuid"] for found in listed])
        listed = self.ask("GET", f"/v1/ports?node={NODE}&fields=uuid,address")[1]["ports"]
        self.assertEqual([MAC], [found["address"] for found in listed])

    def test_an_instance_has_one_node_and_a_node_one_instance(self) -> None:
        self.create()
        self.create(OTHER)
        own = self.patch("add", "/instance_uuid", value=INSTANCE)
        self.assertEqual(200, self.ask.status("PATCH", f"/v1/nodes/{NODE}", own))
        self.assertEqual(200, self.ask.status("PATCH", f"/v1/nodes/{NODE}", own))
        self.assertEqual(409, self.ask.status("PATCH", f"/v1/nodes/{OTHER}", own))
        another = self.patch("add", "/instance_uuid", value=OTHER)
        self.assertEqual(409, self.ask.status("PATCH", f"/v1/nodes/{NODE}", another))
        self.assertEqual(409, self.ask.status("DELETE", f"/v1/nodes/{NODE}"))
        disown = self.patch("remove", "/instance_uuid")
        status, node = self.ask("PATCH", f"/v1/nodes/{NODE}", disown)
        self.assertEqual((200, None), (status, node["instance_uuid"]))
        self.assertEqual(204, self.ask.status("DELETE", f"/v1/nodes/{NODE}"))

    def test_a_node_that_is_worked_on_is_locked(self) -> None:
        self.create()
        self.podm.faults.add({"action": {"type": "delay", "seconds": 1}, "times": 20})
        self.assertEqual(202, self.provision("manage"))
        node = self.ask.node()
        self.assertEqual("verifying", node["provision_state"])
        self.assertEqual("manageable", node["target_provision_state"])
        self.assertEqual("lab", node["reservation"])
        for method, path, body in (
            ("PUT", f"/v1/nodes/{NODE}/states/provision", {"target": "provide"}),
            ("PATCH", f"/v1/nodes/{NODE}", self.patch("add", "/extra/a", value="b")),
            ("DELETE", f"/v1/nodes/{NODE}", None),
        ):
            status, words = self.ask.refused(method, path, body)
            self.assertEqual((409, True), (status, "locked" in words), (method, path, words))

    def test_what_is_not_there_is_not_found(self) -> None:
        for method, path, body in (
            ("GET", f"/v1/nodes/{NODE}", None),
            ("GET", f"/v1/nodes/{NODE}?fields=uuid,extra", None),
            ("PATCH", f"/v1/nodes/{NODE}", self.patch("remove", "/instance_uuid")),
            ("PUT", f"/v1/nodes/{NODE}/states/provision", {"target": "manage"}),
            ("DELETE", f"/v1/nodes/{NODE}", None),
        ):
            self.assertEqual(404, self.ask.refused(method, path, body)[0], (method, path))
