# SPDX-License-Identifier: Apache-2.0

"""The stand-in and the real Ironic respond alike to the same requests."""

import functools
import http.client
import json
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
from tests.crash import world as crash_world
from tests.servers import ironic

NODE = "11111111-2222-4333-8444-555555555555"
OTHER = "11111111-2222-4333-8444-666666666666"
INSTANCE = "99999999-2222-4333-8444-555555555555"
MAC = "52:54:00:aa:bb:cc"

#: Timeout, in seconds, of a change of state.
TIMEOUT = 60.0


class _Client:
    """A client of an Ironic, with the microversion that the plugin negotiates."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        conn = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=60)
        headers = {"X-OpenStack-Ironic-API-Version": "1.90", "Content-Type": "application/json"}
        headers["Accept"] = "application/json"
        conn.request(method, path, None if body is None else json.dumps(body), headers)
        response = conn.getresponse()
        data = response.read()
        conn.close()
        return response.status, json.loads(data) if data.strip() else None

    def status(self, method: str, path: str, body: Any = None) -> int:
        return self(method, path, body)[0]

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        status, error = self(method, path, body)
        message = error["error_message"]
        fault = json.loads(message) if isinstance(message, str) else message
        return status, fault["faultstring"]

    def node(self) -> Any:
        return self("GET", f"/v1/nodes/{NODE}")[1]


class StandInTest(testscenarios.WithScenarios, base.TestCase):
    """Every test runs against both, and expects the same of both."""

    scenarios: ClassVar = [("stand-in", {"real": False}), ("real", {"real": True})]
    real: bool

    def setUp(self) -> None:
        super().setUp()
        size = Size(shapes=(Shape(systems=1),))
        self.podm = Simulator(size, name="pod", pace=Pace(assemble=0.0))
        self.podm.start()
        self.addCleanup(self.podm.stop)
        self.client = _Client(self._real() if self.real else self._stand_in())

    def _real(self) -> str:
        self.need(ironic.Ironic.missing())
        return self.useFixture(ironic.Ironic()).url

    def _stand_in(self) -> str:
        folder = crash_world.new_folder()
        self.addCleanup(crash_world.discard, folder)
        hardware = process.Process(functools.partial(peers.hardware, 0.5), folder / "log")
        self.addCleanup(hardware.kill)
        return str(hardware.call("urls")["ironic"])

    def create(self, uuid: str = NODE, **fields: Any) -> tuple[int, Any]:
        system = next(iter(self.podm.pod.stock.systems.values()))
        access = {
            "redfish_address": self.podm.url,
            "redfish_system_id": system.path,
            "redfish_username": "admin",
            "redfish_password": "admin",
        }
        body = {"uuid": uuid, "driver": "redfish", "driver_info": access, **fields}
        return self.client("POST", "/v1/nodes", body)

    def provision(self, verb: str) -> int:
        return self.client.status("PUT", f"/v1/nodes/{NODE}/states/provision", {"target": verb})

    def wait_for_state(self, state: str) -> Any:
        def reached() -> Any:
            node = self.client.node()
            return node["provision_state"] == state and not node["reservation"] and node

        def what() -> str:
            return f"the node is {state}, not {self.client.node()}"

        return self.wait_for(reached, timeout=TIMEOUT, what=what)

    def patch(self, op: str, path: str, **more: Any) -> list[dict[str, Any]]:
        return [{"op": op, "path": path, **more}]

    def test_a_node_is_enrolled_deployed_undeployed_and_deleted(self) -> None:
        status, node = self.create(extra={"valence_node": "x"})
        self.assertEqual((201, "enroll"), (status, node["provision_state"]))
        self.assertEqual((None, None), (node["instance_uuid"], node["reservation"]))
        port = {"node_uuid": NODE, "address": MAC}
        self.assertEqual(201, self.client.status("POST", "/v1/ports", port))
        own = self.patch("add", "/instance_uuid", value=INSTANCE)
        status, node = self.client("PATCH", f"/v1/nodes/{NODE}", own)
        self.assertEqual((200, INSTANCE), (status, node["instance_uuid"]))

        self.assertEqual(400, self.provision("active"))
        self.assertEqual(202, self.provision("manage"))
        self.wait_for_state("manageable")
        self.assertEqual(202, self.provision("provide"))
        self.wait_for_state("available")
        self.assertEqual(400, self.provision("deleted"))

        image = {"boot_iso": "http://127.0.0.1:9/x.iso"}
        info = self.patch("replace", "/instance_info", value=image)
        self.assertEqual(200, self.client.status("PATCH", f"/v1/nodes/{NODE}", info))
        self.assertEqual(202, self.provision("active"))
        node = self.wait_for_state("active")
        self.assertEqual(INSTANCE, node["instance_uuid"])
        self.assertEqual(400, self.provision("manage"))
        status, message = self.client.refused("DELETE", f"/v1/nodes/{NODE}")
        self.assertEqual(409, status)
        self.assertIn("instance", message)

        self.assertEqual(202, self.provision("deleted"))
        node = self.wait_for_state("available")
        self.assertEqual((None, {}), (node["instance_uuid"], node["instance_info"]))
        self.assertEqual(202, self.provision("manage"))
        self.wait_for_state("manageable")
        self.assertEqual(204, self.client.status("DELETE", f"/v1/nodes/{NODE}"))
        self.assertEqual(404, self.client.status("GET", f"/v1/nodes/{NODE}"))
        self.assertEqual(404, self.client.status("DELETE", f"/v1/nodes/{NODE}"))
        self.assertEqual([], self.client("GET", f"/v1/ports?address={MAC}")[1]["ports"])

    def test_a_node_or_port_that_exists_already_is_refused(self) -> None:
        self.create(name="one")
        status, message = self.client.refused(
            "POST", "/v1/nodes", {"uuid": NODE, "driver": "redfish"}
        )
        self.assertEqual((409, True), (status, "already exists" in message), message)
        status, message = self.client.refused(
            "POST", "/v1/nodes", {"uuid": OTHER, "name": "one", "driver": "redfish"}
        )
        self.assertEqual((409, True), (status, "already exists" in message), message)
        port = {"node_uuid": NODE, "address": MAC}
        self.client("POST", "/v1/ports", port)
        status, message = self.client.refused("POST", "/v1/ports", port)
        self.assertEqual((409, True), (status, "already exists" in message), message)
        listed = self.client("GET", f"/v1/ports?address={MAC}&fields=uuid,node_uuid")[1]["ports"]
        self.assertEqual([NODE], [port["node_uuid"] for port in listed])
        listed = self.client("GET", f"/v1/ports?node={NODE}&fields=uuid,address")[1]["ports"]
        self.assertEqual([MAC], [port["address"] for port in listed])

    def test_an_instance_has_one_node_and_a_node_one_instance(self) -> None:
        self.create()
        self.create(OTHER)
        own = self.patch("add", "/instance_uuid", value=INSTANCE)
        self.assertEqual(200, self.client.status("PATCH", f"/v1/nodes/{NODE}", own))
        self.assertEqual(200, self.client.status("PATCH", f"/v1/nodes/{NODE}", own))
        self.assertEqual(409, self.client.status("PATCH", f"/v1/nodes/{OTHER}", own))
        another = self.patch("add", "/instance_uuid", value=OTHER)
        self.assertEqual(409, self.client.status("PATCH", f"/v1/nodes/{NODE}", another))
        self.assertEqual(409, self.client.status("DELETE", f"/v1/nodes/{NODE}"))
        disown = self.patch("remove", "/instance_uuid")
        status, node = self.client("PATCH", f"/v1/nodes/{NODE}", disown)
        self.assertEqual((200, None), (status, node["instance_uuid"]))
        self.assertEqual(204, self.client.status("DELETE", f"/v1/nodes/{NODE}"))

    def test_a_node_in_a_passing_state_is_locked(self) -> None:
        self.create()
        self.podm.faults.add({"action": {"type": "delay", "seconds": 1}, "times": 20})
        self.assertEqual(202, self.provision("manage"))
        node = self.client.node()
        self.assertEqual("verifying", node["provision_state"])
        self.assertEqual("manageable", node["target_provision_state"])
        self.assertEqual("lab", node["reservation"])
        for method, path, body in (
            ("PUT", f"/v1/nodes/{NODE}/states/provision", {"target": "provide"}),
            ("PATCH", f"/v1/nodes/{NODE}", self.patch("add", "/extra/a", value="b")),
            ("DELETE", f"/v1/nodes/{NODE}", None),
        ):
            status, message = self.client.refused(method, path, body)
            self.assertEqual((409, True), (status, "locked" in message), (method, path, message))

    def test_a_missing_node_is_not_found(self) -> None:
        for method, path, body in (
            ("GET", f"/v1/nodes/{NODE}", None),
            ("GET", f"/v1/nodes/{NODE}?fields=uuid,extra", None),
            ("PATCH", f"/v1/nodes/{NODE}", self.patch("remove", "/instance_uuid")),
            ("PUT", f"/v1/nodes/{NODE}/states/provision", {"target": "manage"}),
            ("DELETE", f"/v1/nodes/{NODE}", None),
        ):
            self.assertEqual(404, self.client.refused(method, path, body)[0], (method, path))
