# SPDX-License-Identifier: Apache-2.0

"""Nodes: filters, changes, and the actions Reset and Boot."""

from typing import Any

from tests.unit.service import base
from valence.objects import node as node_objects


class NodeTestCase(base.ServiceTestCase):
    """A composed node on a simulated pod manager."""

    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start()
        self.podm = self.know(self.pod)
        self.uuid = self.composed(name="one", description="first")["uuid"]
        self.path = f"/v1/nodes/{self.uuid}"

    def act(self, **action: Any) -> Any:
        return self.api("POST", f"{self.path}/action", action)

    def machine(self) -> Any:
        """Return the simulated system of the node."""
        (node,) = self.pod.pod.nodes.values()
        return node.system

    def vanish(self) -> None:
        """Delete the node on its pod manager without the service."""
        for node in list(self.pod.pod.nodes.values()):
            self.pod.pod.delete(node)


class TestFilters(NodeTestCase):
    def test_nodes_are_filtered_by_their_fields(self) -> None:
        flavor = {"name": "small", "properties": base.FOUR_CORES}
        flavor_id = self.api("POST", "/v1/flavors", flavor).json["uuid"]
        request = {"name": "two", "flavor_id": flavor_id}
        other = self.api("POST", "/v1/nodes", request).json["uuid"]
        self.settled(other)
        self.api("POST", f"{self.path}/register")
        ironic_uuid = (self.settled(self.uuid) or {})["ironic_uuid"]
        for query, expected in (
            ("name=two", {other}),
            (f"flavor_id={flavor_id}", {other}),
            (f"ironic_uuid={ironic_uuid}", {self.uuid}),
            ("managed_by=ironic", {self.uuid}),
            (f"podm_id={self.podm['uuid']}", {self.uuid, other}),
            ("state=composed", {self.uuid, other}),
            ("state=missing", set()),
        ):
            nodes = self.api("GET", f"/v1/nodes?{query}").json["nodes"]
            self.assertEqual(expected, {node["uuid"] for node in nodes}, query)
        answer = self.api("GET", "/v1/nodes?state=happy")
        self.assertRefused(400, "valence.request.invalid", answer)


class TestUpdate(NodeTestCase):
    def test_a_name_and_a_description_can_be_changed(self) -> None:
        changed = self.api("PATCH", self.path, {"name": "two", "description": None}).json
        self.assertEqual(("two", None), (changed["name"], changed["description"]))
        self.assertEqual(self.uuid, (self.node("two") or {})["uuid"])
        self.assertIsNone(self.node("one"))
        self.assertIsNone(self.api("PATCH", self.path, {"name": None}).json["name"])

    def test_a_name_that_another_node_has_is_refused(self) -> None:
        self.composed(name="two")
        answer = self.api("PATCH", self.path, {"name": "two", "description": "changed"})
        self.assertRefused(409, "valence.node.duplicate", answer)
        self.assertEqual("first", (self.node(self.uuid) or {})["description"])
        self.assertEqual(200, self.api("PATCH", self.path, {"name": "one"}).status_code)

    def test_nothing_else_can_be_changed(self) -> None:
        for body in ({}, {"state": "error"}, {"name": ""}, {"podm_id": self.podm["uuid"]}):
            self.assertRefused(400, "valence.request.invalid", self.api("PATCH", self.path, body))
        answer = self.api("PATCH", "/v1/nodes/none", {"name": "x"})
        self.assertRefused(404, "valence.node.not_found", answer)

    def test_the_same_compose_again_is_still_the_same_node(self) -> None:
        request = {"uuid": "11111111-1111-4111-8111-111111111111", "name": "three"}
        node = self.composed(**request)
        self.api("PATCH", f"/v1/nodes/{node['uuid']}", {"name": "renamed"})
        again = self.api("POST", "/v1/nodes", {"properties": base.FOUR_CORES, **request})
        self.assertEqual((200, "renamed"), (again.status_code, again.json["name"]))


class TestReset(NodeTestCase):
    def test_a_node_is_powered_on_and_off(self) -> None:
        for kind, power in (("On", "On"), ("ForceOff", "Off")):
            answer = self.act(Reset={"Type": kind})
            self.assertEqual((200, power), (answer.status_code, answer.json["power_state"]))
            self.assertEqual(power == "On", self.machine().powered)

    def test_a_type_that_is_not_offered_is_refused_with_those_that_are(
        self,
    ) -> None:
        self.pod.journal.clear()
        error = self.assertRefused(400, "valence.request.invalid", self.act(Reset={"Type": "Nap"}))
        self.assertIn("'Nap'", error["detail"])
        self.assertIn("ForceOff", error["detail"])
        self.assertEqual({"GET"}, {r["method"] for r in self.pod.journal.show()["requests"]})

    def test_a_refusal_has_the_message_of_the_pod_manager(self) -> None:
        self.fault(
            self.pod,
            "POST",
            ".*Reset",
            action={"type": "error", "status": 409, "message": "the fan is stuck"},
        )
        error = self.assertRefused(
            409, "valence.podmanager.refused", self.act(Reset={"Type": "On"})
        )
        self.assertIn("the fan is stuck", error["reason"])

    def test_a_reset_is_sent_once_even_when_its_response_is_lost(self) -> None:
        self.fault(self.pod, "POST", ".*Reset", action={"type": "lose_answer"})
        self.pod.journal.clear()
        answer = self.act(Reset={"Type": "On"})
        self.assertRefused(503, "valence.podmanager.unreachable", answer)
        methods = [r["method"] for r in self.pod.journal.show()["requests"]]
        self.assertEqual(1, methods.count("POST"))


class TestBoot(NodeTestCase):
    def test_a_boot_source_is_set_once_or_continuously(self) -> None:
        self.assertEqual(200, self.act(Boot={"Target": "Pxe"}).status_code)
        boot = self.machine().boot
        self.assertEqual(("Pxe", "Once"), (boot.target, boot.enabled))
        self.act(Boot={"Target": "Hdd", "Enabled": "Continuous", "Mode": "UEFI"})
        boot = self.machine().boot
        self.assertEqual(("Hdd", "Continuous", "UEFI"), (boot.target, boot.enabled, boot.mode))

    def test_a_value_that_the_pod_manager_does_not_offer_is_refused(self) -> None:
        for boot in (
            {"Target": "Floppies"},
            {"Target": "Pxe", "Enabled": "Sometimes"},
            {"Target": "Pxe", "Mode": "Odd"},
        ):
            error = self.assertRefused(400, "valence.request.invalid", self.act(Boot=boot))
            self.assertIn("does not offer", error["detail"])
        self.assertEqual("None", self.machine().boot.target)


class TestRefusals(NodeTestCase):
    def test_a_request_has_exactly_one_action(self) -> None:
        for body in ({}, {"Reset": {"Type": "On"}, "Boot": {"Target": "Pxe"}}, {"Dance": {}}):
            self.assertRefused(400, "valence.request.invalid", self.act(**body))

    def test_a_registered_node_is_refused(self) -> None:
        self.api("POST", f"{self.path}/register")
        node = self.settled(self.uuid) or {}
        for action in ({"Reset": {"Type": "On"}}, {"Boot": {"Target": "Pxe"}}):
            error = self.assertRefused(409, "valence.node.registered", self.act(**action))
            self.assertIn(node["ironic_uuid"], error["detail"])
        self.assertFalse(self.machine().powered)

    def test_a_node_that_is_not_composed_is_refused(self) -> None:
        node = self.settled(self.compose(properties=base.TOO_MUCH)["uuid"]) or {}
        answer = self.api("POST", f"/v1/nodes/{node['uuid']}/action", {"Reset": {"Type": "On"}})
        self.assertRefused(409, "valence.node.busy", answer)

    def test_another_node_at_the_same_path_is_never_reset(self) -> None:
        (other,) = self.pod.pod.nodes.values()
        self.take_over(other)
        error = self.assertRefused(
            409, "valence.node.identity_conflict", self.act(Reset={"Type": "On"})
        )
        self.assertIn("a database", error["detail"])
        self.assertFalse(self.machine().powered)
        fault = node_objects.get(self.service.db, self.uuid).fault or {}
        self.assertEqual("valence.node.identity_conflict", fault["code"])
        self.assertEqual("a database", fault["contradict"]["name"]["reported"])
