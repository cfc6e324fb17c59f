# SPDX-License-Identifier: Apache-2.0

"""Machines of servers are composed, tried on other pod managers, and released."""

from collections.abc import Mapping
from typing import Any
import uuid as uuids

from tests.unit.integration import base
from tests.unit.integration import test_provisioning
from valence_integration import states
from valence_integration.nova import servers
from valence_integration.nova.capacity import Capacity
from valence_integration.nova.missing import MissingNodes
from valence_integration.objects.instance import Instance
from valence_integration.requirements import Requirements

TIMEOUT = 60.0


class ServersTestCase(test_provisioning.ProvisionerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()
        self.first = next(self.valence.client().podmanagers.list()).uuid
        self.second = self.valence.add_podmanager("pod-2")["uuid"]
        self.servers = servers.Servers(self.provisioner)
        self.uuid = str(uuids.uuid4())
        self.refusals: list[tuple[str, Mapping[str, Any]]] = []

    def compose(
        self, *podm_ids: str, is_deleted: bool = False, timeout: float = TIMEOUT
    ) -> Instance:
        requirements = Requirements(properties=base.PROPERTIES)
        return self.servers.compose(
            servers.ServerRequest(self.uuid, "web", requirements),
            podm_ids or (self.first,),
            timeout,
            lambda: is_deleted,
            lambda podm_id, fault: self.refusals.append((podm_id, fault)),
        )

    def podm_ids_of_nodes(self) -> list[str]:
        return [node.podm_id for node in self.valence.client().nodes.list()]


class TestCompose(ServersTestCase):
    def test_a_machine_is_composed_on_the_requested_pod_manager(self) -> None:
        row = self.compose(self.second)
        self.assertEqual((states.ACTIVE, self.second), (row.state, row.podm_uuid))
        self.assertEqual([self.second], self.podm_ids_of_nodes())
        self.assertEqual("available", self.node_of(row)["provision_state"])

    def test_a_repeated_request_returns_the_same_machine(self) -> None:
        row = self.compose()
        self.assertEqual(row.node_uuid, self.compose().node_uuid)
        self.assertEqual(1, len(self.podm_ids_of_nodes()))

    def test_the_next_pod_manager_is_tried_when_one_refuses(self) -> None:
        self.valence.fail("compose", reason="No drive is free.")
        row = self.compose(self.first, self.second)
        self.assertEqual((states.ACTIVE, self.second), (row.state, row.podm_uuid))
        [(podm_id, fault)] = self.refusals
        self.assertEqual((self.first, "No drive is free."), (podm_id, servers.reason_of(fault)))

    def test_a_server_that_every_pod_manager_refuses_holds_nothing_and_can_be_requested_again(
        self,
    ) -> None:
        self.valence.fail("compose", reason="No drive is free.", times=2)
        refused = self.assertRaises(servers.Refused, self.compose, self.first, self.second)
        self.assertEqual({self.first, self.second}, set(refused.faults))
        self.assertEqual("No drive is free.; No drive is free.", str(refused))
        self.assertEqual([], self.podm_ids_of_nodes())
        self.servers.release(self.uuid, TIMEOUT)
        self.assertEqual(self.second, self.compose(self.second).podm_uuid)

    def test_a_machine_on_another_pod_manager_is_released_first(self) -> None:
        self.compose(self.first)
        self.compose(self.second)
        self.assertEqual([self.second], self.podm_ids_of_nodes())

    def test_the_machine_of_a_server_that_was_deleted_is_released(self) -> None:
        self.stop_conductor()
        self.assertRaises(servers.Deleted, self.compose, is_deleted=True)
        self.start_conductor()
        self.wait_until_deleted()

    def test_the_machine_is_released_after_the_timeout(self) -> None:
        self.stop_conductor()
        timed_out = self.assertRaises(servers.NotReleased, self.compose, timeout=0.05)
        self.assertIn("is being released", str(timed_out))
        self.start_conductor()
        self.wait_until_deleted()

    def stop_conductor(self) -> None:
        """Stop the conductor, so that requests stay pending."""
        self.provisioner.stop()
        self.provisioner = self.open()
        self.servers = servers.Servers(self.provisioner)

    def start_conductor(self) -> None:
        """Start the conductor again, which runs the pending requests."""
        self.provisioner.start()
        self.addCleanup(self.provisioner.stop)

    def wait_until_deleted(self) -> None:
        self.wait_for(lambda: self.provisioner.get(self.uuid).state == states.DELETED)
        self.assertEqual([], self.podm_ids_of_nodes())


class TestRelease(ServersTestCase):
    def test_a_release_can_be_repeated(self) -> None:
        self.compose()
        for _ in range(2):
            self.servers.release(self.uuid, TIMEOUT)
        self.assert_nothing_is_left()

    def test_a_server_without_a_machine_is_already_released(self) -> None:
        self.servers.release(self.uuid, TIMEOUT)
        self.assertFalse(self.servers.start_release(self.uuid))
        self.assertIsNone(self.servers.find(self.uuid))

    def test_a_failed_release_has_the_reason_and_can_be_repeated(self) -> None:
        self.compose()
        self.valence.fail("release", reason="The node hangs.", times=9)
        failed = self.assertRaises(servers.NotReleased, self.servers.release, self.uuid, TIMEOUT)
        self.assertIn("The node hangs.", str(failed))
        self.valence._moves._failures.clear()
        self.servers.release(self.uuid, TIMEOUT)
        self.assert_nothing_is_left()


class TestMissingNodes(ServersTestCase):
    def missing_nodes(self) -> MissingNodes:
        capacity = Capacity(self.valence.client, max_age=0, assumed_room=1, full_interval=0)
        return MissingNodes(self.task_context.ironic, capacity, 0)

    def reasons(self) -> list[str]:
        rows = self.provisioner.list()
        return [reason for _row, reason in self.missing_nodes().find(rows)]

    def test_a_node_that_exists_is_not_missing(self) -> None:
        row = self.compose()
        self.assertEqual([], self.reasons())
        self.assertIn(row.ironic_uuid, self.missing_nodes().ironic_nodes())

    def test_a_node_that_was_deleted_in_ironic_is_missing(self) -> None:
        row = self.compose()
        del self.ironic.nodes[str(row.ironic_uuid)]
        self.assertEqual([f"Ironic no longer has its node {row.ironic_uuid}"], self.reasons())

    def test_no_node_is_missing_while_ironic_is_unavailable(self) -> None:
        row = self.compose()
        del self.ironic.nodes[str(row.ironic_uuid)]
        self.ironic.answer("GET", f"/v1/nodes/{row.ironic_uuid}", 503, "Busy.", times=9)
        self.assertEqual([], self.reasons())
