# SPDX-License-Identifier: Apache-2.0

"""The alternative: Mogan looks first, and a server is composed when it has nothing."""

import uuid as uuids

from tests.unit.integration import mogan_world as world
from valence_integration.mogan import scheduling

UNTRANSLATABLE = {
    "resources": {"CUSTOM_GOLD": 1, "CUSTOM_VALENCE_PROCESSOR_TOTAL_CORES": 0},
    "resource_traits": {},
}


class TestScheduleFirst(world.MoganTestCase):
    schedule_first = True

    def existing(self) -> str:
        """Add a node that exists already, and that Mogan's scheduler knows."""
        node = str(uuids.uuid4())
        self.ironic.add(node, "available")
        self.scheduler.nodes.append(node)
        return node

    def test_a_node_that_exists_is_taken_and_nothing_is_composed(self) -> None:
        node = self.existing()
        server = self.created(self.start(), flavor=world.EITHER)
        self.assertEqual(("active", node), (server.status, server.node_uuid))
        self.assertIsNone(server.composed)
        self.assertEqual([], self.valence.calls)

    def test_mogans_scheduler_is_not_asked_for_what_only_valence_understands(self) -> None:
        self.created(self.start(), flavor=world.EITHER)
        asked = self.scheduler.asked[0]
        self.assertEqual({"CUSTOM_GOLD": 1}, asked["flavor"]["resources"])
        self.assertEqual({}, asked["flavor"]["resource_traits"])
        self.assertEqual(1, asked["num_servers"])

    def test_without_a_node_one_is_composed(self) -> None:
        server = self.created(self.start(), flavor=world.EITHER)
        self.assertEqual(("active", True), (server.status, server.composed))
        self.assertEqual([], self.contract.FAULTS)
        self.assertEqual([server.uuid], [row.uuid for row in self.instances.list()])

    def test_when_the_attempts_are_exhausted_one_is_composed(self) -> None:
        self.existing()
        manager, server = self.start(), self.server()
        tried = {"retry": {"num_attempts": 3, "nodes": ["a", "b", "c"]}}
        self.ask_for(manager, server, flavor=world.EITHER, filter_properties=tried)
        self.join()
        self.assertIs(True, self.read(server).composed)
        self.assertEqual("active", self.read(server).status)

    def test_a_flavor_that_cannot_be_translated_ends_as_mogan_ends_it(self) -> None:
        manager = self.start()
        for flavor in (world.PLAIN, UNTRANSLATABLE):
            server = self.server()
            self.assertRaises(
                self.mogan.exception.NoValidNode, self.ask_for, manager, server, flavor=flavor
            )
            self.assertEqual("error", self.read(server).status)
            self.assertIn("No filtered nodes", self.contract.FAULTS[-1]["message"])
        self.assertEqual([], self.valence.calls)

    def test_a_flavor_that_names_only_what_is_to_be_composed_is_composed_at_once(self) -> None:
        self.existing()
        self.assertIs(True, self.created(self.start()).composed)
        self.assertEqual([], self.scheduler.asked)

    def test_everything_else_of_mogans_scheduler_client_is_left_to_it(self) -> None:
        self.assertIs(self.scheduler.reportclient, self.start().scheduler_client.reportclient)


class TestNotAsked(world.MoganTestCase):
    def test_without_the_option_mogans_scheduler_stays_as_it_is(self) -> None:
        manager = self.start()
        self.assertIs(self.scheduler, manager.scheduler_client)
        server = self.server()
        self.assertRaises(
            self.mogan.exception.NoValidNode, self.ask_for, manager, server, flavor=world.PLAIN
        )

    def test_a_request_without_a_flavor_is_not_ours(self) -> None:
        for spec in (None, {}, {"flavor": None}, {"flavor": {"resources": None}}):
            self.assertFalse(scheduling.is_valence(spec))
