# SPDX-License-Identifier: Apache-2.0

"""Forced deletes: pod managers that are gone permanently, together with their nodes."""

from typing import Any

from tests.unit.service import base
from valence import ledger
from valence import policies

GONE = "/v1/podmanagers/pod-1?force=true"


class TestForce(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start(nodes__stray_grace=0.0)
        self.know(self.pod)

    def all_nodes(self) -> list[dict[str, Any]]:
        return list(self.api("GET", "/v1/nodes").json["nodes"])

    def test_the_response_lists_the_deleted_nodes(self) -> None:
        node, other = self.composed(name="web-1"), self.composed()
        self.pod.stop()
        self.assertRefused(
            409, "valence.podmanager.in_use", self.api("DELETE", "/v1/podmanagers/pod-1")
        )
        answer = self.api("DELETE", GONE)
        self.assertEqual(200, answer.status_code, answer.json)
        self.assertEqual("pod-1", answer.json["name"])
        nodes = {one["uuid"]: (one["name"], one["path"]) for one in answer.json["nodes"]}
        self.assertEqual(("web-1", node["path"]), nodes[node["uuid"]])
        self.assertEqual((None, other["path"]), nodes[other["uuid"]])
        self.assertEqual([], self.all_nodes())
        self.assertEqual(404, self.api("DELETE", GONE).status_code)

    def test_one_that_responds_is_not_gone(self) -> None:
        self.composed()
        for action in (
            {"type": "error", "status": 500},
            {"type": "error", "status": 401},
            {"type": "error", "status": 503},
            {"type": "garbage"},
            None,
        ):
            if action is not None:
                self.fault(self.pod, "GET", ".*", action=action)
            answer = self.api("DELETE", GONE)
            self.assertRefused(409, "valence.podmanager.reachable", answer)
            self.pod.faults.clear()
        self.assertEqual(1, len(self.all_nodes()))

    def test_one_behind_a_gateway_that_does_not_find_it_is_gone(self) -> None:
        self.fault(self.pod, "GET", ".*", times=None, action={"type": "error", "status": 502})
        self.assertEqual([], self.api("DELETE", GONE).json["nodes"])

    def test_nodes_in_ironic_prevent_it(self) -> None:
        node = self.composed(name="web-1")
        self.api("POST", f"/v1/nodes/{node['uuid']}/register")
        self.settled(node["uuid"])
        self.pod.stop()
        error = self.assertRefused(409, "valence.podmanager.in_use", self.api("DELETE", GONE))
        self.assertIn("web-1", error["detail"])
        self.assertIn(node["uuid"], error["detail"])
        self.assertIn("in Ironic", error["detail"])
        self.api("POST", f"/v1/nodes/{node['uuid']}/unregister")
        self.settled(node["uuid"])
        self.assertEqual(200, self.api("DELETE", GONE).status_code)

    def test_nodes_with_an_unfinished_operation_prevent_it(self) -> None:
        node = self.composed()
        self.pod.stop()
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        error = self.assertRefused(409, "valence.podmanager.in_use", self.api("DELETE", GONE))
        self.assertIn("releasing", error["detail"])
        failed = self.settled(node["uuid"])
        assert failed is not None
        self.assertEqual("error", failed["state"])
        self.assertEqual(200, self.api("DELETE", GONE).status_code)

    def test_nodes_of_other_pod_managers_stay(self) -> None:
        other = self.know(self.simulate("pod-2"))
        node = self.composed(podm_id=other["uuid"])
        self.pod.stop()
        self.assertEqual([], self.api("DELETE", GONE).json["nodes"])
        self.assertEqual([node["uuid"]], [one["uuid"] for one in self.all_nodes()])

    def test_it_has_a_policy_of_its_own(self) -> None:
        self.pod.stop()
        file = self.folder / "policy.yaml"
        file.write_text('"valence:podmanager:force_delete": "!"\n')
        self.service.conf.set_override("policy_file", str(file), group="oslo_policy")
        self.service.enforcer = policies.enforcer(self.service.conf)
        self.service.enforcer.policy_path = str(file)
        self.assertRefused(403, "valence.request.forbidden", self.api("DELETE", GONE))
        self.assertEqual(204, self.api("DELETE", "/v1/podmanagers/pod-1").status_code)

    def test_nodes_of_one_that_returns_are_released_as_strays(self) -> None:
        self.composed()
        self.pod.stop()
        self.api("DELETE", GONE)
        self.pod.start()
        self.know(self.pod)
        service = self.service
        nodes = ledger.NodeLedger(service.context)
        self.assertEqual([], list(nodes.audit()))
        self.assertEqual([True], [stray.repaired for stray in nodes.audit()])
        self.assertEqual({}, self.pod.pod.nodes)
