# SPDX-License-Identifier: Apache-2.0

"""With schedule_first a server is composed only when Mogan's scheduler finds no node."""

import uuid as uuids

from tests.unit.integration import mogan_world as world
from valence_integration.mogan import scheduling

UNTRANSLATABLE = {
    "resources": {"CUSTOM_GOLD": 1, "CUSTOM_VALENCE_PROCESSOR_TOTAL_CORES": 0},
    "resource_traits": {},
}


class TestScheduleFirst(world.MoganTestCase):
    schedule_first = True

    def add_node(self) -> str:
        """Add an existing node, which Mogan's scheduler knows."""
        node = str(uuids.uuid4())
        self.ironic.add(node, "available")
        self.scheduler.nodes.append(node)
        return node

    def test_an_existing_node_is_used_and_nothing_is_composed(self) -> None:
        node = self.add_node()
        server = self.create(self.start(), flavor=world.EITHER)
        self.assertEqual(("active", node), (server.status, server.node_uuid))
        self.assertIsNone(server.composed)
        self.assertEqual([], self.valence.calls)

    def test_mogans_scheduler_receives_no_key_of_valence(self) -> None:
        self.create(self.start(), flavor=world.EITHER)
        request = self.scheduler.requests[0]
        self.assertEqual({"CUSTOM_GOLD": 1}, request["flavor"]["resources"])
        self.assertEqual({}, request["flavor"]["resource_traits"])
        self.assertEqual(1, request["num_servers"])

    def test_without_an_existing_node_one_is_composed(self) -> None:
        server = self.create(self.start(), flavor=world.EITHER)
        self.assertEqual(("active", True), (server.status, server.composed))
        self.assertEqual([], self.contract.FAULTS)
        self.assertEqual([server.uuid], [row.uuid for row in self.instances.list()])

    def test_when_the_attempts_are_exhausted_one_is_composed(self) -> None:
        self.add_node()
        manager, server = self.start(), self.add_server()
        exhausted = {"retry": {"num_attempts": 3, "nodes": ["a", "b", "c"]}}
        self.request(manager, server, flavor=world.EITHER, filter_properties=exhausted)
        self.join()
        self.assertIs(True, self.read(server).composed)
        self.assertEqual("active", self.read(server).status)

    def test_a_flavor_that_cannot_be_composed_fails_as_in_mogan(self) -> None:
        manager = self.start()
        for flavor in (world.PLAIN, UNTRANSLATABLE):
            server = self.add_server()
            self.assertRaises(
                self.mogan.exception.NoValidNode, self.request, manager, server, flavor=flavor
            )
            self.assertEqual("error", self.read(server).status)
            self.assertIn("No filtered nodes", self.contract.FAULTS[-1]["message"])
        self.assertEqual([], self.valence.calls)

    def test_a_flavor_without_existing_resources_is_composed_at_once(self) -> None:
        self.add_node()
        self.assertIs(True, self.create(self.start()).composed)
        self.assertEqual([], self.scheduler.requests)

    def test_all_other_attributes_are_those_of_mogans_scheduler_client(self) -> None:
        self.assertIs(self.scheduler.reportclient, self.start().scheduler_client.reportclient)


class TestDefault(world.MoganTestCase):
    def test_without_the_option_mogans_scheduler_stays_as_it_is(self) -> None:
        manager = self.start()
        self.assertIs(self.scheduler, manager.scheduler_client)
        server = self.add_server()
        self.assertRaises(
            self.mogan.exception.NoValidNode, self.request, manager, server, flavor=world.PLAIN
        )

    def test_a_request_without_a_flavor_is_left_to_mogan(self) -> None:
        for spec in (None, {}, {"flavor": None}, {"flavor": {"resources": None}}):
            self.assertFalse(scheduling.is_valence(spec))
