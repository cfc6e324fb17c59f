# SPDX-License-Identifier: Apache-2.0

"""Pod managers that are gone for good, and what is forgotten with them."""

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

    def test_it_is_told_what_is_forgotten(self) -> None:
        node, other = self.composed(name="web-1"), self.composed()
        self.pod.stop()
        self.assertRefused(
            409, "valence.podmanager.in_use", self.api("DELETE", "/v1/podmanagers/pod-1")
        )
        answer = self.api("DELETE", GONE)
        self.assertEqual(200, answer.status_code, answer.json)
        self.assertEqual("pod-1", answer.json["name"])
        told = {one["uuid"]: (one["name"], one["path"]) for one in answer.json["nodes"]}
        self.assertEqual(("web-1", node["path"]), told[node["uuid"]])
        self.assertEqual((None, other["path"]), told[other["uuid"]])
        self.assertEqual([], self.all_nodes())
        self.assertEqual(404, self.api("DELETE", GONE).status_code)

    def test_one_that_answers_is_not_gone(self) -> None:
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

    def test_nodes_in_ironic_are_not_forgotten(self) -> None:
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

    def test_nodes_on_their_way_are_not_forgotten(self) -> None:
        node = self.composed()
        self.pod.stop()
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        error = self.assertRefused(409, "valence.podmanager.in_use", self.api("DELETE", GONE))
        self.assertIn("releasing", error["detail"])
        failed = self.settled(node["uuid"])
        assert failed is not None
        self.assertEqual("error", failed["state"])
        self.assertEqual(200, self.api("DELETE", GONE).status_code)

    def test_nodes_elsewhere_stay(self) -> None:
        other = self.know(self.simulate("pod-2"))
        stays = self.composed(podm_id=other["uuid"])
        self.pod.stop()
        self.assertEqual([], self.api("DELETE", GONE).json["nodes"])
        self.assertEqual([stays["uuid"]], [node["uuid"] for node in self.all_nodes()])

    def test_it_has_a_policy_of_its_own(self) -> None:
        self.pod.stop()
        own = self.folder / "policy.yaml"
        own.write_text('"valence:podmanager:force_delete": "!"\n')
        self.service.conf.set_override("policy_file", str(own), group="oslo_policy")
        self.service.enforcer = policies.enforcer(self.service.conf)
        self.service.enforcer.policy_path = str(own)
        self.assertRefused(403, "valence.request.forbidden", self.api("DELETE", GONE))
        self.assertEqual(204, self.api("DELETE", "/v1/podmanagers/pod-1").status_code)

    def test_one_that_comes_back_gives_its_nodes_back(self) -> None:
        self.composed()
        self.pod.stop()
        self.api("DELETE", GONE)
        self.pod.start()
        self.know(self.pod)
        service = self.service
        books = ledger.NodeLedger(service.context)
        self.assertEqual([True], [stray.repaired for stray in books.audit()])
        self.assertEqual({}, self.pod.pod.nodes)
