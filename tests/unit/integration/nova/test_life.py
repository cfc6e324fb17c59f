# SPDX-License-Identifier: Apache-2.0

"""Servers are composed, tried elsewhere, and given back, with the plugin at work."""

from collections.abc import Mapping
import time
from typing import Any
import uuid as uuids

from tests.unit.integration import base
from tests.unit.integration import test_provisioning
from valence_integration import requirements
from valence_integration import states
from valence_integration.nova import servers
from valence_integration.nova.capacity import Capacity
from valence_integration.nova.missing import Presence
from valence_integration.objects.instance import Instance

PATIENCE = 60.0


class ServersTestCase(test_provisioning.ProvisionerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()
        self.first = next(self.valence.client().podmanagers.list()).uuid
        self.second = self.valence.add_podmanager("pod-2")["uuid"]
        self.servers = servers.Servers(self.provisioner)
        self.uuid = str(uuids.uuid4())
        self.refusals: list[tuple[str, Mapping[str, Any]]] = []

    def compose(self, *pods: str, wanted: bool = True, timeout: float = PATIENCE) -> Instance:
        asked = requirements.Requirements(properties=base.PROPERTIES)
        return self.servers.compose(
            servers.Wish(self.uuid, "web", asked),
            pods or (self.first,),
            timeout,
            lambda: wanted,
            lambda pod, fault: self.refusals.append((pod, fault)),
        )

    def pods_of_nodes(self) -> list[str]:
        return [node.podm_id for node in self.valence.client().nodes.list()]


class TestCompose(ServersTestCase):
    def test_a_machine_is_composed_on_the_pod_that_was_named(self) -> None:
        row = self.compose(self.second)
        self.assertEqual((states.ACTIVE, self.second), (row.state, row.podm_uuid))
        self.assertEqual([self.second], self.pods_of_nodes())
        self.assertEqual("available", self.node_of(row)["provision_state"])

    def test_asking_again_is_the_same_machine(self) -> None:
        row = self.compose()
        self.assertEqual(row.node_uuid, self.compose().node_uuid)
        self.assertEqual(1, len(self.pods_of_nodes()))

    def test_the_next_pod_is_asked_when_one_refuses(self) -> None:
        self.valence.fail("compose", reason="No drive is free.")
        row = self.compose(self.first, self.second)
        self.assertEqual((states.ACTIVE, self.second), (row.state, row.podm_uuid))
        [(pod, fault)] = self.refusals
        self.assertEqual((self.first, "No drive is free."), (pod, servers.words(fault)))

    def test_a_server_that_every_pod_refuses_comes_to_nothing_and_may_come_again(self) -> None:
        self.valence.fail("compose", reason="No drive is free.", times=2)
        refused = self.assertRaises(servers.Refused, self.compose, self.first, self.second)
        self.assertEqual({self.first, self.second}, set(refused.refusals))
        self.assertEqual("No drive is free.; No drive is free.", str(refused))
        self.assertEqual([], self.pods_of_nodes())
        self.servers.give_back(self.uuid, PATIENCE)
        self.assertEqual(self.second, self.compose(self.second).podm_uuid)

    def test_a_machine_on_another_pod_is_given_back_first(self) -> None:
        self.compose(self.first)
        self.compose(self.second)
        self.assertEqual([self.second], self.pods_of_nodes())

    def test_a_server_that_nobody_wants_any_more_is_given_back(self) -> None:
        self.stall()
        self.assertRaises(servers.Unwanted, self.compose, wanted=False)
        self.go_on()
        self.until_deleted()

    def test_past_the_deadline_it_is_given_back(self) -> None:
        self.stall()
        late = self.assertRaises(servers.NotGivenBack, self.compose, timeout=0.05)
        self.assertIn("being given back", str(late))
        self.go_on()
        self.until_deleted()

    def stall(self) -> None:
        """Have Ironic hold the node for somebody else."""
        self.provisioner.stop()
        self.provisioner = self.open()
        self.servers = servers.Servers(self.provisioner)

    def go_on(self) -> None:
        """Have the conductor take up what was asked for."""
        self.provisioner.start()
        self.addCleanup(self.provisioner.stop)

    def until_deleted(self) -> None:
        until = time.monotonic() + PATIENCE
        while self.provisioner.get(self.uuid).state != states.DELETED:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)
        self.assertEqual([], self.pods_of_nodes())


class TestGiveBack(ServersTestCase):
    def test_what_was_composed_is_given_back_however_often_it_is_asked(self) -> None:
        self.compose()
        for _ in range(2):
            self.servers.give_back(self.uuid, PATIENCE)
        self.assert_nothing_is_left()

    def test_a_server_without_a_machine_is_given_back_already(self) -> None:
        self.servers.give_back(self.uuid, PATIENCE)
        self.servers.abandon(self.uuid)
        self.assertIsNone(self.servers.find(self.uuid))

    def test_what_cannot_be_given_back_says_why_and_may_be_asked_again(self) -> None:
        self.compose()
        self.valence.fail("release", reason="The node hangs.", times=9)
        held = self.assertRaises(servers.NotGivenBack, self.servers.give_back, self.uuid, PATIENCE)
        self.assertIn("The node hangs.", str(held))
        self.valence._moves._failures.clear()
        self.servers.give_back(self.uuid, PATIENCE)
        self.assert_nothing_is_left()


class TestPresence(ServersTestCase):
    def presence(self) -> Presence:
        capacity = Capacity(self.valence.client, max_age=0, assumed_room=1, full_interval=0)
        return Presence(self.task_context.ironic, capacity, 0)

    def missing(self) -> list[str]:
        rows = self.provisioner.list()
        return [missing for _row, missing in self.presence().vanished(rows)]

    def test_a_machine_that_is_there_is_not_missed(self) -> None:
        row = self.compose()
        self.assertEqual([], self.missing())
        self.assertIn(row.ironic_uuid, self.presence().nodes())

    def test_a_node_that_somebody_deleted_in_ironic_is_missed(self) -> None:
        row = self.compose()
        del self.ironic.nodes[str(row.ironic_uuid)]
        self.assertIn(f"Ironic does not know its node {row.ironic_uuid}", self.missing()[0])

    def test_a_service_that_does_not_answer_misses_nothing(self) -> None:
        row = self.compose()
        del self.ironic.nodes[str(row.ironic_uuid)]
        self.ironic.answer("GET", f"/v1/nodes/{row.ironic_uuid}", 503, "Busy.", times=9)
        self.assertEqual([], self.missing())
