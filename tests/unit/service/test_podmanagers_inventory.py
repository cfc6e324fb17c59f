# SPDX-License-Identifier: Apache-2.0

"""The inventory of a driver: what it costs, and what unusual responses become."""

from collections.abc import Mapping
import logging
from typing import Any

import fixtures

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


#: A connection with so many requests begins a session.
LOGIN = 1


class TestCost(base.TestCase):
    def start(self, **options: Any) -> tuple[Simulator, rsd_driver.RSDDriver]:
        size = Size((Shape(systems=48),), fpgas=2)
        simulator = Simulator(size, **options)
        simulator.start()
        self.addCleanup(simulator.stop)
        access = fake_redfish.access(simulator.url, password="admin")
        client = Connection(fake_redfish.conf(), access)
        driver = rsd_driver.RSDDriver(client)
        self.addCleanup(driver.close)
        driver.check()
        return simulator, driver

    def cost(self, simulator: Simulator) -> int:
        total: int = simulator.journal.show()["total"]
        simulator.journal.clear()
        return total

    def resources(self, pool: inventory.Inventory) -> int:
        parts = [
            len(d.processors) + len(d.drives) + len(d.nics)
            for d in [*(system.details for system in pool.systems), *pool.apart.values()]
        ]
        drives = [device for device in pool.devices if device.type == "storage"]
        # Every system stands in a sled, and both in a drawer's rack.
        return 2 * len(pool.systems) + len(pool.apart) + len(drives) + 2 + sum(parts)

    def test_without_expand_it_costs_a_request_a_resource_and_little_more(self) -> None:
        simulator, driver = self.start()
        self.cost(simulator)
        pool = driver.inventory({})
        self.assertEqual(48, len(pool.systems))
        cost = self.cost(simulator)
        self.assertEqual(pool.requests + LOGIN, cost)
        self.assertLessEqual(cost, 1.3 * self.resources(pool))

    def test_cached_details_are_not_read_again(self) -> None:
        simulator, driver = self.start()
        first = driver.inventory({})
        self.cost(simulator)
        again = driver.inventory(first.details)
        self.assertEqual(first.systems, again.systems)
        self.assertEqual(first.devices, again.devices)
        # Three collections, 48 systems and one with the accelerators, 48 sleds, drawer, rack.
        self.assertEqual(3 + 49 + 50, self.cost(simulator))

    def test_with_expand_it_costs_a_request_a_collection(self) -> None:
        simulator, driver = self.start(expand=True)
        self.cost(simulator)
        pool = driver.inventory({})
        self.assertEqual(3, self.cost(simulator))
        again = driver.inventory(pool.details)
        self.assertEqual((pool.systems, pool.devices), (again.systems, again.devices))
        self.assertEqual(3, self.cost(simulator))

    def test_new_drives_of_a_drawer_cost_one_request_with_expand(self) -> None:
        simulator, driver = self.start(expand=True)
        pool = driver.inventory({})
        drives = {device.path for device in pool.devices if device.type == "storage"}
        cached = {path: each for path, each in pool.details.items() if path not in drives}
        self.cost(simulator)
        self.assertEqual(pool.devices, driver.inventory(cached).devices)
        self.assertEqual(3 + 1, self.cost(simulator))

    def test_both_ways_return_the_same(self) -> None:
        _, plain = self.start()
        _, expanding = self.start(expand=True)
        one, other = plain.inventory({}), expanding.inventory({})
        self.assertEqual(one.systems, other.systems)
        self.assertEqual(one.racks, other.racks)
        self.assertEqual(one.devices, other.devices)

    def test_pages_are_followed_with_what_they_expand(self) -> None:
        simulator, driver = self.start(expand=True, page_size=20)
        self.cost(simulator)
        self.assertEqual(48, len(driver.inventory({}).systems))
        self.assertEqual(3 + 3 + 1, self.cost(simulator))

    def test_one_that_advertises_expand_and_refuses_it_is_read_without(self) -> None:
        simulator, driver = self.start(expand=True)
        action = {"type": "error", "status": 501, "message": "Not here."}
        simulator.faults.add({"match": {"method": "GET", "path": "expand"}, "action": action})
        self.assertEqual(48, len(driver.inventory({}).systems))

    def test_a_composed_node_has_its_system_with_its_parts(self) -> None:
        _, driver = self.start()
        path = driver.allocate("valence-x", "", {"processor": {"total_cores": 4}})
        used = [one for one in driver.inventory({}).systems if one.state == "used"]
        self.assertEqual([(path, "valence-x")], [(one.node_path, one.node_name) for one in used])
        self.assertEqual(16, used[0].cores)
        self.assertEqual(65536, used[0].memory_mib)
        self.assertEqual(["SSD"], [drive["type"] for drive in used[0].details.drives])
        self.assertEqual(2, len({nic["mac"] for nic in used[0].details.nics}))

    def test_pooled_devices_have_a_type_and_a_group(self) -> None:
        _, driver = self.start()
        devices = driver.inventory({}).devices
        self.assertEqual(["FPGA"] * 2 + ["storage"] * 4, sorted(device.type for device in devices))
        self.assertEqual({("free", "Drawer1")}, {(d.state, d.pooled_group_id) for d in devices})
        drive = next(device for device in devices if device.type == "storage")
        expected = {"capacity_gib": 1600, "media_type": "SSD", "protocol": "NVMe"}
        self.assertEqual(expected, {key: drive.properties[key] for key in expected})
        fpga = next(device for device in devices if device.type == "FPGA")
        self.assertIn("model", fpga.properties)

    def test_a_device_that_a_node_holds_names_the_node(self) -> None:
        _, driver = self.start()
        properties = {"pci_device": [{"type": "FPGA", "count": 1}]}
        path = driver.allocate("valence-x", "", properties)
        allocated = [each for each in driver.inventory({}).devices if each.state == "allocated"]
        self.assertEqual(
            [("FPGA", path, "valence-x")],
            [(each.type, each.node_path, each.node_name) for each in allocated],
        )


class TestUnusualResponses(base.TestCase):
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

    def test_a_listing_that_is_shorter_than_it_counts_is_an_error(self) -> None:
        page = fake_redfish.page(SYSTEMS, f"{SYSTEMS}/1", **{"Members@odata.count": 48})
        self.on(SYSTEMS, page)
        self.fails("counts 48 members, and lists 1")

    def test_the_root_is_read_again_after_a_failure(self) -> None:
        self.transport.on("GET", NODES, fake_redfish.refusal(404))
        self.fails("cannot be read")
        moved = "/redfish/v1/Elsewhere"
        self.on("/redfish/v1/", {**ROOT, "Nodes": {"@odata.id": moved}})
        self.on(moved, fake_redfish.page(moved))
        self.assertEqual([], list(self.driver.inventory({}).systems))

    def test_bad_values_hide_neither_a_system_nor_its_parts(self) -> None:
        cpus = f"{SYSTEMS}/0/Processors"
        self.list_systems(
            {
                "Name": ["bad"],
                "UUID": "x",
                "Status": {"State": ["Absent"], "Health": {}},
                "MemorySummary": {"TotalSystemMemoryGiB": "much"},
                "Processors": {"@odata.id": cpus},
                "Links": {"Chassis": [{"@odata.id": "http://[::1"}]},
            }
        )
        self.on(cpus, fake_redfish.page(cpus, f"{cpus}/1"))
        cpu = {"@odata.id": f"{cpus}/1", "ProcessorType": "CPU", "TotalCores": 8, "Model": {}}
        self.on(f"{cpus}/1", cpu)
        (system,) = self.driver.inventory({}).systems
        self.assertEqual(
            (None, "x", "free", None),
            (system.name, system.redfish_uuid, system.state, system.memory_mib),
        )
        self.assertEqual(8, system.cores)
        self.assertEqual(
            [{"path": f"{cpus}/1", "type": "CPU", "cores": 8}], system.details.processors
        )
        self.assertNotEqual("", system.details.fingerprint)

    def test_a_bad_value_is_reported_by_the_first_inventory_only(self) -> None:
        self.list_systems({"Name": ["bad"]})
        log = self.useFixture(fixtures.FakeLogger(level=logging.WARNING))
        for _ in range(2):
            self.driver.inventory({})
        self.assertEqual(1, log.output.count("Name of /redfish/v1/Systems/0"))

    def parts(self, path: str, *parts: Mapping[str, Any], times: int = 1) -> None:
        """List each part so many times, in another spelling each time."""
        paths = [f"{path}/{number}" for number in range(1, len(parts) + 1)]
        self.on(
            path,
            fake_redfish.page(path, *(each + "/" * n for each in paths for n in range(times))),
        )
        for each, part in zip(paths, parts, strict=True):
            self.on(each, {"@odata.id": each, **part})

    def test_what_is_listed_twice_counts_once(self) -> None:
        cpus, nics, drive = (
            f"{SYSTEMS}/0/Processors",
            f"{SYSTEMS}/0/NICs",
            f"{CHASSIS}/Sled/Drives/1",
        )
        self.list_systems(
            {"Processors": {"@odata.id": cpus}, "EthernetInterfaces": {"@odata.id": nics}}
        )
        self.on(
            SYSTEMS, fake_redfish.page(SYSTEMS, f"{SYSTEMS}/0", f"{SYSTEMS}/0/", f"{SYSTEMS}/%30")
        )
        self.parts(cpus, {"TotalCores": 8}, {"TotalCores": 8}, times=2)
        self.parts(
            nics,
            {"MACAddress": "52:54:00:00:00:01"},
            {"MACAddress": "52-54-00-00-00-01"},
            {},
            times=2,
        )
        links = [{"@odata.id": f"{SYSTEMS}/{number}"} for number in ("0", "0/", "%30")]
        sled = self.drawer("Sled", drive, f"{drive}/", drive, ComputerSystems=links)
        self.on(CHASSIS, fake_redfish.page(CHASSIS, sled, f"{sled}/"))
        self.on(drive, {"@odata.id": drive, "MediaType": "SSD"})
        pool = self.driver.inventory({})
        (system,) = pool.systems
        self.assertEqual(16, system.cores)
        self.assertEqual([{"mac": "52:54:00:00:00:01"}, {}], system.details.nics)
        self.assertEqual([{"path": drive, "type": "SSD"}], system.details.drives)
        self.assertEqual([sled], [rack.path for rack in pool.racks])
        self.assertNotEqual("", system.details.fingerprint)

    def test_a_pooled_drive_that_is_linked_twice_is_one_device(self) -> None:
        one = f"{CHASSIS}/Drawer/Drives/1"
        drawer, rack = self.drawer("Drawer", one, f"{one}/"), self.drawer("Rack", f"{one}/", "/x")
        self.on(CHASSIS, fake_redfish.page(CHASSIS, drawer, rack))
        self.on(one, {"@odata.id": one})
        self.assertEqual([one], [device.path for device in self.driver.inventory({}).devices])

    def test_a_holder_is_known_in_every_spelling_of_a_path(self) -> None:
        self.list_systems({})
        self.on(SYSTEMS, fake_redfish.page(SYSTEMS, f"{SYSTEMS}/./0"))
        self.on(f"{SYSTEMS}/./0", {"Name": "one"})
        node = {"Name": "n", "Links": {"ComputerSystem": {"@odata.id": f"{SYSTEMS}/%30/"}}}
        self.on(NODES, fake_redfish.page(NODES, f"{NODES}/1"))
        self.on(f"{NODES}/1", node)
        (system,) = self.driver.inventory({}).systems
        self.assertEqual(("used", "n"), (system.state, system.node_name))

    def test_a_system_whose_link_dangles_is_absent(self) -> None:
        self.list_systems({"Name": "one"}, {"Name": "two"})
        self.transport.on("GET", f"{SYSTEMS}/0", fake_redfish.refusal(404))
        pool = self.driver.inventory({})
        self.assertEqual(["two"], [system.name for system in pool.systems])
        self.assertEqual((set(), False), (set(pool.unread), pool.partial))

    def test_parts_whose_links_dangle_are_not_read_again_at_each_refresh(self) -> None:
        cpus, drive = f"{SYSTEMS}/0/Processors", f"{CHASSIS}/Sled/Drives/1"
        self.list_systems(
            {"Processors": {"@odata.id": cpus}, "EthernetInterfaces": {"@odata.id": "/gone"}}
        )
        self.on(cpus, fake_redfish.page(cpus, f"{cpus}/1", f"{cpus}/2"))
        self.on(f"{cpus}/1", {"TotalCores": 8})
        links = [{"@odata.id": f"{SYSTEMS}/0"}]
        self.on(
            CHASSIS, fake_redfish.page(CHASSIS, self.drawer("Sled", drive, ComputerSystems=links))
        )
        first = self.driver.inventory({})
        self.assertEqual((8, frozenset()), (first.systems[0].cores, first.unread))
        again = self.driver.inventory(first.details)
        self.assertEqual(first.systems, again.systems)
        # The root was read before: three collections, a system, a chassis.
        self.assertEqual(5, again.requests)

    def test_a_node_whose_link_dangles_holds_nothing(self) -> None:
        self.list_systems({})
        self.on(NODES, fake_redfish.page(NODES, f"{NODES}/1"))
        pool = self.driver.inventory({})
        self.assertEqual(["free"], [system.state for system in pool.systems])
        self.assertEqual(frozenset(), pool.unread)

    def test_members_that_are_no_links_hide_no_others(self) -> None:
        self.list_systems({"Name": "one"})
        odd = [None, 7, "", {}, [], {"@odata.id": 5}, {"@odata.id": ""}, SYSTEMS, "http://[::1"]
        links = [f"{SYSTEMS}/0", *odd]
        self.on(SYSTEMS, {"Members": links, "Members@odata.count": len(links)})
        pool = self.driver.inventory({})
        self.assertEqual(["one"], [system.name for system in pool.systems])
        self.assertTrue(pool.partial)

    def test_words_and_names_in_another_case_are_the_same(self) -> None:
        self.list_systems({"status": {"STATE": "absent"}}, {"Status": {"State": "DISABLED"}}, {})
        rack = f"{CHASSIS}/Rack"
        self.on(CHASSIS, {"members": [{"@odata.id": rack}]})
        self.on(rack, {"chassisType": "RACK", "links": {"computerSystems": [f"{SYSTEMS}/2"]}})
        pool = self.driver.inventory({})
        self.assertEqual(["absent", "absent", "free"], [each.state for each in pool.systems])
        self.assertEqual(["Rack"], [each.chassis_type for each in pool.racks])
        self.assertEqual(rack, pool.systems[2].rack_path)

    def test_a_collection_that_is_missing_is_not_taken_for_an_empty_one(self) -> None:
        self.transport.on("GET", NODES, fake_redfish.refusal(404))
        self.fails("cannot be read")

    def test_pages_that_lead_back_are_an_error(self) -> None:
        following = {"Members@odata.nextLink": SYSTEMS}
        self.on(SYSTEMS, fake_redfish.page(SYSTEMS, **following))
        self.fails("lead back")

    def test_one_system_that_cannot_be_read_does_not_hide_the_others(self) -> None:
        self.list_systems({"Name": "one"}, {"Name": "two"})
        self.transport.on("GET", f"{SYSTEMS}/0", fake_redfish.refusal(500, "Oops"))
        pool = self.driver.inventory({})
        self.assertEqual(["two"], [system.name for system in pool.systems])
        self.assertEqual({f"{SYSTEMS}/0"}, set(pool.unread))

    def test_one_that_does_not_respond_any_more_is_an_error(self) -> None:
        self.list_systems({"Name": "one"})
        self.transport.on("GET", f"{SYSTEMS}/0", fake_redfish.refusal(503))
        self.assertRaises(errors.PodManagerUnreachable, self.driver.inventory, {})

    def test_a_system_without_properties_is_a_system(self) -> None:
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

    def test_a_sled_has_a_rack_even_if_chassis_contain_each_other(self) -> None:
        self.list_systems({"Links": {"Chassis": [{"@odata.id": f"{CHASSIS}/Sled/"}]}})
        self.on(CHASSIS, fake_redfish.page(CHASSIS, f"{CHASSIS}/Sled", f"{CHASSIS}/Drawer"))
        for name, container in (("Sled", "Drawer"), ("Drawer", "Sled")):
            link = {"ContainedBy": {"@odata.id": f"{CHASSIS}/{container}"}}
            self.on(f"{CHASSIS}/{name}", {"@odata.id": f"{CHASSIS}/{name}", "Links": link})
        pool = self.driver.inventory({})
        self.assertEqual(f"{CHASSIS}/Drawer", pool.systems[0].rack_path)
        self.assertEqual([f"{CHASSIS}/Drawer"], [rack.path for rack in pool.racks])

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
        pool = self.driver.inventory({})
        self.assertEqual([(other, {})], [(each.path, each.properties) for each in pool.devices])
        self.assertEqual({one}, set(pool.unread))

    def test_a_local_drive_has_the_names_of_flavors(self) -> None:
        one, other = f"{CHASSIS}/Sled/Drives/1", f"{CHASSIS}/Sled/Drives/2"
        self.list_systems({})
        systems = [{"@odata.id": f"{SYSTEMS}/0"}]
        sled = self.drawer("Sled", one, other, ComputerSystems=systems)
        self.on(CHASSIS, fake_redfish.page(CHASSIS, sled))
        self.on(one, {"Protocol": "NVMe", "MediaType": "SSD", "CapacityBytes": 2**30})
        self.on(other, {"Protocol": "SATA", "MediaType": "HDD", "RotationSpeedRPM": 7200})
        (system,) = self.driver.inventory({}).systems
        self.assertEqual(
            [
                {"path": one, "type": "NVMe", "interface": "NVMe", "capacity_gib": 1},
                {"path": other, "type": "HDD", "interface": "SATA", "rpm": 7200},
            ],
            system.details.drives,
        )

    def test_a_drive_that_two_chassis_list_belongs_to_the_smaller(self) -> None:
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

    def test_chassis_that_would_include_each_other_are_expanded_by_one_level(self) -> None:
        features = {"ExpandAll": True, "Levels": True, "MaxLevels": 6}
        self.on("/redfish/v1/", {**ROOT, "ProtocolFeaturesSupported": {"ExpandQuery": features}})
        for path in (SYSTEMS, f"{SYSTEMS}?$expand=*($levels=4)"):
            self.on(path, fake_redfish.page(SYSTEMS))
        self.on(f"{CHASSIS}?$expand=*($levels=1)", fake_redfish.page(CHASSIS))
        self.on(f"{NODES}?$expand=*($levels=1)", fake_redfish.page(NODES))
        pool = self.driver.inventory({})
        self.assertEqual((3, []), (pool.requests, list(pool.devices)))

    def test_drives_of_a_replaced_drawer_are_read_again(self) -> None:
        one = f"{CHASSIS}/Drawer/Drives/1"
        path = self.drawer("Drawer", one)
        self.on(CHASSIS, fake_redfish.page(CHASSIS, path))
        self.transport.on(
            "GET",
            one,
            fake_redfish.ok({"@odata.id": one, "Model": "old"}),
            fake_redfish.ok({"@odata.id": one, "Model": "new"}),
        )
        cached = self.driver.inventory({}).details
        self.assertEqual("old", self.driver.inventory(cached).devices[0].properties["model"])
        links = {"Drives": [{"@odata.id": one}]}
        self.on(path, {"@odata.id": path, "SerialNumber": "another", "Links": links})
        self.assertEqual("new", self.driver.inventory(cached).devices[0].properties["model"])
