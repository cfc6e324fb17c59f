# SPDX-License-Identifier: Apache-2.0

from podm_simulator.pod import accounting
from podm_simulator.pod import errors
from tests.unit.simulator import base

DRIVE = "/redfish/v1/Chassis/Drawer1/Drives/1"
FPGA = "/redfish/v1/Systems/Accelerators/Processors/FPGA1"


class TestStates(base.PodTestCase):
    def test_a_node_is_allocated_at_once_when_that_takes_no_time(self):
        self.assertEqual("Allocated", self.allocate().state)

    def test_a_slow_allocation_is_seen_and_refuses_assembly(self):
        self.pod = self.make_pod(allocate=5)
        node = self.allocate()
        self.assertEqual("Allocating", node.state)
        self.assertRaises(errors.Conflict, self.pod.assemble, node)
        self.clock.advance(5)
        self.assertEqual("Allocated", node.state)

    def test_assembly_takes_its_time(self):
        node = self.allocate()
        self.pod.assemble(node)
        self.clock.advance(59)
        self.assertEqual("Assembling", node.state)
        self.clock.advance(1)
        self.assertEqual("Assembled", node.state)

    def test_assembly_begins_only_from_allocated(self):
        node = self.allocate()
        self.pod.assemble(node)
        error = self.assertRaises(errors.Conflict, self.pod.assemble, node)
        self.assertIn("to be Allocated, but it is Assembling", error.message)
        self.clock.advance(60)
        self.assertRaises(errors.Conflict, self.pod.assemble, node)

    def test_an_assembly_with_a_fault_ends_in_failed(self):
        self.pod.next_assembly_fault = lambda: "fail"
        self.assertEqual("Failed", self.assembled().state)

    def test_an_assembly_that_is_stuck_never_ends(self):
        self.pod.next_assembly_fault = lambda: "stuck"
        node = self.assembled()
        self.clock.advance(10**6)
        self.assertEqual("Assembling", node.state)

    def test_an_absent_asset_fails_the_node_until_it_is_back(self):
        node = self.assembled(LocalDrives=[{"Interface": "NVMe"}])
        node.attached[0].present = False
        self.assertEqual("Failed", node.state)
        node.attached[0].present = True
        self.assertEqual("Assembled", node.state)

    def test_an_absent_system_is_not_allocated(self):
        for system in self.pod.stock.systems.values():
            system.present = False
        error = self.assertRaises(errors.Conflict, self.allocate)
        self.assertIn("[available: 0", error.message)


class TestAttach(base.PodTestCase):
    def test_a_free_drive_is_attached_and_is_no_longer_free(self):
        node = self.assembled()
        self.pod.attach(node, DRIVE, "NVMe")
        self.assertNotIn(DRIVE, [asset.path for asset in self.pod.attachable()])
        self.assertIn(DRIVE, [asset.path for asset in node.attached])

    def test_an_accelerator_is_attached_as_well(self):
        node = self.assembled()
        self.pod.attach(node, FPGA, None)
        self.assertEqual(node.id, self.pod.asset(FPGA).holder)

    def test_a_node_that_is_not_assembled_attaches_nothing(self):
        self.assertRaises(errors.Conflict, self.pod.attach, self.allocate(), DRIVE, None)

    def test_a_failed_node_attaches_and_detaches(self):
        self.pod.next_assembly_fault = lambda: "fail"
        node = self.assembled()
        self.pod.attach(node, DRIVE, None)
        self.pod.detach(node, DRIVE)

    def test_an_asset_of_another_node_is_a_conflict_that_names_the_node(self):
        first, second = self.assembled(), self.assembled()
        self.pod.attach(first, DRIVE, None)
        error = self.assertRaises(errors.Conflict, self.pod.attach, second, DRIVE, None)
        self.assertIn(f"already attached to node {first.id}", error.message)

    def test_a_missing_or_absent_asset_is_a_conflict(self):
        node = self.assembled()
        self.assertRaises(errors.Conflict, self.pod.attach, node, "/redfish/v1/Nothing", None)
        self.pod.asset(DRIVE).present = False
        self.assertRaises(errors.Conflict, self.pod.attach, node, DRIVE, None)

    def test_the_wrong_protocol_is_invalid(self):
        node = self.assembled()
        self.assertRaises(errors.Invalid, self.pod.attach, node, FPGA, "NVMe")

    def test_a_part_of_a_system_cannot_be_attached(self):
        path = "/redfish/v1/Chassis/Sled3/Drives/1"
        self.assertRaises(errors.Invalid, self.pod.attach, self.assembled(), path, None)

    def test_only_attached_assets_are_detached(self):
        node = self.assembled()
        self.assertRaises(errors.Conflict, self.pod.detach, node, DRIVE)
        self.pod.attach(node, DRIVE, None)
        self.pod.detach(node, DRIVE)
        self.assertIsNone(self.pod.asset(DRIVE).holder)
        self.assertRaises(errors.Conflict, self.pod.detach, node, DRIVE)


class TestDelete(base.PodTestCase):
    def test_all_assets_return_to_the_pool_and_the_usage_is_as_before(self):
        before = accounting.pool(self.pod)
        node = self.assembled(
            LocalDrives=[{"Interface": "NVMe"}],
            Processors=[{"ProcessorType": "GPU"}],
            EthernetInterfaces=[{"PrimaryVLAN": 9}],
        )
        node.system.reset("On")
        node.system.boot.enabled, node.system.boot.target = "Continuous", "Cd"
        node.system.media["Cd"].image = "http://images/boot.iso"
        self.assertNotEqual(before, accounting.pool(self.pod))
        self.pod.delete(node)
        self.assertEqual(before, accounting.pool(self.pod))

    def test_a_node_is_deleted_in_any_state(self):
        before = accounting.fingerprint(self.pod)
        for fault in (None, "fail", "stuck"):
            self.pod.next_assembly_fault = lambda fault=fault: fault
            self.pod.delete(self.assembled())
        self.pod.delete(self.allocate())
        self.assertEqual(before, accounting.fingerprint(self.pod))

    def test_ids_are_not_reused(self):
        first = self.allocate()
        self.pod.delete(first)
        self.assertNotEqual(first.id, self.allocate().id)


class TestAccounting(base.PodTestCase):
    def test_the_usage_has_what_is_free_and_what_is_composed(self):
        self.allocate(TotalSystemCoreCount=9, LocalDrives=[{"Interface": "NVMe"}])
        usage = accounting.pool(self.pod)
        self.assertEqual({"total": 3, "free": 2, "composed": 1}, usage["systems"])
        self.assertEqual({"total": 48, "free": 16, "composed": 32}, usage["processor_cores"])
        self.assertEqual({"total": 6, "free": 3, "composed": 3}, usage["drives"])
        self.assertEqual({"total": 8, "free": 4, "composed": 4}, usage["nics"])

    def test_a_machine_left_on_shows_in_the_fingerprint(self):
        before = accounting.fingerprint(self.pod)
        self.pod.stock.systems["1"].reset("On")
        self.assertNotEqual(before, accounting.fingerprint(self.pod))

    def test_a_boot_override_once_ends_with_the_boot(self):
        system = self.pod.stock.systems["1"]
        system.boot.enabled, system.boot.target = "Once", "Pxe"
        system.reset("ForceOff")
        self.assertEqual("Pxe", system.boot.target)
        system.reset("On")
        self.assertEqual(("Disabled", "None"), (system.boot.enabled, system.boot.target))


class TestIdentity(base.PodTestCase):
    def _macs(self, **kwargs):
        systems = self.make_pod(**kwargs).stock.systems.values()
        return {nic.mac for system in systems for nic in system.nics}

    def test_the_same_name_and_seed_make_the_same_addresses(self):
        self.assertEqual(self._macs(), self._macs())

    def test_another_name_or_seed_shares_no_address(self):
        pods = [self._macs(name=name, seed=seed) for name in "abcde" for seed in "01234"]
        self.assertEqual(25 * 8, len(set.union(*pods)))

    def test_addresses_are_local_and_unicast(self):
        for mac in self._macs():
            self.assertEqual(0b10, int(mac[:2], 16) & 0b11)

    def test_cores_that_do_not_divide_evenly_are_an_error(self):
        shape = base.Shape(cores=3, processors=2)
        self.assertRaises(ValueError, base.Pod, base.Size((shape,)))
