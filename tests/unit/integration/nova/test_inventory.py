# SPDX-License-Identifier: Apache-2.0

"""The inventory and compute nodes of Nova, computed from the resources of Valence."""

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
    """A Valence with two pod managers and a flavor."""

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

    def compose(self, podm_id: str, **fields: Any) -> str:
        fields = fields or {"flavor_id": self.gold}
        return self.client.nodes.create(podm_id=podm_id, wait=True, **fields).uuid

    def inventory(
        self, podm_ids: tuple[str, ...] = (), own: tuple[str, ...] = ()
    ) -> dict[str, tuple]:
        """Return the total and the reserved number of each resource class."""
        node = computenode.ComputeNode("uuid", "name", podm_ids or (self.first,))
        snapshot = self.capacity.snapshot()
        inventory = placement.inventory(node, snapshot, self.capacity, own)
        return {name: (record["total"], record["reserved"]) for name, record in inventory.items()}


class TestInventory(InventoryTestCase):
    def test_a_total_counts_composed_nodes_and_possible_ones(self) -> None:
        own = self.compose(self.first)
        self.assertEqual(
            {"CUSTOM_VALENCE_NODE": (ROOM, 0), "CUSTOM_VALENCE_GOLD": (ROOM + 1, 0)},
            self.inventory(own=(own,)),
        )

    def test_nodes_of_other_users_are_reserved(self) -> None:
        own = self.compose(self.first)
        self.compose(self.first)
        self.compose(self.first, properties=SMALL)
        self.assertEqual(
            {"CUSTOM_VALENCE_NODE": (ROOM + 1, 1), "CUSTOM_VALENCE_GOLD": (ROOM + 2, 1)},
            self.inventory(own=(own,)),
        )

    def test_room_is_a_node_for_each_free_system_that_is_large_enough(self) -> None:
        for name, cores, state in (("a", 2, "free"), ("b", 8, "free"), ("c", 8, "used")):
            self.valence.add_system(name, podm="pod-1", cores=cores, state=state)
        self.assertEqual(
            {"CUSTOM_VALENCE_NODE": (2, 0), "CUSTOM_VALENCE_GOLD": (1, 0)}, self.inventory()
        )
        self.assertEqual((ROOM, 0), self.inventory((self.second,))["CUSTOM_VALENCE_GOLD"])
        self.capacity.record_refusal(self.first, self.gold)
        self.assertEqual((1, 1), self.inventory()["CUSTOM_VALENCE_GOLD"])

    def test_a_disabled_pod_manager_has_no_room(self) -> None:
        self.valence.podmanagers.get(self.first)["enabled"] = False
        self.assertEqual((1, 1), self.inventory()["CUSTOM_VALENCE_GOLD"])

    def test_nodes_on_other_pod_managers_do_not_count(self) -> None:
        self.compose(self.second)
        self.assertEqual((ROOM, 0), self.inventory()["CUSTOM_VALENCE_GOLD"])

    def test_a_group_is_the_sum_of_its_pod_managers(self) -> None:
        own = (self.compose(self.first), self.compose(self.second))
        inventory = self.inventory((self.first, self.second), own)
        self.assertEqual((2 * ROOM + 2, 0), inventory["CUSTOM_VALENCE_GOLD"])

    def test_a_pod_manager_that_is_out_of_use_keeps_its_nodes_and_has_no_room(self) -> None:
        own = self.compose(self.first)
        for status in ("offline", "mismatched"):
            self.valence.podmanagers.get(self.first)["status"] = status
            inventory = self.inventory(own=(own,))
            self.assertEqual((1, 0), inventory["CUSTOM_VALENCE_GOLD"], status)
            self.assertEqual((1, 1), inventory["CUSTOM_VALENCE_NODE"], status)

    def test_a_class_without_a_flavor_is_reserved_while_nodes_may_belong_to_it(self) -> None:
        self.compose(self.first)
        node = computenode.ComputeNode("uuid", "name", (self.first,))
        snapshot = dataclasses.replace(self.capacity.snapshot(), flavors={})
        existing = ["CUSTOM_VALENCE_GOLD", "CUSTOM_X"]
        inventory = placement.inventory(node, snapshot, self.capacity, (), existing)
        self.assertEqual({"CUSTOM_VALENCE_NODE", "CUSTOM_VALENCE_GOLD"}, set(inventory))
        record = inventory["CUSTOM_VALENCE_GOLD"]
        self.assertEqual((1, 1), (record["total"], record["reserved"]))
        empty = dataclasses.replace(snapshot, nodes={})
        inventory = placement.inventory(node, empty, self.capacity, (), existing)
        self.assertEqual({"CUSTOM_VALENCE_NODE"}, set(inventory))

    def test_names_have_the_form_that_placement_requires(self) -> None:
        self.assertEqual("CUSTOM_VALENCE_GOLD_2_GPU", placement.resource_class("gold-2.gpu"))

    def test_traits_name_the_types_of_devices_that_exist(self) -> None:
        snapshot = self.capacity.snapshot()
        types = {"FPGA": {"total": 2, "used": 1, "free": 1}, "GPU": {"total": 0}}
        podmanager = dataclasses.replace(
            snapshot.podmanagers[self.first], usage={"devices": {"by_type": types}}
        )
        snapshot = dataclasses.replace(snapshot, podmanagers={self.first: podmanager})
        node = computenode.ComputeNode("uuid", "name", (self.first,))
        traits = placement.traits(node, snapshot, ())
        self.assertIn("CUSTOM_VALENCE_DEVICE_FPGA", traits)
        self.assertNotIn("CUSTOM_VALENCE_DEVICE_GPU", traits)

    def test_traits_of_other_services_stay(self) -> None:
        node = computenode.ComputeNode("uuid", "name", (self.first,))
        existing = ["COMPUTE_NODE", "CUSTOM_RAIN", "CUSTOM_VALENCE_POD_OLD_NAME"]
        self.assertEqual(
            {
                "COMPUTE_NODE",
                "CUSTOM_RAIN",
                "CUSTOM_VALENCE_COMPOSABLE",
                "CUSTOM_VALENCE_POD_POD_1",
                "CUSTOM_VALENCE_DRIVER_RSD",
            },
            placement.traits(node, self.capacity.snapshot(), existing),
        )


class TestRefusal(InventoryTestCase):
    def gold_inventory(self) -> tuple:
        return self.inventory()["CUSTOM_VALENCE_GOLD"]

    def test_a_pod_manager_that_refused_is_full_until_a_node_is_released(self) -> None:
        node = self.compose(self.first)
        self.capacity.record_refusal(self.first, self.gold)
        self.assertEqual((1, 1), self.gold_inventory())
        self.assertEqual((ROOM, 0), self.inventory((self.second,))["CUSTOM_VALENCE_GOLD"])
        self.client.nodes.delete(node, wait=True)
        self.assertEqual((ROOM, 0), self.gold_inventory())

    def test_a_refusal_expires(self) -> None:
        self.capacity = self.make_capacity(full_interval=0)
        self.capacity.record_refusal(self.first, self.gold)
        self.assertEqual((ROOM, 0), self.gold_inventory())


class TestCost(InventoryTestCase):
    def test_all_compute_nodes_share_one_cached_snapshot(self) -> None:
        self.capacity = self.make_capacity(max_age=60)
        self.inventory()
        before = len(self.valence.calls)
        for podm_id in (self.first, self.second):
            self.inventory((podm_id,))
        self.assertEqual(before, len(self.valence.calls))
        self.capacity.expire()
        self.inventory()
        paths = [call.path for call in self.valence.calls[before:]]
        listings = ["/v1/podmanagers", "/v1/flavors", "/v1/nodes", "/v1/systems"]
        self.assertEqual(listings, paths)

    def test_while_valence_is_unavailable_the_last_snapshot_stays(self) -> None:
        snapshot = self.capacity.snapshot()
        self.valence.answer("GET", "/v1/.*", 503, times=9)
        self.assertEqual(snapshot.podmanagers, self.capacity.snapshot().podmanagers)

    def test_the_first_snapshot_fails_while_valence_is_unavailable(self) -> None:
        self.valence.answer("GET", "/v1/.*", 503, times=9)
        self.assertRaises(errors.ValenceError, self.capacity.snapshot)

    def test_an_empty_listing_removes_no_pod_manager_that_still_answers(self) -> None:
        snapshot = self.capacity.snapshot()
        self.valence.answer("GET", "/v1/podmanagers", 200, {"podmanagers": []})
        self.assertEqual(set(snapshot.podmanagers), set(self.capacity.snapshot().podmanagers))

    def test_an_address_that_answers_404_to_everything_removes_nothing(self) -> None:
        snapshot = self.capacity.snapshot()
        for body in ("<html></html>", {"errors": [{"code": "valence.request.unknown_path"}]}):
            self.valence.answer("GET", "/v1/.*", 404, body, times=9)
            self.assertEqual(snapshot.podmanagers, self.capacity.snapshot().podmanagers)
            self.assertRaises(errors.NotFound, self.capacity.is_podmanager_deleted, self.first)
            self.assertRaises(errors.NotFound, self.capacity.is_node_deleted, "n")
            self.valence._wire.troubles.clear()
        self.assertTrue(self.capacity.is_node_deleted("n"))

    def test_a_deleted_pod_manager_is_removed(self) -> None:
        self.capacity.snapshot()
        self.client.podmanagers.delete(self.second)
        self.assertEqual({self.first}, set(self.capacity.snapshot().podmanagers))


class TestComputeNodes(InventoryTestCase):
    def nodes(self, selection: tuple[str, ...] = (), **groups: list[str]) -> dict[str, tuple]:
        nodes = computenode.build(self.capacity.snapshot().podmanagers, selection, groups)
        return {name: node.podm_ids for name, node in nodes.items()}

    def test_every_pod_manager_is_a_compute_node_with_its_uuid(self) -> None:
        self.assertEqual({self.first: (self.first,), self.second: (self.second,)}, self.nodes())

    def test_pod_managers_can_be_selected_and_grouped(self) -> None:
        self.assertEqual({self.first: (self.first,)}, self.nodes(("pod-1", "unknown")))
        self.assertEqual(
            {"east": (self.second,), self.first: (self.first,)}, self.nodes(east=["pod-2"])
        )

    def test_a_group_has_a_name_and_pod_managers(self) -> None:
        self.assertEqual({"east": ["a", "b"]}, conf.parse_groups(["east: a, b"]))
        for wrong in (["east"], ["east:"], [": a"], ["a: x", "a: y"], ["a: x", "b: x"]):
            self.assertRaises(ValueError, conf.parse_groups, wrong)


class TestAlternatives(InventoryTestCase):
    """The other compute nodes on which a server that was refused can be built."""

    def alternatives(self, *refused: str, **groups: list[str]) -> tuple[int, list[str]]:
        unused: Any = None
        nova_service = service.Service(
            unused, groups, unused, self.capacity, unused, unused, unused
        )
        return nova_service.alternatives(dict.fromkeys(refused, "No."), self.gold)

    def test_a_usable_pod_manager_with_room_can_be_tried(self) -> None:
        self.assertEqual((1, [self.second]), self.alternatives(self.first))

    def test_a_pod_manager_that_is_full_or_refused_cannot(self) -> None:
        self.assertEqual((2, []), self.alternatives(self.first, self.second))
        self.capacity.record_refusal(self.second, self.gold)
        self.assertEqual((1, []), self.alternatives(self.first))

    def test_a_group_counts_as_tried_when_one_of_its_pod_managers_was(self) -> None:
        self.assertEqual((1, []), self.alternatives(self.first, east=["pod-1", "pod-2"]))


class TestOptions(base.TestCase):
    def test_the_sample_shows_every_option(self) -> None:
        sample = (ROOT / "etc/valence/nova-valence.conf.sample").read_text()
        missing = [option.name for option in conf.OPTS if f"\n#{option.name} =" not in sample]
        self.assertEqual([], missing)

    def test_every_option_has_a_help_text(self) -> None:
        self.assertEqual([], [option.name for option in conf.OPTS if not option.help])

    def test_only_the_modules_that_need_nova_import_it(self) -> None:
        """The samples, the commands and these tests run without Nova."""
        with_nova = {"driver.py", "exceptions.py", "ironic_driver.py", "spawn.py"}
        for path in (ROOT / "valence_integration/nova").glob("*.py"):
            imports = re.search(r"(?m)^(import|from) nova\b", path.read_text())
            self.assertEqual(path.name in with_nova, imports is not None, path.name)
