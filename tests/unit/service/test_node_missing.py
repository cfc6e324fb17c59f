# SPDX-License-Identifier: Apache-2.0

"""Nodes whose hardware was deleted on the pod manager: recorded, shown, deleted."""

from typing import Any

from tests.unit.service import test_node_action as action


class TestMissing(action.NodeTestCase):
    def refresh(self) -> Any:
        return self.api("GET", f"{self.path}?refresh=true")

    def delete(self, query: str = "") -> Any:
        return self.api("DELETE", self.path + query)

    def registered(self) -> dict[str, Any]:
        self.api("POST", f"{self.path}/register")
        return self.settled(self.uuid) or {}

    def test_a_refresh_records_it(self) -> None:
        self.vanish()
        self.assertEqual("missing", self.refresh().json["state"])
        listed = self.api("GET", "/v1/nodes?state=missing").json["nodes"]
        self.assertEqual([self.uuid], [node["uuid"] for node in listed])

    def test_an_action_records_it(self) -> None:
        self.vanish()
        self.assertRefused(409, "valence.podmanager.node_gone", self.act(Reset={"Type": "On"}))
        self.assertEqual("missing", (self.node(self.uuid) or {})["state"])
        self.assertRefused(409, "valence.node.busy", self.act(Reset={"Type": "On"}))

    def test_a_node_that_does_not_answer_and_is_listed_is_not_missing(self) -> None:
        error = {"type": "error", "status": 404, "message": "not now"}
        self.fault(self.pod, "GET", "/Nodes/[^/]+$", action=error, times=9)
        self.assertRefused(503, "valence.podmanager.failed", self.refresh())
        self.assertEqual("composed", (self.node(self.uuid) or {})["state"])

    def test_an_unreachable_pod_manager_makes_no_node_missing(self) -> None:
        self.pod.stop()
        self.assertEqual(503, self.refresh().status_code)
        self.assertEqual("composed", (self.node(self.uuid) or {})["state"])

    def test_a_node_that_is_listed_again_is_composed_again(self) -> None:
        nodes = dict(self.pod.pod.nodes)
        self.pod.pod.nodes.clear()
        self.assertEqual("missing", self.refresh().json["state"])
        self.assertEqual("missing", self.refresh().json["state"])
        self.pod.pod.nodes.update(nodes)
        self.assertEqual("composed", self.refresh().json["state"])

    def test_a_missing_node_is_deleted(self) -> None:
        self.vanish()
        self.refresh()
        self.assertEqual(202, self.delete().status_code)
        self.assertIsNone(self.settled(self.uuid))

    def test_a_registered_missing_node_is_deleted_only_by_force(self) -> None:
        node = self.registered()
        self.ironic.nodes[node["ironic_uuid"]]["provision_state"] = "active"
        self.vanish()
        self.refresh()
        error = self.assertRefused(409, "valence.node.registered", self.delete())
        self.assertIn("force", error["detail"])
        self.assertEqual(202, self.delete("?force=true").status_code)
        self.assertIsNone(self.settled(self.uuid))
        self.assertEqual({}, self.ironic.nodes)

    def test_force_does_not_apply_to_a_node_that_exists(self) -> None:
        self.registered()
        self.assertRefused(409, "valence.node.registered", self.delete("?force=true"))
        self.assertEqual(1, len(self.ironic.nodes))
        self.assertRefused(400, "valence.request.invalid", self.delete("?force=perhaps"))

    def test_a_node_that_ironic_does_not_delete_stays_and_can_be_deleted_again(self) -> None:
        self.registered()
        self.vanish()
        self.refresh()
        self.ironic.answer("DELETE", "/v1/nodes/.*", 400, "It is protected.")
        self.delete("?force=true")
        node = self.settled(self.uuid) or {}
        self.assertEqual(("error", "ironic"), (node["state"], node["managed_by"]))
        self.assertIn("It is protected.", node["fault"]["reason"])
        self.assertRefused(409, "valence.node.registered", self.delete())
        self.delete("?force=true")
        self.assertIsNone(self.settled(self.uuid))
        self.assertEqual({}, self.ironic.nodes)

    def test_a_missing_node_is_unregistered_as_any_other(self) -> None:
        self.registered()
        self.vanish()
        self.refresh()
        self.assertEqual(202, self.api("POST", f"{self.path}/unregister").status_code)
        node = self.settled(self.uuid) or {}
        self.assertIsNone(node["managed_by"])
        self.assertEqual({}, self.ironic.nodes)
        self.assertEqual("missing", self.refresh().json["state"])
        self.assertRefused(409, "valence.node.busy", self.api("POST", f"{self.path}/register"))
