# SPDX-License-Identifier: Apache-2.0

"""What a driver tells of a pod: how much it asks, and what it makes of odd answers."""

from collections.abc import Mapping
from typing import Any

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.server import Simulator
from tests import base
from tests.unit.service import fake_redfish
from valence import errors
from valence.podmanagers import inventory
from valence.podmanagers.http.connection import Connection
from valence.podmanagers.rsd import driver as rsd_driver

SYSTEMS = "/redfish/v1/Systems"
CHASSIS = "/redfish/v1/Chassis"
NODES = "/redfish/v1/Nodes"

ROOT = {
    "@odata.id": "/redfish/v1/",
    "Name": "Rack",
    "Systems": {"@odata.id": SYSTEMS},
    "Chassis": {"@odata.id": CHASSIS},
    "Nodes": {"@odata.id": NODES},
}


#: A connection that is used so much begins a session.
LOGIN = 1


class TestCost(base.TestCase):
    def pod(self, **options: Any) -> tuple[Simulator, rsd_driver.RSDDriver]:
        size = Size((Shape(systems=48),), fpgas=2)
        simulator = Simulator(size, **options)
        simulator.start()
        self.addCleanup(simulator.stop)
        client = Connection(fake_redfish.conf(), simulator.url, "admin", "admin", True)
        driver = rsd_driver.RSDDriver(client)
        self.addCleanup(driver.close)
        driver.check()
        return simulator, driver

    def cost(self, simulator: Simulator) -> int:
        total: int = simulator.journal.show()["total"]
        simulator.journal.clear()
        return total

    def resources(self, seen: inventory.Inventory) -> int:
        parts = [
            len(d.processors) + len(d.drives) + len(d.nics)
            for d in [*(system.details for system in seen.systems), *seen.apart.values()]
        ]
        drives = [device for device in seen.devices if device.type == "storage"]
        # Every system stands in a sled, and both in a drawer's rack.
        return 2 * len(seen.systems) + len(seen.apart) + len(drives) + 2 + sum(parts)

    def test_without_expand_it_costs_a_request_a_resource_and_little_more(self) -> None:
        simulator, driver = self.pod()
        self.cost(simulator)
        seen = driver.inventory({})
        self.assertEqual(48, len(seen.systems))
        cost = self.cost(simulator)
        self.assertEqual(seen.requests + LOGIN, cost)
        self.assertLessEqual(cost, 1.3 * self.resources(seen))

    def test_what_is_known_in_detail_is_not_read_again(self) -> None:
        simulator, driver = self.pod()
        first = driver.inventory({})
        self.cost(simulator)
        again = driver.inventory(first.known)
        self.assertEqual(first.systems, again.systems)
        self.assertEqual(first.devices, again.devices)
        # Three collections, 48 systems and one with the accelerators, 48 sleds, drawer, rack.
        self.assertEqual(3 + 49 + 50, self.cost(simulator))

    def test_with_expand_it_costs_a_request_a_collection(self) -> None:
        simulator, driver = self.pod(expand=True)
        self.cost(simulator)
        seen = driver.inventory({})
        self.assertEqual(3, self.cost(simulator))
        again = driver.inventory(seen.known)
        self.assertEqual((seen.systems, seen.devices), (again.systems, again.devices))
        self.assertEqual(3, self.cost(simulator))

    def test_new_drives_of_a_drawer_cost_one_request_with_expand(self) -> None:
        simulator, driver = self.pod(expand=True)
        seen = driver.inventory({})
        drives = {one.path for one in seen.devices if one.type == "storage"}
        known = {path: one for path, one in seen.known.items() if path not in drives}
        self.cost(simulator)
        self.assertEqual(seen.devices, driver.inventory(known).devices)
        self.assertEqual(3 + 1, self.cost(simulator))

    def test_both_ways_tell_the_same(self) -> None:
        _, slow = self.pod()
        _, quick = self.pod(expand=True)
        one, other = slow.inventory({}), quick.inventory({})
        self.assertEqual(one.systems, other.systems)
        self.assertEqual(one.racks, other.racks)
        self.assertEqual(one.devices, other.devices)

    def test_pages_are_followed_with_what_they_expand(self) -> None:
        simulator, driver = self.pod(expand=True, page_size=20)
        self.cost(simulator)
        self.assertEqual(48, len(driver.inventory({}).systems))
        self.assertEqual(3 + 3 + 1, self.cost(simulator))

    def test_one_that_advertises_expand_and_refuses_it_is_read_without(self) -> None:
        simulator, driver = self.pod(expand=True)
        action = {"type": "error", "status": 501, "message": "Not here."}
        simulator.faults.add({"match": {"method": "GET", "path": "expand"}, "action": action})
        self.assertEqual(48, len(driver.inventory({}).systems))

    def test_a_composed_node_has_its_system_and_what_is_in_it(self) -> None:
        _, driver = self.pod()
        path = driver.allocate("valence-x", "", {"processor": {"total_cores": 4}})
        used = [one for one in driver.inventory({}).systems if one.state == "used"]
        self.assertEqual([(path, "valence-x")], [(one.node_path, one.node_name) for one in used])
        self.assertEqual(16, used[0].cores)
        self.assertEqual(65536, used[0].memory_mib)
        self.assertEqual(["SSD"], [drive["type"] for drive in used[0].details.drives])
        self.assertEqual(2, len({nic["mac"] for nic in used[0].details.nics}))

    def test_pooled_devices_say_what_they_are_and_where(self) -> None:
        _, driver = self.pod()
        devices = driver.inventory({}).devices
        self.assertEqual(["FPGA"] * 2 + ["storage"] * 4, sorted(one.type for one in devices))
        self.assertEqual({("free", "Drawer1")}, {(d.state, d.pooled_group_id) for d in devices})
        drive = next(one for one in devices if one.type == "storage")
        told = {key: drive.properties[key] for key in ("capacity_gib", "media_type", "protocol")}
        self.assertEqual({"capacity_gib": 1600, "media_type": "SSD", "protocol": "NVMe"}, told)
        fpga = next(one for one in devices if one.type == "FPGA")
        self.assertIn("model", fpga.properties)

    def test_a_device_that_a_node_has_names_the_node(self) -> None:
        _, driver = self.pod()
        wish = {"pci_device": [{"type": "FPGA", "count": 1}]}
        path = driver.allocate("valence-x", "", wish)
        taken = [one for one in driver.inventory({}).devices if one.state == "allocated"]
        self.assertEqual(
            [("FPGA", path, "valence-x")],
            [(one.type, one.node_path, one.node_name) for one in taken],
        )


class TestOddAnswers(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.transport = fake_redfish.Transport()
        self.on("/redfish/v1/", ROOT)
        for path in (SYSTEMS, CHASSIS, NODES):
            self.on(path, fake_redfish.page(path))
        self.driver = fake_redfish.driver(self.transport)

    def on(self, path: str, *bodies: Any) -> None:
        self.transport.on("GET", path, *map(fake_redfish.ok, bodies))

    def list_systems(self, *systems: Mapping[str, Any]) -> None:
        paths = [f"{SYSTEMS}/{number}" for number in range(len(systems))]
        self.on(SYSTEMS, fake_redfish.page(SYSTEMS, *paths))
        for path, system in zip(paths, systems, strict=True):
            self.on(path, {"@odata.id": path, **system})

    def fails(self, words: str) -> None:
        exc = self.assertRaises(errors.PodManagerFailed, self.driver.inventory, {})
        self.assertIn(words, exc.detail)

    def test_a_listing_that_is_shorter_than_it_says_is_not_believed(self) -> None:
        page = fake_redfish.page(SYSTEMS, f"{SYSTEMS}/1", **{"Members@odata.count": 48})
        self.on(SYSTEMS, page)
        self.fails("says that it has 48 members, and lists 1")

    def test_a_collection_that_is_missing_is_not_taken_for_an_empty_one(self) -> None:
        self.transport.on("GET", NODES, fake_redfish.refusal(404))
        self.fails("cannot be read")

    def test_pages_that_lead_back_are_refused(self) -> None:
        following = {"Members@odata.nextLink": SYSTEMS}
        self.on(SYSTEMS, fake_redfish.page(SYSTEMS, **following))
        self.fails("leads back")

    def test_one_system_that_cannot_be_read_does_not_hide_the_others(self) -> None:
        self.list_systems({"Name": "one"}, {"Name": "two"})
        self.transport.on("GET", f"{SYSTEMS}/0", fake_redfish.refusal(500, "Oops"))
        seen = self.driver.inventory({})
        self.assertEqual(["two"], [system.name for system in seen.systems])
        self.assertEqual({f"{SYSTEMS}/0"}, set(seen.unread))

    def test_one_that_does_not_answer_any_more_is_an_error(self) -> None:
        self.list_systems({"Name": "one"})
        self.transport.on("GET", f"{SYSTEMS}/0", fake_redfish.refusal(503))
        self.assertRaises(errors.PodManagerUnreachable, self.driver.inventory, {})

    def test_a_system_that_says_nothing_is_a_system(self) -> None:
        self.list_systems({})
        system = self.driver.inventory({}).systems[0]
        self.assertEqual("free", system.state)
        self.assertEqual((None, None), (system.cores, system.rack_path))

    def test_details_that_cannot_be_read_are_read_again_the_next_time(self) -> None:
        processors = f"{SYSTEMS}/0/Processors"
        self.list_systems({"UUID": "x", "Processors": {"@odata.id": processors}})
        cpu = {"@odata.id": f"{processors}/1", "ProcessorType": "CPU", "TotalCores": 8}
        self.on(processors, fake_redfish.page(processors, f"{processors}/1"))
        self.transport.on(
            "GET", f"{processors}/1", fake_redfish.refusal(500), fake_redfish.ok(cpu)
        )
        first = self.driver.inventory({}).systems[0]
        self.assertEqual((None, ""), (first.cores, first.details.fingerprint))
        again = self.driver.inventory({first.path: first.details}).systems[0]
        self.assertEqual(8, again.cores)

    def test_a_rack_is_found_around_a_sled_and_circles_end(self) -> None:
        self.list_systems({"Links": {"Chassis": [{"@odata.id": f"{CHASSIS}/Sled/"}]}})
        self.on(CHASSIS, fake_redfish.page(CHASSIS, f"{CHASSIS}/Sled", f"{CHASSIS}/Drawer"))
        for own, around in (("Sled", "Drawer"), ("Drawer", "Sled")):
            link = {"ContainedBy": {"@odata.id": f"{CHASSIS}/{around}"}}
            self.on(f"{CHASSIS}/{own}", {"@odata.id": f"{CHASSIS}/{own}", "Links": link})
        seen = self.driver.inventory({})
        self.assertEqual(f"{CHASSIS}/Drawer", seen.systems[0].rack_path)
        self.assertEqual([f"{CHASSIS}/Drawer"], [rack.path for rack in seen.racks])

    def drawer(self, name: str, *drives: str, **more: Any) -> str:
        path = f"{CHASSIS}/{name}"
        links = {"Drives": [{"@odata.id": drive} for drive in drives], **more}
        self.on(path, {"@odata.id": path, "Links": links})
        return path

    def test_a_pooled_drive_that_cannot_be_read_does_not_hide_the_others(self) -> None:
        one, other = f"{CHASSIS}/Drawer/Drives/1", f"{CHASSIS}/Drawer/Drives/2"
        self.on(CHASSIS, fake_redfish.page(CHASSIS, self.drawer("Drawer", one, other)))
        self.transport.on("GET", one, fake_redfish.refusal(500, "Oops"))
        self.on(other, {"@odata.id": other})
        seen = self.driver.inventory({})
        self.assertEqual([(other, {})], [(one.path, one.properties) for one in seen.devices])
        self.assertEqual({one}, set(seen.unread))

    def test_a_drive_that_two_chassis_list_is_one_in_the_smaller(self) -> None:
        one, other = f"{CHASSIS}/Drawer/Drives/1", f"{CHASSIS}/Rack/Drives/2"
        rack, drawer = self.drawer("Rack", one, other), self.drawer("Drawer", one)
        self.on(CHASSIS, fake_redfish.page(CHASSIS, rack, drawer))
        for path in (one, other):
            self.on(path, {"@odata.id": path, "CapacityBytes": 10**9, "RotationSpeedRPM": 0})
        devices = self.driver.inventory({}).devices
        self.assertEqual(
            [(one, "Drawer"), (other, "Rack")],
            [(device.path, device.pooled_group_id) for device in devices],
        )

    def test_chassis_that_would_bring_each_other_along_are_expanded_by_one_level(self) -> None:
        features = {"ExpandAll": True, "Levels": True, "MaxLevels": 6}
        self.on("/redfish/v1/", {**ROOT, "ProtocolFeaturesSupported": {"ExpandQuery": features}})
        for path in (SYSTEMS, f"{SYSTEMS}?$expand=*($levels=4)"):
            self.on(path, fake_redfish.page(SYSTEMS))
        self.on(f"{CHASSIS}?$expand=*", fake_redfish.page(CHASSIS))
        self.on(f"{NODES}?$expand=*", fake_redfish.page(NODES))
        seen = self.driver.inventory({})
        self.assertEqual((3, []), (seen.requests, list(seen.devices)))

    def test_a_drawer_that_is_another_has_other_drives(self) -> None:
        one = f"{CHASSIS}/Drawer/Drives/1"
        path = self.drawer("Drawer", one)
        self.on(CHASSIS, fake_redfish.page(CHASSIS, path))
        self.transport.on(
            "GET",
            one,
            fake_redfish.ok({"@odata.id": one, "Model": "old"}),
            fake_redfish.ok({"@odata.id": one, "Model": "new"}),
        )
        first = self.driver.inventory({})
        self.assertEqual("old", self.driver.inventory(first.known).devices[0].properties["model"])
        links = {"Drives": [{"@odata.id": one}]}
        self.on(path, {"@odata.id": path, "SerialNumber": "another", "Links": links})
        self.assertEqual("new", self.driver.inventory(first.known).devices[0].properties["model"])
