# SPDX-License-Identifier: Apache-2.0

"""What Placement is told, from what Valence says."""

import dataclasses
import pathlib
import re
from typing import Any

from tests import base
from valence_integration.nova import capacity
from valence_integration.nova import computenode
from valence_integration.nova import conf
from valence_integration.nova import placement
from valence_integration.nova import service
from valenceclient import errors
from valenceclient import testing

ROOT = pathlib.Path(__file__).parents[4]
ROOM = 5
SMALL = {"processor": {"total_cores": 4}}


class InventoryTestCase(base.TestCase):
    """Has a Valence with two pod managers and a flavor."""

    def setUp(self) -> None:
        super().setUp()
        self.valence = testing.FakeValence()
        self.client = self.valence.client()
        self.first = next(self.client.podmanagers.list()).uuid
        self.second = self.valence.add_podmanager("pod-2")["uuid"]
        self.gold = self.valence.add_flavor("gold", SMALL)["uuid"]
        self.capacity = self.make_capacity()

    def make_capacity(self, max_age: float = 0, full_interval: float = 600) -> capacity.Capacity:
        return capacity.Capacity(
            lambda: self.client, max_age=max_age, assumed_room=ROOM, full_interval=full_interval
        )

    def compose(self, pod: str, **more: Any) -> str:
        asked = more or {"flavor_id": self.gold}
        return self.client.nodes.create(podm_id=pod, wait=True, **asked).uuid

    def counted(self, pods: tuple[str, ...] = (), own: tuple[str, ...] = ()) -> dict[str, tuple]:
        node = computenode.ComputeNode("uuid", "name", pods or (self.first,))
        made = placement.of(node, self.capacity.look(), self.capacity, own)
        return {name: (one["total"], one["reserved"]) for name, one in made.items()}


class TestInventory(InventoryTestCase):
    def test_a_total_is_what_is_composed_and_what_could_be(self) -> None:
        own = self.compose(self.first)
        self.assertEqual(
            {"CUSTOM_VALENCE_NODE": (ROOM, 0), "CUSTOM_VALENCE_GOLD": (ROOM + 1, 0)},
            self.counted(own=(own,)),
        )

    def test_what_others_composed_is_reserved(self) -> None:
        own, _other = self.compose(self.first), self.compose(self.first)
        self.compose(self.first, properties=SMALL)
        self.assertEqual(
            {"CUSTOM_VALENCE_NODE": (ROOM + 1, 1), "CUSTOM_VALENCE_GOLD": (ROOM + 2, 1)},
            self.counted(own=(own,)),
        )

    def test_what_could_be_is_a_node_for_each_free_system_that_is_large_enough(self) -> None:
        for name, cores, state in (("a", 2, "free"), ("b", 8, "free"), ("c", 8, "used")):
            self.valence.add_system(name, podm="pod-1", cores=cores, state=state)
        self.assertEqual(
            {"CUSTOM_VALENCE_NODE": (2, 0), "CUSTOM_VALENCE_GOLD": (1, 0)}, self.counted()
        )
        self.assertEqual((ROOM, 0), self.counted((self.second,))["CUSTOM_VALENCE_GOLD"])
        self.capacity.note_refusal(self.first, self.gold)
        self.assertEqual((1, 1), self.counted()["CUSTOM_VALENCE_GOLD"])

    def test_a_pod_that_is_disabled_gets_nothing(self) -> None:
        self.valence.podmanagers.get(self.first)["enabled"] = False
        self.assertEqual((1, 1), self.counted()["CUSTOM_VALENCE_GOLD"])

    def test_what_stands_on_other_pods_does_not_count(self) -> None:
        self.compose(self.second)
        self.assertEqual((ROOM, 0), self.counted()["CUSTOM_VALENCE_GOLD"])

    def test_a_group_is_the_sum_of_its_pods(self) -> None:
        own = (self.compose(self.first), self.compose(self.second))
        counted = self.counted((self.first, self.second), own)
        self.assertEqual((2 * ROOM + 2, 0), counted["CUSTOM_VALENCE_GOLD"])

    def test_a_pod_that_is_offline_keeps_what_it_has_and_gets_nothing(self) -> None:
        own = self.compose(self.first)
        self.offline(self.first)
        counted = self.counted(own=(own,))
        self.assertEqual((1, 0), counted["CUSTOM_VALENCE_GOLD"])
        self.assertEqual((1, 1), counted["CUSTOM_VALENCE_NODE"])

    def offline(self, pod: str) -> None:
        self.valence.podmanagers.get(pod)["status"] = "offline"

    def test_a_class_without_a_flavor_is_closed_while_nodes_may_be_of_it(self) -> None:
        self.compose(self.first)
        look = self.capacity.look()
        bare = capacity.Look(look.pods, {}, look.nodes, look.at)
        node = computenode.ComputeNode("uuid", "name", (self.first,))
        made = placement.of(node, bare, self.capacity, (), ["CUSTOM_VALENCE_GOLD", "CUSTOM_X"])
        self.assertEqual({"CUSTOM_VALENCE_NODE", "CUSTOM_VALENCE_GOLD"}, set(made))
        closed = made["CUSTOM_VALENCE_GOLD"]
        self.assertEqual((1, 1), (closed["total"], closed["reserved"]))
        empty = capacity.Look(look.pods, {}, {}, look.at)
        made = placement.of(node, empty, self.capacity, (), ["CUSTOM_VALENCE_GOLD"])
        self.assertEqual({"CUSTOM_VALENCE_NODE"}, set(made))

    def test_names_are_spelled_as_placement_wants_them(self) -> None:
        self.assertEqual("CUSTOM_VALENCE_GOLD_2_GPU", placement.resource_class("gold-2.gpu"))

    def test_traits_tell_what_the_hardware_offers(self) -> None:
        look = self.capacity.look()
        kinds = {"FPGA": {"total": 2, "used": 1, "free": 1}, "GPU": {"total": 0}}
        usage = {"devices": {"by_type": kinds}}
        pods = {self.first: dataclasses.replace(look.pods[self.first], usage=usage)}
        node = computenode.ComputeNode("uuid", "name", (self.first,))
        told = placement.traits(node, dataclasses.replace(look, pods=pods), ())
        self.assertIn("CUSTOM_VALENCE_DEVICE_FPGA", told)
        self.assertNotIn("CUSTOM_VALENCE_DEVICE_GPU", told)

    def test_traits_of_others_stay(self) -> None:
        node = computenode.ComputeNode("uuid", "name", (self.first,))
        known = ["COMPUTE_NODE", "CUSTOM_RAIN", "CUSTOM_VALENCE_POD_OLD_NAME"]
        self.assertEqual(
            {
                "COMPUTE_NODE",
                "CUSTOM_RAIN",
                "CUSTOM_VALENCE_COMPOSABLE",
                "CUSTOM_VALENCE_POD_POD_1",
                "CUSTOM_VALENCE_DRIVER_RSD",
            },
            placement.traits(node, self.capacity.look(), known),
        )


class TestRefusal(InventoryTestCase):
    def of_gold(self) -> tuple:
        return self.counted()["CUSTOM_VALENCE_GOLD"]

    def test_a_pod_that_refused_is_full_until_something_is_given_back(self) -> None:
        node = self.compose(self.first)
        self.capacity.note_refusal(self.first, self.gold)
        self.assertEqual((1, 1), self.of_gold())
        self.assertEqual((ROOM, 0), self.counted((self.second,))["CUSTOM_VALENCE_GOLD"])
        self.client.nodes.delete(node, wait=True)
        self.assertEqual((ROOM, 0), self.of_gold())

    def test_a_refusal_is_forgotten_in_time(self) -> None:
        self.capacity = self.make_capacity(full_interval=0)
        self.capacity.note_refusal(self.first, self.gold)
        self.assertEqual((ROOM, 0), self.of_gold())


class TestCost(InventoryTestCase):
    def test_one_look_serves_all_compute_nodes_for_a_while(self) -> None:
        self.capacity = self.make_capacity(max_age=60)
        self.counted()
        before = len(self.valence.calls)
        for pod in (self.first, self.second):
            self.counted((pod,))
        self.assertEqual(before, len(self.valence.calls))
        self.capacity.expire()
        self.counted()
        paths = [call.path for call in self.valence.calls[before:]]
        listed = ["/v1/podmanagers", "/v1/flavors", "/v1/nodes", "/v1/systems"]
        self.assertEqual(listed, paths)

    def test_when_valence_is_away_what_is_known_stays(self) -> None:
        known = self.capacity.look()
        self.valence.answer("GET", "/v1/.*", 503, times=9)
        self.assertEqual(known.pods, self.capacity.look().pods)

    def test_at_the_very_first_valence_must_answer(self) -> None:
        self.valence.answer("GET", "/v1/.*", 503, times=9)
        self.assertRaises(errors.ValenceError, self.capacity.look)

    def test_an_empty_list_wipes_no_pod_that_valence_knows_by_name(self) -> None:
        known = self.capacity.look()
        self.valence.answer("GET", "/v1/podmanagers", 200, {"podmanagers": []})
        self.assertEqual(set(known.pods), set(self.capacity.look().pods))

    def test_a_pod_that_was_deleted_goes(self) -> None:
        self.capacity.look()
        self.client.podmanagers.delete(self.second)
        self.assertEqual({self.first}, set(self.capacity.look().pods))


class TestComputeNodes(InventoryTestCase):
    def nodes(self, wanted: tuple[str, ...] = (), **groups: list[str]) -> dict[str, tuple]:
        made = computenode.of(self.capacity.look().pods, wanted, groups)
        return {name: node.pods for name, node in made.items()}

    def test_every_pod_is_a_compute_node_with_its_uuid(self) -> None:
        self.assertEqual({self.first: (self.first,), self.second: (self.second,)}, self.nodes())

    def test_pods_are_named_or_grouped(self) -> None:
        self.assertEqual({self.first: (self.first,)}, self.nodes(("pod-1", "nobody")))
        self.assertEqual(
            {"east": (self.second,), self.first: (self.first,)}, self.nodes(east=["pod-2"])
        )

    def test_groups_are_written_with_a_name_and_their_pods(self) -> None:
        self.assertEqual({"east": ["a", "b"]}, conf.groups(["east: a, b"]))
        for wrong in (["east"], ["east:"], [": a"], ["a: x", "a: y"], ["a: x", "b: x"]):
            self.assertRaises(ValueError, conf.groups, wrong)


class TestElsewhere(InventoryTestCase):
    """Whether a server that was refused may be built on another compute node."""

    def elsewhere(self, *refused: str, **groups: list[str]) -> tuple[int, list[str]]:
        nothing: Any = None
        opened = service.Service(
            nothing, groups, nothing, self.capacity, nothing, nothing, nothing
        )
        return opened.elsewhere(dict.fromkeys(refused, "No."), self.gold)

    def test_another_pod_that_is_well_and_has_room_may_be_tried(self) -> None:
        self.assertEqual((1, [self.second]), self.elsewhere(self.first))

    def test_one_that_is_full_or_refused_may_not(self) -> None:
        self.assertEqual((2, []), self.elsewhere(self.first, self.second))
        self.capacity.note_refusal(self.second, self.gold)
        self.assertEqual((1, []), self.elsewhere(self.first))

    def test_a_group_was_tried_when_one_of_it_was(self) -> None:
        self.assertEqual((1, []), self.elsewhere(self.first, east=["pod-1", "pod-2"]))


class TestOptions(base.TestCase):
    def test_the_sample_shows_every_option(self) -> None:
        sample = (ROOT / "etc/valence/nova-valence.conf.sample").read_text()
        missing = [option.name for option in conf.OPTS if f"\n#{option.name} =" not in sample]
        self.assertEqual([], missing)

    def test_every_option_has_a_help(self) -> None:
        self.assertEqual([], [option.name for option in conf.OPTS if not option.help])

    def test_what_needs_no_nova_imports_none(self) -> None:
        """The samples, the commands and these tests run where there is no Nova."""
        with_nova = {"driver.py", "exceptions.py", "ironic_driver.py", "spawn.py"}
        for path in (ROOT / "valence_integration/nova").glob("*.py"):
            imports = re.search(r"(?m)^(import|from) nova\b", path.read_text())
            self.assertEqual(path.name in with_nova, imports is not None, path.name)
