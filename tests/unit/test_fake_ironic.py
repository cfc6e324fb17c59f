# SPDX-License-Identifier: Apache-2.0

"""The fake Ironic has the rules and the faults on which other tests rely."""

import asyncio
import threading
from typing import Any
import uuid as uuids

from ironicclient import exc
from keystoneauth1 import exceptions as ksa_exceptions
import requests

from tests import base
from tests.fake_ironic import nodes
from tests.fake_ironic.server import Server
from tests.fake_ironic.transport import FakeIronic

MAC = "52:54:00:aa:bb:cc"


class FakeIronicTestCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ironic = FakeIronic()
        self.client = self.ironic.client(checking=False)

    def add(self, state: str = "enroll", **fields: Any) -> dict[str, Any]:
        return self.ironic.add(str(uuids.uuid4()), state, **fields)

    def set_instance(self, node: dict[str, Any], instance: str) -> None:
        patch = [{"op": "add", "path": "/instance_uuid", "value": instance}]
        self.client.node.update(node["uuid"], patch)

    def assertRefused(self, status: int, pattern: str, call: Any, *args: Any, **more: Any) -> None:
        failure = self.assertRaises(exc.ClientException, call, *args, **more)
        self.assertEqual(status, failure.http_status)
        self.assertRegex(str(failure), pattern)


class TestRules(FakeIronicTestCase):
    def test_it_deletes_no_node_that_has_an_instance_is_deployed_or_protected(self) -> None:
        for status, pattern, state, fields in (
            (409, "associated", "enroll", {"instance_uuid": "x"}),
            (409, "provision state", "active", {}),
            (409, "locked", "verifying", {}),
            (403, "protected", "enroll", {"protected": True}),
        ):
            node = self.add(state, **fields)
            self.assertRefused(status, pattern, self.client.node.delete, node["uuid"])

    def test_in_maintenance_it_deletes_a_deployed_node(self) -> None:
        node = self.add("active", instance_uuid="x")
        self.client.node.set_maintenance(node["uuid"], "on")
        self.client.node.set_maintenance(node["uuid"], "off")
        self.assertRefused(409, "associated", self.client.node.delete, node["uuid"])
        self.client.node.set_maintenance(node["uuid"], "on")
        self.client.node.delete(node["uuid"])
        self.assertEqual({}, self.ironic.nodes)

    def test_a_node_leaves_with_its_ports(self) -> None:
        node, other = self.add(), self.add()
        self.client.port.create(node_uuid=node["uuid"], address=MAC)
        self.assertRefused(
            409, "already exists", self.client.port.create, node_uuid=other["uuid"], address=MAC
        )
        self.client.node.delete(node["uuid"])
        self.client.port.create(node_uuid=other["uuid"], address=MAC)
        self.assertEqual([MAC], [port.address for port in self.client.port.list()])

    def test_it_accepts_verbs_only_where_ironic_does(self) -> None:
        for state, verb in (("enroll", "active"), ("available", "deleted"), ("active", "manage")):
            node = self.add(state)
            request = self.client.node.set_provision_state
            self.assertRefused(400, "can not be performed", request, node["uuid"], verb)

    def test_it_deploys_nothing_without_an_image(self) -> None:
        node = self.add("available")
        self.assertRefused(
            400, "validate", self.client.node.set_provision_state, node["uuid"], "active"
        )

    def test_undeploying_removes_the_instance_even_if_it_fails(self) -> None:
        for failures, state in ((0, "available"), (1, "error")):
            node = self.add("active", instance_uuid="x", instance_info={"a": 1})
            self.ironic.fail("deleting", "stuck", times=failures)
            self.client.node.set_provision_state(node["uuid"], "deleted")
            while node["provision_state"] in nodes.TRANSIENT:
                self.client.node.get(node["uuid"])
            self.assertEqual((state, None), (node["provision_state"], node["instance_uuid"]))
            self.assertEqual({}, node["instance_info"])

    def test_a_transient_state_ends_after_some_reads(self) -> None:
        self.ironic.looks = 2
        node = self.add("verifying")
        states = [self.client.node.get(node["uuid"]).provision_state for _read in range(4)]
        self.assertEqual(["verifying", "verifying", "manageable", "manageable"], states)

    def test_a_locked_node_is_not_changed(self) -> None:
        node = self.add("manageable", reservation="lab")
        uuid, client = node["uuid"], self.client
        for call, args in (
            (client.node.delete, (uuid,)),
            (client.node.set_provision_state, (uuid, "provide")),
            (client.node.set_maintenance, (uuid, "on")),
            (client.node.set_traits, (uuid, ["CUSTOM_A"])),
            (self.set_instance, (node, "x")),
        ):
            self.assertRefused(409, "is locked by host lab", call, *args)
        self.assertRefused(409, "locked", client.port.create, node_uuid=uuid, address=MAC)

    def test_a_node_in_transition_is_not_changed(self) -> None:
        for state, pattern in (("verifying", "is locked"), ("cleaning", "state transition")):
            self.assertRefused(409, pattern, self.set_instance, self.add(state), "x")

    def test_an_instance_has_one_node_and_a_node_one_instance(self) -> None:
        node, other = self.add(), self.add()
        self.set_instance(node, "x")
        self.set_instance(node, "x")
        self.assertRefused(409, "already associated", self.set_instance, other, "x")
        self.assertRefused(409, "is associated with", self.set_instance, node, "y")

    def test_a_uuid_and_a_name_are_used_once(self) -> None:
        self.client.node.create(uuid="n", name="one", driver="redfish")
        for fields in ({"uuid": "n"}, {"uuid": "m", "name": "one"}):
            self.assertRefused(409, "already exists", self.client.node.create, **fields)

    def test_a_listing_has_the_requested_fields_alone(self) -> None:
        self.add("manageable")
        (node,) = self.client.node.list(fields=["uuid", "provision_state"])
        self.assertEqual({"uuid", "provision_state"}, set(node.to_dict()))


class TestFaults(FakeIronicTestCase):
    def test_a_lost_response_hides_what_was_done(self) -> None:
        node = self.add()
        for done, state in ((False, "enroll"), (True, "verifying")):
            self.ironic.lose("PUT", ".*/provision", done=done)
            self.assertRaises(
                ksa_exceptions.ConnectFailure,
                self.client.node.set_provision_state,
                node["uuid"],
                "manage",
            )
            self.assertEqual(state, node["provision_state"])

    def test_an_error_is_the_response_to_so_many_requests(self) -> None:
        node = self.add()
        self.ironic.answer("DELETE", ".*", 409, "Busy.", times=2)
        for _request in range(2):
            self.assertRefused(409, "Busy", self.client.node.delete, node["uuid"])
        self.client.node.delete(node["uuid"])

    def test_a_transition_fails_with_its_reason(self) -> None:
        node = self.add("verifying")
        self.ironic.fail("verifying", "no route", history="Failed to get power state")
        while node["provision_state"] == "verifying":
            self.client.node.get(node["uuid"])
        self.assertEqual(("enroll", "no route"), (node["provision_state"], node["last_error"]))
        (event,) = self.client.node.get_history_list(node["uuid"])
        self.assertEqual("Failed to get power state", event["event"])
        self.ironic.enter(node, "verifying")
        while node["provision_state"] == "verifying":
            self.client.node.get(node["uuid"])
        self.assertEqual("manageable", node["provision_state"])

    def test_an_action_comes_between_a_request_and_its_response(self) -> None:
        node = self.add()
        self.ironic.after("DELETE", ".*", lambda: self.ironic.add(node["uuid"]))
        self.client.node.delete(node["uuid"])
        self.assertEqual([node["uuid"]], list(self.ironic.nodes))
        self.client.node.delete(node["uuid"])
        self.assertEqual({}, self.ironic.nodes)

    def test_a_request_that_it_does_not_implement_is_an_error(self) -> None:
        self.assertRefused(501, "has no GET /v1/chassis", self.client.chassis.list)


class TestServer(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self.loop.run_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.loop.call_soon_threadsafe, self.loop.stop)
        self.server = Server(pass_in=0.01)
        self.run_in_loop(self.server.open())
        self.addCleanup(lambda: self.run_in_loop(self.server.close()))

    def run_in_loop(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def request(self, method: str, path: str, body: Any = None) -> int:
        url = f"{self.server.url}{path}"
        return requests.request(method, url, json=body, timeout=10).status_code

    def fault(self, **fault: Any) -> None:
        self.assertEqual(201, self.request("POST", "/control/faults", fault))

    def create(self) -> int:
        return self.request("POST", "/v1/nodes", {"uuid": "n"})

    def state(self) -> Any:
        return self.server.nodes.nodes["n"]["provision_state"]

    def manage(self) -> None:
        path = "/v1/nodes/n/states/provision"
        self.wait_for(lambda: self.request("PUT", path, {"target": "manage"}) == 202)
        self.wait_for(lambda: self.state() != "verifying")

    def test_a_transition_ends_by_itself_and_fails_on_demand(self) -> None:
        self.create()
        self.fault(fail="verifying", error="no route")
        self.manage()
        self.assertEqual("enroll", self.state())
        self.manage()
        self.assertEqual("manageable", self.state())

    def test_a_connection_breaks_before_or_after_a_request(self) -> None:
        for kind, created in (("drop", False), ("lose_answer", True)):
            self.fault(match={"method": "POST", "path": "/v1/nodes"}, action={"type": kind})
            self.assertRaises(requests.ConnectionError, self.create)
            self.assertEqual(created, "n" in self.server.nodes.nodes)

    def test_it_responds_with_an_error_once(self) -> None:
        self.fault(match={"path": "/v1/nodes"}, action={"type": "error", "status": 502})
        self.assertEqual([502, 201], [self.create(), self.create()])

    def test_every_node_is_locked_for_a_while(self) -> None:
        self.create()
        self.fault(lock=0.2)
        self.assertEqual(409, self.request("DELETE", "/v1/nodes/n"))
        self.wait_for(lambda: self.request("DELETE", "/v1/nodes/n") == 204)

    def test_a_restart_refuses_connections_and_keeps_the_nodes(self) -> None:
        self.create()
        self.fault(restart={"seconds": 0.2})
        self.wait_for(self.is_down)
        self.wait_for(lambda: not self.is_down())
        self.assertEqual(200, self.request("GET", "/v1/nodes/n"))

    def is_down(self) -> bool:
        try:
            self.request("GET", "/")
        except requests.ConnectionError:
            return True
        return False

    def test_faults_and_nodes_are_cleared(self) -> None:
        self.create()
        self.fault(match={"path": "/v1/nodes"}, action={"type": "error"})
        self.fault(fail="verifying")
        self.request("DELETE", "/control/faults")
        self.manage()
        self.assertEqual("manageable", self.state())
        self.request("DELETE", "/control/nodes")
        self.assertEqual(404, self.request("GET", "/v1/nodes/n"))
