# SPDX-License-Identifier: Apache-2.0

"""Nodes: compose, register, unregister, release, and waits for each."""

import uuid

from tests import base
from tests.unit.client import clock
from valenceclient import Cleanup
from valenceclient import errors
from valenceclient import Node
from valenceclient import testing

SMALL = {"processor": {"total_cores": 8}, "memory": {"capacity_mib": 16384}}


class NodeTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = self.useFixture(clock.Clock())
        self.valence = testing.FakeValence()
        self.client = self.valence.client()
        self.history: list[Node] = []

    def composed(self, name: str = "web-1") -> Node:
        return self.client.nodes.create(name=name, properties=SMALL, wait=True)

    def posts(self) -> list[testing.Call]:
        return [call for call in self.valence.calls if call.method == "POST"]

    def progress(self) -> list[tuple[str, str | None]]:
        return [(node.state, node.task) for node in self.history]


class TestCreate(NodeTest):
    def test_a_create_without_a_wait_returns_at_once(self) -> None:
        node = self.client.nodes.create(name="web-1", properties=SMALL)
        self.assertEqual("composing", node.state)
        self.assertEqual(1, len(self.valence.calls))

    def test_a_create_that_waits_returns_the_composed_node(self) -> None:
        node = self.client.nodes.create(
            name="web-1", properties=SMALL, wait=True, on_progress=self.history.append
        )
        self.assertEqual("composed", node.state)
        self.assertEqual(1, len(node.interfaces))
        self.assertEqual([("composing", "assemble-node"), ("composed", None)], self.progress())

    def test_progress_is_reported_at_changes_only(self) -> None:
        self.valence.polls = 7
        self.client.nodes.create(properties=SMALL, wait=True, on_progress=self.history.append)
        self.assertEqual(2, len(self.history))

    def test_a_create_always_sends_a_uuid(self) -> None:
        node = self.client.nodes.create(properties=SMALL)
        self.assertEqual(node.uuid, self.posts()[0].body["uuid"])
        self.assertEqual(node.uuid, str(uuid.UUID(node.uuid)))

    def test_a_uuid_of_the_caller_is_used(self) -> None:
        node_uuid = str(uuid.uuid4())
        self.assertEqual(
            node_uuid, self.client.nodes.create(uuid=node_uuid, properties=SMALL).uuid
        )

    def test_a_create_whose_response_is_lost_is_retried_as_the_same_node(self) -> None:
        self.valence.lose("POST", "/v1/nodes", times=2)
        node = self.client.nodes.create(name="web-1", properties=SMALL, wait=True)
        self.assertEqual({node.uuid}, {call.body["uuid"] for call in self.posts()})
        self.assertEqual(3, len(self.posts()))
        self.assertEqual([node], list(self.client.nodes.list()))

    def test_a_create_is_retried_after_a_gateway_lost_its_response(self) -> None:
        self.valence.answer("POST", "/v1/nodes", 502, "<html></html>", done=True)
        self.client.nodes.create(name="web-1", properties=SMALL)
        self.assertEqual([502, 202], [call.status for call in self.posts()])

    def test_a_create_gives_up_after_a_few_attempts(self) -> None:
        self.valence.lose("POST", "/v1/nodes", done=False, times=99)
        error = self.assertRaises(errors.ConnectFailed, self.client.nodes.create, properties=SMALL)
        self.assertEqual((4, 4), (error.attempts, len(self.posts())))
        self.assertEqual([0.5, 1.0, 2.0], self.clock.slept)

    def test_a_create_is_not_retried_past_the_deadline_of_its_wait(self) -> None:
        self.valence.lose("POST", "/v1/nodes", done=False, times=99)
        self.assertRaises(
            errors.ConnectFailed,
            self.client.nodes.create,
            properties=SMALL,
            wait=True,
            timeout=0.6,
        )
        self.assertEqual(2, len(self.posts()))

    def test_a_create_that_is_refused_is_not_retried(self) -> None:
        self.valence.answer(
            "POST",
            "/v1/nodes",
            503,
            {
                "errors": [
                    {"status": 503, "code": "valence.podmanager.unreachable", "detail": "No."}
                ]
            },
        )
        self.assertRaises(errors.Unavailable, self.client.nodes.create, properties=SMALL)
        self.assertEqual(1, len(self.posts()))

    def test_a_different_request_with_the_same_uuid_is_a_conflict(self) -> None:
        node = self.client.nodes.create(properties=SMALL)
        error = self.assertRaises(
            errors.Conflict, self.client.nodes.create, uuid=node.uuid, name="b", properties=SMALL
        )
        self.assertEqual("valence.node.duplicate", error.code)

    def test_a_failed_compose_raises_with_the_pod_managers_message(self) -> None:
        self.valence.fail("compose", reason="No processor fits", detail="Refused by pod-1.")
        error = self.assertRaises(errors.NodeFailed, self.composed)
        self.assertEqual("error", error.node.state)
        self.assertEqual(
            ("valence.podmanager.refused", "Refused by pod-1.", "No processor fits", "compose"),
            (error.code, error.detail, error.reason, error.fault.operation),
        )
        self.assertEqual(
            "Node web-1 failed to compose: Refused by pod-1. The reason given: "
            "No processor fits (valence.podmanager.refused)",
            str(error),
        )

    def test_a_fault_has_the_result_of_its_cleanup(self) -> None:
        cleanup = Cleanup(result="failed", detail="System is busy.")
        self.valence.fail("compose", detail="Refused by pod-1.", cleanup=cleanup)
        error = self.assertRaises(errors.NodeFailed, self.composed)
        self.assertEqual(cleanup, error.fault.cleanup)
        self.assertIn("Refused by pod-1. Cleanup failed: System is busy. (valence.", str(error))

    def test_an_error_does_not_mention_a_cleanup_that_is_done(self) -> None:
        self.valence.fail("compose", cleanup=Cleanup(result="done"))
        error = self.assertRaises(errors.NodeFailed, self.composed)
        self.assertEqual(Cleanup(result="done"), error.fault.cleanup)
        self.assertEqual({"result": "done", "detail": None}, error.fault.raw["cleanup"])
        self.assertNotIn("Cleanup", str(error))

    def test_a_fault_without_a_cleanup_has_none(self) -> None:
        self.valence.fail("compose")
        error = self.assertRaises(errors.NodeFailed, self.composed)
        self.assertIsNone(error.fault.cleanup)

    def test_a_compose_past_its_deadline_is_a_timeout_with_the_node(self) -> None:
        self.valence.polls = 10_000
        client = self.valence.client(poll_interval=2.0)
        error = self.assertRaises(
            errors.WaitTimeout,
            client.nodes.create,
            name="w",
            properties=SMALL,
            wait=True,
            timeout=60,
        )
        self.assertEqual("composing", error.node.state)
        self.assertEqual(60.0, sum(self.clock.slept))
        self.assertIn("still composing (assemble-node) after 60 seconds", str(error))

    def test_the_pauses_between_polls_grow_to_the_interval(self) -> None:
        self.valence.polls = 20
        self.valence.client(poll_interval=2.0).nodes.create(properties=SMALL, wait=True)
        self.assertEqual((0.2, 2.0), (self.clock.slept[0], self.clock.slept[-1]))
        self.assertEqual(sorted(self.clock.slept), self.clock.slept)

    def test_a_node_deleted_by_another_client_while_composing_fails_the_wait(self) -> None:
        self.valence.polls = 5

        def delete(node: Node) -> None:
            if node.state == "composing":
                self.client.nodes.delete(node.uuid)

        error = self.assertRaises(
            errors.NodeFailed,
            self.client.nodes.create,
            properties=SMALL,
            wait=True,
            on_progress=delete,
        )
        self.assertEqual("valence.node.cancelled", error.code)

    def test_a_wait_survives_a_restart_of_the_service(self) -> None:
        self.valence.polls = 3
        self.valence.lose("GET", "/v1/nodes/.*", done=False, times=6)
        self.valence.answer("GET", "/v1/nodes/.*", 503, "<html></html>", times=3)
        self.assertEqual("composed", self.composed().state)

    def test_a_wait_gives_up_on_a_service_that_stays_unavailable(self) -> None:
        self.valence.lose("GET", "/v1/nodes/.*", done=False, times=10_000)
        client = self.valence.client(poll_interval=2.0)
        self.assertRaises(errors.ConnectFailed, client.nodes.create, properties=SMALL, wait=True)
        self.assertTrue(120 <= sum(self.clock.slept) < 130, sum(self.clock.slept))

    def test_a_timeout_is_a_positive_number(self) -> None:
        self.assertRaises(
            ValueError, self.client.nodes.create, properties=SMALL, wait=True, timeout=0
        )
        self.assertEqual([], self.valence.calls)


class TestDelete(NodeTest):
    def test_a_deletion_that_waits_returns_when_the_node_is_not_found(self) -> None:
        node = self.composed()
        self.client.nodes.delete(node.uuid, wait=True, on_progress=self.history.append)
        self.assertEqual([("releasing", "delete-node")], self.progress())
        self.assertEqual(404, self.valence.calls[-1].status)
        self.assertEqual([], list(self.client.nodes.list()))

    def test_a_node_is_deleted_by_name(self) -> None:
        self.composed("web-1")
        self.client.nodes.delete("web-1", wait=True)
        self.assertEqual([], list(self.client.nodes.list()))

    def test_a_wait_succeeds_for_a_node_that_is_not_found_at_the_first_poll(self) -> None:
        self.valence.polls = 0
        node = self.composed()
        self.client.nodes.delete(node.uuid, wait=True)
        self.assertEqual([], list(self.client.nodes.list()))

    def test_a_failed_release_raises_with_its_fault(self) -> None:
        node = self.composed()
        self.valence.fail("release", reason="System is busy")
        error = self.assertRaises(
            errors.NodeFailed, self.client.nodes.delete, node.uuid, wait=True
        )
        self.assertEqual(("release", "System is busy"), (error.operation, error.reason))

    def test_a_compose_that_ends_in_error_when_cancelled_does_not_end_the_wait(self) -> None:
        node = self.client.nodes.create(properties=SMALL)
        cancelled = {
            **node.raw,
            "state": "error",
            "fault": {"code": "valence.node.cancelled", "operation": "compose"},
        }
        self.valence.answer("GET", f"/v1/nodes/{node.uuid}", 200, cancelled, times=2)
        self.client.nodes.delete(node.uuid, wait=True)
        self.assertEqual(404, self.valence.calls[-1].status)

    def test_a_failed_node_can_be_deleted(self) -> None:
        self.valence.fail("compose")
        error = self.assertRaises(errors.NodeFailed, self.composed)
        self.client.nodes.delete(error.node.uuid, wait=True)
        self.assertEqual([], list(self.client.nodes.list()))

    def test_deleting_a_registered_node_is_a_conflict(self) -> None:
        node = self.composed()
        self.client.nodes.register(node.uuid, wait=True)
        error = self.assertRaises(errors.Conflict, self.client.nodes.delete, node.uuid, wait=True)
        self.assertEqual("valence.node.registered", error.code)
        self.assertEqual("composed", self.client.nodes.get(node.uuid).state)


class TestRegister(NodeTest):
    def test_a_registration_that_waits_returns_the_registered_node(self) -> None:
        ironic_uuid = str(uuid.uuid4())
        node = self.client.nodes.register(
            self.composed().uuid, uuid=ironic_uuid, resource_class="gold", owner=None, wait=True
        )
        self.assertEqual(("ironic", ironic_uuid), (node.managed_by, node.ironic_uuid))
        body = {"uuid": ironic_uuid, "resource_class": "gold"}
        self.assertEqual(body, self.posts()[-1].body)

    def test_a_registration_that_fails_raises_although_the_node_is_composed(self) -> None:
        node = self.composed()
        self.valence.fail("register", code="valence.ironic.refused", reason="MAC is taken")
        error = self.assertRaises(
            errors.NodeFailed, self.client.nodes.register, node.uuid, wait=True
        )
        self.assertEqual("composed", error.node.state)
        self.assertEqual(
            ("valence.ironic.refused", "MAC is taken", "register"),
            (error.code, error.reason, error.operation),
        )

    def test_a_registration_that_failed_halfway_raises_although_the_node_is_managed(self) -> None:
        node = self.composed()
        fault = {"code": "valence.ironic.unavailable", "operation": "register"}
        halfway = {**node.raw, "managed_by": "ironic", "fault": fault}
        self.valence.answer("GET", f"/v1/nodes/{node.uuid}", 200, halfway)
        error = self.assertRaises(
            errors.NodeFailed, self.client.nodes.register, node.uuid, wait=True
        )
        self.assertEqual("valence.ironic.unavailable", error.code)

    def test_a_repeated_registration_returns_the_registered_node(self) -> None:
        ironic_uuid = str(uuid.uuid4())
        node = self.composed()
        self.client.nodes.register(node.uuid, uuid=ironic_uuid, wait=True)
        second = self.client.nodes.register(node.uuid, uuid=ironic_uuid, wait=True)
        self.assertEqual(ironic_uuid, second.ironic_uuid)
        self.assertEqual(200, self.valence.calls[-1].status)

    def test_a_registration_under_another_uuid_is_a_conflict(self) -> None:
        node = self.composed()
        self.client.nodes.register(node.uuid, wait=True)
        error = self.assertRaises(
            errors.Conflict, self.client.nodes.register, node.uuid, uuid=str(uuid.uuid4())
        )
        self.assertEqual("valence.node.registered", error.code)

    def test_a_registration_whose_response_is_lost_is_not_retried(self) -> None:
        node = self.composed()
        self.valence.lose("POST", "/v1/nodes/.*/register")
        self.assertRaises(errors.ConnectFailed, self.client.nodes.register, node.uuid)
        self.assertEqual(2, len(self.posts()))

    def test_an_unregistration_that_waits_leaves_the_node_composed(self) -> None:
        node = self.composed()
        self.client.nodes.register(node.uuid, wait=True)
        node = self.client.nodes.unregister(node.uuid, wait=True)
        self.assertEqual(("composed", None), (node.state, node.managed_by))

    def test_an_unregistration_that_ironic_refuses_raises_and_changes_nothing(self) -> None:
        node = self.composed()
        self.client.nodes.register(node.uuid, wait=True)
        self.valence.fail("unregister", code="valence.ironic.refused", reason="Node is active")
        error = self.assertRaises(
            errors.NodeFailed, self.client.nodes.unregister, node.uuid, wait=True
        )
        self.assertEqual(("valence.ironic.refused", "ironic"), (error.code, error.node.managed_by))

    def test_unregistering_a_node_that_is_not_registered_is_a_conflict(self) -> None:
        node = self.composed()
        error = self.assertRaises(errors.Conflict, self.client.nodes.unregister, node.uuid)
        self.assertEqual("valence.node.not_registered", error.code)


class TestWait(NodeTest):
    def test_a_wait_derives_the_operation_from_the_state(self) -> None:
        node = self.client.nodes.create(properties=SMALL)
        self.assertEqual("composed", self.client.nodes.wait(node.uuid).state)

    def test_a_wait_for_a_running_registration_raises_when_it_fails(self) -> None:
        node = self.composed()
        self.valence.fail("register")
        self.client.nodes.register(node.uuid)
        error = self.assertRaises(errors.NodeFailed, self.client.nodes.wait, node.uuid)
        self.assertEqual("register", error.operation)

    def test_a_wait_for_a_running_release_returns_the_node_of_the_last_poll(self) -> None:
        node = self.composed()
        self.client.nodes.delete(node.uuid)
        self.assertEqual("releasing", self.client.nodes.wait(node.uuid).state)

    def test_a_wait_for_an_idle_node_returns_it(self) -> None:
        node = self.composed()
        self.assertEqual(node.uuid, self.client.nodes.wait(node.uuid).uuid)

    def test_a_wait_for_an_unknown_node_is_not_found(self) -> None:
        self.assertRaises(errors.NotFound, self.client.nodes.wait, "none")

    def test_a_refresh_is_requested_from_the_service(self) -> None:
        node = self.composed()
        self.client.nodes.get(node.uuid, refresh=True)
        self.assertEqual({"refresh": "true"}, self.valence.calls[-1].query)


class TestIdentity(NodeTest):
    """What an operator states of a node whose facts contradict each other."""

    def test_a_path_that_is_adopted_ends_the_conflict(self) -> None:
        node = self.composed()
        self.valence.contradict(node.uuid)
        fault = self.client.nodes.get(node.uuid).fault
        self.assertEqual("valence.node.identity_conflict", fault.code if fault else None)
        node = self.client.nodes.adopt_path("web-1", "/redfish/v1/Nodes/7")
        self.assertEqual(("/redfish/v1/Nodes/7", None), (node.path, node.fault))

    def test_a_missing_node_whose_path_is_adopted_is_composed(self) -> None:
        node = self.composed()
        self.valence.lose_hardware(node.uuid)
        self.assertEqual("composed", self.client.nodes.adopt_path(node.uuid, "/x").state)

    def test_the_path_of_another_node_is_a_conflict(self) -> None:
        node, other = self.composed(), self.composed("web-2")
        error = self.assertRaises(
            errors.Conflict, self.client.nodes.adopt_path, node.uuid, other.path
        )
        self.assertEqual("valence.node.duplicate", error.code)

    def test_a_node_that_is_in_conflict_is_forgotten(self) -> None:
        node = self.composed()
        error = self.assertRaises(errors.Conflict, self.client.nodes.forget, node.uuid)
        self.assertEqual("valence.node.busy", error.code)
        self.valence.contradict(node.uuid)
        self.client.nodes.forget(node.uuid)
        self.assertEqual({"i_know_it_is_gone": True}, self.posts()[-1].body)
        self.assertRaises(errors.NotFound, self.client.nodes.get, node.uuid)

    def test_a_node_that_ironic_has_is_not_forgotten(self) -> None:
        node = self.composed()
        self.client.nodes.register(node.uuid, wait=True)
        self.valence.contradict(node.uuid)
        error = self.assertRaises(errors.Conflict, self.client.nodes.forget, node.uuid)
        self.assertEqual("valence.node.registered", error.code)
