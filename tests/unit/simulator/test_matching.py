# SPDX-License-Identifier: Apache-2.0

from podm_simulator.pod import errors
from podm_simulator.pod import matching
from podm_simulator.pod import requirements
from tests.unit.simulator import base

DRAWER = "/redfish/v1/Chassis/Drawer1"


class TestChoice(base.PodTestCase):
    def test_an_empty_request_gets_the_smallest_system(self):
        self.assertEqual(8, self.allocate().system.cores)

    def test_total_cores_are_a_minimum(self):
        self.assertEqual(32, self.allocate(TotalSystemCoreCount=9).system.cores)

    def test_total_memory_is_a_minimum(self):
        self.assertEqual(131072, self.allocate(TotalSystemMemoryMiB=32769).system.memory_mib)

    def test_each_requested_processor_needs_a_socket_of_its_own(self):
        self.allocate(Processors=[{"TotalCores": 4}, {"TotalCores": 4}])
        error = self.assertRaises(
            errors.Conflict, self.allocate, Processors=[{"TotalCores": 4}] * 3
        )
        self.assertIn("memory: 2 -> processors: 0]", error.message)

    def test_processors_match_by_model_speed_and_instruction_set(self):
        wish = {
            "Model": "Simulated Xeon Gold 6140",
            "AchievableSpeedMHz": 3000,
            "InstructionSet": "x86-64",
            "Oem": {"Intel_RackScale": {"Brand": "Gold", "Capabilities": ["avx2"]}},
        }
        self.allocate(Processors=[wish])
        for change in (
            {"Model": "Another"},
            {"AchievableSpeedMHz": 9000},
            {"InstructionSet": "ARM-A64"},
            {"Oem": {"Intel_RackScale": {"Brand": "E7"}}},
            {"Oem": {"Intel_RackScale": {"Capabilities": ["avx1024"]}}},
        ):
            self.assertRaises(errors.Conflict, self.allocate, Processors=[wish | change])

    def test_memory_modules_match_by_capacity_type_and_speed(self):
        wish = {"CapacityMiB": 16384, "MemoryDeviceType": "DDR4", "SpeedMHz": 2400}
        self.allocate(Memory=[wish, wish])
        for change in ({"CapacityMiB": 10**6}, {"MemoryDeviceType": "DDR3"}, {"SpeedMHz": 9999}):
            self.assertRaises(errors.Conflict, self.allocate, Memory=[wish | change])

    def test_a_system_is_chosen_for_the_speed_of_its_interfaces(self):
        node = self.allocate(EthernetInterfaces=[{"SpeedMbps": 100000}])
        self.assertEqual("3", node.system.id)

    def test_requested_vlans_are_set_on_the_interface(self):
        vlans = [{"VLANId": 7, "Tagged": True}]
        node = self.allocate(EthernetInterfaces=[{"PrimaryVLAN": 42, "VLANs": vlans}])
        self.assertEqual(42, node.system.nics[0].primary_vlan)
        self.assertEqual([(7, True)], node.system.nics[0].vlans)

    def test_a_system_without_tpm_is_chosen_only_when_requested(self):
        self.allocate(Security={"TpmPresent": True, "TxtEnabled": True})
        self.assertRaises(errors.Conflict, self.allocate, Security={"TpmPresent": False})
        self.assertRaises(errors.Conflict, self.allocate, Security={"TpmInterfaceType": "TPM1_2"})

    def test_null_accepts_any_value(self):
        self.allocate(TotalSystemCoreCount=None, Processors=[{"Model": None}])


class TestDrives(base.PodTestCase):
    def test_a_local_drive_comes_from_the_sled_first(self):
        node = self.allocate(LocalDrives=[{"CapacityGiB": 100}])
        self.assertEqual([], node.attached)

    def test_a_drive_that_the_sled_lacks_comes_from_the_pool(self):
        node = self.allocate(LocalDrives=[{"Type": "SSD"}, {"Interface": "NVMe"}])
        self.assertEqual([f"{DRAWER}/Drives/1"], [drive.path for drive in node.attached])

    def test_a_modest_wish_does_not_take_the_drive_a_demanding_one_needs(self):
        node = self.allocate(
            TotalSystemCoreCount=8,
            LocalDrives=[{"CapacityGiB": 1}, {"Interface": "SATA", "CapacityGiB": 100}],
        )
        self.assertEqual(1, len(node.attached))

    def test_fabric_switch_chooses_between_pooled_and_local_drives(self):
        self.assertEqual(1, len(self.allocate(LocalDrives=[{"FabricSwitch": True}]).attached))
        self.assertEqual([], self.allocate(LocalDrives=[{"FabricSwitch": False}]).attached)

    def test_a_drive_that_no_pod_has_is_refused(self):
        self.assertRaises(errors.Conflict, self.allocate, LocalDrives=[{"MinRPM": 5400}])

    def test_an_empty_pool_is_a_conflict(self):
        nvme = {"Interface": "NVMe"}
        self.allocate(LocalDrives=[nvme])
        self.allocate(LocalDrives=[nvme])
        error = self.assertRaises(errors.Conflict, self.allocate, LocalDrives=[nvme])
        self.assertIn("local drives: 0]", error.message)

    def test_no_two_nodes_share_a_drive(self):
        nodes = [self.allocate(LocalDrives=[{"Interface": "NVMe"}]) for _ in range(2)]
        self.assertNotEqual(*(node.attached[0].path for node in nodes))


class TestAccelerators(base.PodTestCase):
    def test_an_fpga_comes_from_the_pool(self):
        node = self.allocate(Processors=[{"ProcessorType": "FPGA"}])
        self.assertEqual(["FPGA1"], [unit.id for unit in node.attached])

    def test_accelerators_do_not_count_as_sockets_of_the_system(self):
        cpu, gpu = {"ProcessorType": "CPU"}, {"ProcessorType": "GPU"}
        self.assertEqual(1, len(self.allocate(Processors=[cpu, gpu, cpu]).attached))

    def test_the_second_fpga_of_one_is_refused(self):
        self.allocate(Processors=[{"ProcessorType": "FPGA"}])
        error = self.assertRaises(
            errors.Conflict, self.allocate, Processors=[{"ProcessorType": "FPGA"}]
        )
        self.assertIn("accelerators: 0]", error.message)


class TestExplicitLinks(base.PodTestCase):
    def test_a_named_resource_is_the_one_that_is_allocated(self):
        link = {"@odata.id": f"{DRAWER}/Drives/2/"}
        node = self.allocate(LocalDrives=[{"Resource": link}])
        self.assertEqual([f"{DRAWER}/Drives/2"], [drive.path for drive in node.attached])

    def test_a_named_chassis_contains_what_is_allocated(self):
        link = {"@odata.id": "/redfish/v1/Chassis/Sled2"}
        self.assertEqual("2", self.allocate(Processors=[{"Chassis": link}]).system.id)

    def test_a_named_resource_that_another_node_holds_is_a_conflict(self):
        wish = {"Resource": {"@odata.id": "/redfish/v1/Systems/1/Processors/CPU1"}}
        self.allocate(Processors=[wish])
        self.assertRaises(errors.Conflict, self.allocate, Processors=[wish])

    def test_a_named_resource_that_does_not_exist_is_invalid(self):
        for name in ("Resource", "Chassis"):
            wish = {name: {"@odata.id": "/redfish/v1/Chassis/Sled99"}}
            self.assertRaises(errors.Invalid, self.allocate, LocalDrives=[wish])


class TestRefusal(base.PodTestCase):
    def test_the_reason_counts_the_systems_left_after_each_filter(self):
        error = self.assertRaises(
            errors.Conflict, self.allocate, TotalSystemCoreCount=16, TotalSystemMemoryMiB=10**9
        )
        self.assertEqual(
            "There are no computer systems available for this allocation request. Available "
            "assets count after applying filters: [available: 3 -> cores: 1 -> memory: 0]",
            error.message,
        )

    def test_an_unknown_property_is_invalid_at_any_depth(self):
        for wishes in (
            {"TotalCores": 1},
            {"Processors": [{"Cores": 1}]},
            {"Security": {"Tpm": True}},
            {"EthernetInterfaces": [{"VLANs": [{"Id": 1}]}]},
        ):
            error = self.assertRaises(errors.Invalid, requirements.read, wishes)
            self.assertIn("not a property", error.message)

    def test_an_impossible_value_is_invalid(self):
        for wishes in (
            [],
            {"Name": 7},
            {"TotalSystemCoreCount": 0},
            {"TotalSystemCoreCount": True},
            {"TotalSystemMemoryMiB": "8"},
            {"Processors": {}},
            {"Processors": [7]},
            {"LocalDrives": [{}] * 65},
            {"Processors": [{"ProcessorType": "Abacus"}]},
            {"Memory": [{"MemoryDeviceType": "Core"}]},
            {"LocalDrives": [{"CapacityGiB": -1}]},
            {"LocalDrives": [{"Resource": "/redfish/v1"}]},
            {"EthernetInterfaces": [{"PrimaryVLAN": 5000}]},
            {"Security": {"TpmPresent": "yes"}},
        ):
            self.assertRaises(errors.Invalid, requirements.read, wishes)

    def test_a_refusal_allocates_nothing(self):
        self.assertRaises(
            errors.Conflict,
            self.allocate,
            LocalDrives=[{"Interface": "NVMe"}],
            Processors=[{"ProcessorType": "GPU"}] * 2,
        )
        self.assertEqual(self.pod.pooled(), self.pod.attachable())


class TestAssign(base.PodTestCase):
    def test_competing_wishes_are_rearranged_until_all_fit(self):
        drives = [*self.pod.stock.systems["1"].drives, *self.pod.stock.drives.values()]
        wishes = [{}, {"Interface": "NVMe"}, {"SerialNumber": drives[0].serial}]
        chosen = matching.assign(wishes, drives, matching.DRIVE)
        self.assertEqual(drives[0], chosen[2])
        self.assertEqual(3, len({id(drive) for drive in chosen}))
