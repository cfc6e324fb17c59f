# SPDX-License-Identifier: Apache-2.0

"""Composing nodes: success, refusals, lost responses, and clean-ups."""

import threading
import uuid as uuids

from podm_simulator.pod.pod import Pace
from tests.unit.service import base
from valence import ledger
from valence_conductor.strays import Stray

ALLOCATE = "/Actions/.*Allocate"


class TestCompose(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start()
        self.podm = self.know(self.pod)
        self.before = self.books_of(self.pod)

    def failed_compose(self, **fields: object) -> dict[str, object]:
        node = self.settled(self.compose(**fields)["uuid"])
        assert node is not None
        self.assertEqual("error", node["state"])
        fault: dict[str, object] = node["fault"]
        self.assertEqual("compose", fault["operation"])
        return fault

    def test_a_node_is_composed_and_released(self) -> None:
        node = self.composed(name="one")
        self.assertEqual(self.podm["uuid"], node["podm_uuid"])
        self.assertTrue(node["system_path"].startswith("/redfish/v1/Systems/"))
        self.assertEqual(1, node["generation"])
        self.assertNotEqual(self.before, self.books_of(self.pod))
        self.assertEqual(202, self.api("DELETE", "/v1/nodes/one").status_code)
        self.assertIsNone(self.settled(node["uuid"]))
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_composing_costs_five_requests_besides_polling(self) -> None:
        self.composed()
        self.pod.journal.clear()
        node = self.composed()
        requests = [(r["method"], r["path"]) for r in self.pod.journal.show()["requests"]]
        polls = [request for request in requests if request == ("GET", node["path"])]
        # One of those to the node's path reads the result; the others wait for it. One
        # verifies that the pod manager is still the one that was registered.
        self.assertLessEqual(len(requests) - len(polls) + 1, 5, requests)

    def test_refreshing_a_node_costs_two_requests(self) -> None:
        node = self.composed()
        self.pod.journal.clear()
        answer = self.api("GET", f"/v1/nodes/{node['uuid']}?refresh=true")
        self.assertEqual(200, answer.status_code)
        self.assertEqual(2, self.pod.journal.show()["total"])

    def test_the_same_request_again_is_the_same_node(self) -> None:
        uuid = str(uuids.uuid4())
        first = self.compose(uuid=uuid.upper(), name="same")
        again = self.api(
            "POST", "/v1/nodes", {"uuid": uuid, "name": "same", "properties": base.FOUR_CORES}
        )
        self.assertIn(again.status_code, (200, 202))
        self.assertEqual(first["uuid"], again.json["uuid"])
        self.settled(uuid)
        self.assertEqual(1, len(self.pod.pod.nodes))

    def test_another_request_with_the_same_uuid_is_refused(self) -> None:
        node = self.compose(name="same")
        body = {"uuid": node["uuid"], "properties": {"memory": {"capacity_mib": 1}}}
        self.assertRefused(409, "valence.node.duplicate", self.api("POST", "/v1/nodes", body))

    def test_another_node_of_the_same_name_is_refused(self) -> None:
        self.compose(name="same")
        body = {"name": "same", "properties": base.FOUR_CORES}
        self.assertRefused(409, "valence.node.duplicate", self.api("POST", "/v1/nodes", body))

    def test_a_flavor_is_copied_into_the_node(self) -> None:
        body = {"name": "small", "properties": base.FOUR_CORES}
        flavor = self.api("POST", "/v1/flavors", body).json
        answer = self.api("POST", "/v1/nodes", {"flavor_id": "small"})
        node = self.settled(answer.json["uuid"])
        assert node is not None
        self.assertEqual(flavor["uuid"], node["flavor_id"])
        self.assertEqual(204, self.api("DELETE", "/v1/flavors/small").status_code)
        self.assertEqual(base.FOUR_CORES, (self.node(node["uuid"]) or {})["properties"])

    def test_an_unknown_flavor_is_refused(self) -> None:
        answer = self.api("POST", "/v1/nodes", {"flavor_id": "huge"})
        self.assertRefused(404, "valence.flavor.not_found", answer)
        self.assertEqual([], self.api("GET", "/v1/nodes").json["nodes"])

    def test_an_unknown_pod_manager_is_refused(self) -> None:
        body = {"properties": base.FOUR_CORES, "podm_id": str(uuids.uuid4())}
        answer = self.api("POST", "/v1/nodes", body)
        self.assertRefused(404, "valence.podmanager.not_found", answer)

    def test_the_reason_of_the_pod_manager_reaches_the_user(self) -> None:
        fault = self.failed_compose(properties=base.TOO_MUCH)
        self.assertEqual("valence.podmanager.refused", fault["code"])
        self.assertIn("available", str(fault["reason"]).lower())
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_a_node_in_error_can_be_deleted_without_the_pod_manager(self) -> None:
        fault_node = self.compose(properties=base.TOO_MUCH)
        self.settled(fault_node["uuid"])
        self.pod.stop()
        self.assertEqual(202, self.api("DELETE", f"/v1/nodes/{fault_node['uuid']}").status_code)
        self.assertIsNone(self.settled(fault_node["uuid"]))

    def test_an_unreachable_pod_manager_is_named_after_a_while(self) -> None:
        self.service.conf.set_override("outage_timeout", 0.5, group="nodes")
        self.pod.stop()
        fault = self.failed_compose(podm_id=self.podm["uuid"])
        self.assertEqual((503, "valence.podmanager.unreachable"), (fault["status"], fault["code"]))
        podm = self.api("GET", "/v1/podmanagers/pod-1").json
        self.assertEqual("offline", podm["status"])

    def test_credentials_that_are_no_longer_accepted_are_reported(self) -> None:
        self.pod.sessions._password = "changed"
        self.service.drivers.connections.forget(self.podm["uuid"])
        fault = self.failed_compose()
        self.assertEqual("valence.podmanager.unauthorized", fault["code"])
        self.assertEqual("degraded", self.api("GET", "/v1/podmanagers/pod-1").json["status"])

    def test_a_pod_manager_that_stays_unreachable_leaves_the_node_to_be_released(self) -> None:
        self.service.conf.set_override("outage_timeout", 0.3, group="nodes")
        self.pod.faults.add({"node": {"assemble": "stuck"}, "times": 1})
        node = self.compose()
        self.wait_for(lambda: (self.node(node["uuid"]) or {})["path"])
        self.pod.stop()
        node = self.settled(node["uuid"]) or {}
        self.assertEqual("error", node["state"])
        self.assertEqual("valence.podmanager.unreachable", node["fault"]["code"])
        self.assertEqual(self.podm["uuid"], node["podm_uuid"])
        self.assertIsNotNone(node["path"])

    def test_a_node_whose_revert_failed_is_released_as_soon_as_that_works(self) -> None:
        self.fail_to_clean_up(times=1)
        node = self.settled(self.node_uuid) or {}
        self.assertEqual(("error", "compose"), (node["state"], node["fault"]["operation"]))
        self.assertEqual((None, None), (node["podm_uuid"], node["path"]))
        self.assertEqual({"result": "done", "detail": None}, node["fault"]["cleanup"])
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_hardware_that_was_not_released_is_released_by_an_audit(self) -> None:
        self.fail_to_clean_up(times=100)
        node = self.settled(self.node_uuid) or {}
        self.assertIsNotNone(node["path"])
        cause, cleanup = node["fault"]["detail"], node["fault"]["cleanup"]
        self.assertIn("could not assemble", cause)
        self.assertEqual("failed", cleanup["result"])
        self.assertIn("DELETE", cleanup["detail"])
        self.audit()
        node = self.settled(self.node_uuid) or {}
        self.assertEqual((cause, cleanup), (node["fault"]["detail"], node["fault"]["cleanup"]))
        self.pod.faults.clear()
        strays = [(stray.kind, stray.repaired) for stray in self.audit()]
        self.assertIn(("row", True), strays)
        node = self.settled(self.node_uuid) or {}
        self.assertEqual(("error", None), (node["state"], node["podm_uuid"]))
        self.assertEqual(cause, node["fault"]["detail"])
        self.assertEqual({"result": "done", "detail": None}, node["fault"]["cleanup"])
        self.assertEqual(self.before, self.books_of(self.pod))
        self.assertEqual([], self.audit())

    def audit(self) -> list[Stray]:
        nodes = ledger.NodeLedger(self.service.context)
        return list(nodes.audit()) or list(nodes.audit())

    def test_a_node_deleted_during_its_clean_up_is_gone_afterwards(self) -> None:
        self.fail_to_clean_up(times=100)
        self.wait_for(lambda: (self.node(self.node_uuid) or {})["state"] == "releasing")
        fault = (self.node(self.node_uuid) or {})["fault"]
        self.assertEqual("pending", fault["cleanup"]["result"])
        self.assertIn("answered 500 to DELETE", fault["cleanup"]["detail"])
        answer = self.api("DELETE", f"/v1/nodes/{self.node_uuid}")
        self.assertEqual(202, answer.status_code)
        self.pod.faults.clear()
        self.wait_for(lambda: self.release_or_gone(self.node_uuid))
        self.assertEqual(self.before, self.books_of(self.pod))

    def fail_to_clean_up(self, times: int) -> None:
        """Compose a node that cannot be assembled, and cannot be released at first."""
        self.service.conf.set_override("outage_timeout", 0.2, group="nodes")
        self.pod.faults.add({"node": {"assemble": "fail"}, "times": 1})
        action = {"type": "error", "status": 500, "message": "The drawer is stuck."}
        self.fault(self.pod, "DELETE", "/Nodes/", times=times, action=action)
        self.node_uuid = self.compose()["uuid"]

    def test_a_node_that_is_gone_is_missing_when_it_is_refreshed(self) -> None:
        node = self.composed()
        self.pod.pod.nodes.clear()
        answer = self.api("GET", f"/v1/nodes/{node['uuid']}?refresh=true")
        self.assertEqual((200, "missing"), (answer.status_code, answer.json["state"]))

    def test_a_node_that_fails_to_assemble_is_released(self) -> None:
        self.pod.faults.add({"node": {"assemble": "fail"}, "times": 1})
        fault = self.failed_compose()
        self.assertEqual("valence.podmanager.failed", fault["code"])
        self.assertEqual({"result": "done", "detail": None}, fault["cleanup"])
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_a_node_that_never_assembles_is_released(self) -> None:
        self.service.conf.set_override("allocate_timeout", 1.0, group="podmanagers")
        self.service.conf.set_override("assemble_timeout", 1.0, group="podmanagers")
        self.pod.faults.add({"node": {"assemble": "stuck"}, "times": 1})
        fault = self.failed_compose()
        self.assertIn("Gave up waiting", str(fault["detail"]))
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_a_lost_answer_to_allocate_composes_one_node(self) -> None:
        self.fault(self.pod, "POST", ALLOCATE, action={"type": "lose_answer"})
        node = self.composed()
        self.assertEqual(1, len(self.pod.pod.nodes))
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        self.assertIsNone(self.settled(node["uuid"]))
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_a_request_to_allocate_that_got_lost_is_repeated(self) -> None:
        self.fault(self.pod, "POST", ALLOCATE, action={"type": "drop"})
        self.composed()
        self.assertEqual(1, len(self.pod.pod.nodes))

    def test_an_answer_without_location_composes_one_node(self) -> None:
        self.fault(self.pod, "POST", ALLOCATE, action={"type": "no_location"})
        self.composed()
        self.assertEqual(1, len(self.pod.pod.nodes))

    def test_a_lost_answer_to_assemble_does_no_harm(self) -> None:
        self.fault(self.pod, "POST", "Assemble", action={"type": "lose_answer"})
        self.composed()

    def test_a_pod_manager_that_restarts_meanwhile_does_no_harm(self) -> None:
        self.fault(self.pod, "GET", "/Nodes/1$", times=3, action={"type": "drop"})
        self.composed()

    def test_a_delete_answered_with_500_is_repeated(self) -> None:
        node = self.composed()
        action = {"type": "error", "status": 500, "message": "Oops"}
        self.fault(self.pod, "DELETE", "/Nodes/", times=2, action=action)
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        self.assertIsNone(self.settled(node["uuid"]))
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_a_node_that_cannot_be_released_stays_with_the_reason(self) -> None:
        node = self.composed()
        self.service.conf.set_override("outage_timeout", 0.2, group="nodes")
        action = {"type": "error", "status": 500, "message": "The drawer is stuck."}
        self.fault(self.pod, "DELETE", "/Nodes/", times=100, action=action)
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        failed = self.settled(node["uuid"])
        assert failed is not None
        self.assertEqual(("error", "release"), (failed["state"], failed["fault"]["operation"]))
        self.assertIn("drawer", failed["fault"]["reason"])
        self.assertEqual(node["path"], failed["path"])
        self.pod.faults.clear()
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        self.assertIsNone(self.settled(node["uuid"]))
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_a_path_that_became_another_node_is_not_deleted(self) -> None:
        node = self.composed()
        self.take_over(next(iter(self.pod.pod.nodes.values())))
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        node = self.settled(node["uuid"]) or {}
        fault = ("error", "valence.node.identity_conflict")
        self.assertEqual(fault, (node["state"], node["fault"]["code"]))
        self.assertIn("a database", node["fault"]["detail"])
        self.assertEqual(1, len(self.pod.pod.nodes))

    def test_many_requests_at_once_compose_what_the_pool_has(self) -> None:
        nodes = [self.compose()["uuid"] for _ in range(6)]
        states = [(self.settled(uuid) or {})["state"] for uuid in nodes]
        self.assertEqual(["composed"] * 4 + ["error"] * 2, sorted(states))
        for uuid in nodes:
            self.api("DELETE", f"/v1/nodes/{uuid}")
        for uuid in nodes:
            self.assertIsNone(self.settled(uuid))
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_many_requests_with_the_same_uuid_at_once_are_one_node(self) -> None:
        body = {"uuid": str(uuids.uuid4()), "name": "once", "properties": base.FOUR_CORES}
        answers: list[int] = []

        def send() -> None:
            answers.append(self.api("POST", "/v1/nodes", body).status_code)

        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(8, len([status for status in answers if status in (200, 202)]), answers)
        self.settled(body["uuid"])
        self.assertEqual(1, len(self.pod.pod.nodes))


class TestCancel(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate(pace=Pace(assemble=60))
        self.start()
        self.know(self.pod)
        self.before = self.books_of(self.pod)

    def test_a_node_deleted_while_it_is_composed_is_released(self) -> None:
        node = self.compose()
        self.wait_for(lambda: (self.node(node["uuid"]) or {})["task"] == "assemble-node")
        answer = self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        self.assertEqual((202, "composing"), (answer.status_code, answer.json["state"]))
        again = self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        self.assertIn(again.status_code, (202, 404))
        self.assertIsNone(self.settled(node["uuid"]))
        self.assertEqual(self.before, self.books_of(self.pod))

    def test_a_cancelled_node_that_cannot_be_released_at_once_is_released_later(self) -> None:
        self.service.conf.set_override("outage_timeout", 0.2, group="nodes")
        node = self.compose()
        self.wait_for(lambda: (self.node(node["uuid"]) or {})["task"] == "assemble-node")
        action = {"type": "error", "status": 500, "message": "Oops"}
        self.fault(self.pod, "DELETE", "/Nodes/", times=4, action=action)
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        self.wait_for(lambda: (self.node(node["uuid"]) or {}).get("state") != "composing")
        self.wait_for(lambda: self.release_or_gone(node["uuid"]))
        self.assertEqual(self.before, self.books_of(self.pod))
