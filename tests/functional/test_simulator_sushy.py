# SPDX-License-Identifier: Apache-2.0

"""The simulator, as a client with sushy sees it, which Ironic uses."""

import sushy
from sushy import auth
from sushy import exceptions
from sushy.resources.manager import constants as manager_constants

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.server import Simulator
from tests import base

SIZE = Size((Shape(systems=3, cores=8, memory_mib=32768, drives=1, nics=2),), fpgas=1)


class TestSushy(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.simulator = Simulator(SIZE, username="ada", password="s3cret")
        self.url = self.simulator.start()
        self.addCleanup(self.simulator.stop)
        self.root = self.connect()
        self.system = self.root.get_system("/redfish/v1/Systems/1")

    def connect(self, kind=auth.SessionOrBasicAuth, password="s3cret"):
        method = kind("ada", password)
        # The garbage collector would close a session too late, with retries.
        self.addCleanup(method.close)
        return sushy.Sushy(f"{self.url}/redfish/v1/", auth=method, verify=False)

    def test_the_root_leads_to_all_systems(self):
        self.assertEqual("1.6.0", self.root.redfish_version)
        systems = self.root.get_system_collection().get_members()
        self.assertEqual(["1", "2", "3", "Accelerators"], [system.identity for system in systems])

    def test_every_system_has_actions_which_earlier_clients_require(self):
        systems = self.root.get_system_collection().get_members()
        self.assertEqual([], [it.identity for it in systems if "Actions" not in it.json])

    def test_a_login_is_a_session_that_can_be_ended(self):
        sessions = self.root.get_session_service().sessions
        self.assertEqual(["ada"], [it.username for it in sessions.get_members()])
        self.root._auth.close()
        self.assertEqual([], self.simulator.sessions.all())

    def test_basic_authentication_needs_no_session(self):
        root = self.connect(auth.BasicAuth)
        self.assertEqual("1", root.get_system("/redfish/v1/Systems/1").identity)

    def test_wrong_credentials_are_an_access_error(self):
        self.assertRaises(exceptions.AccessError, self.connect, auth.SessionAuth, "guess")

    def test_a_lost_session_is_renewed(self):
        self.simulator.sessions.forget()
        self.system.refresh(force=True)
        self.assertEqual(1, len(self.simulator.sessions.all()))

    def test_the_power_is_switched_on_and_off(self):
        for action, state in (
            (sushy.RESET_ON, sushy.POWER_STATE_ON),
            (sushy.RESET_FORCE_OFF, sushy.POWER_STATE_OFF),
            (sushy.RESET_ON, sushy.POWER_STATE_ON),
            (sushy.RESET_GRACEFUL_SHUTDOWN, sushy.POWER_STATE_OFF),
        ):
            self.assertIn(action, self.system.get_allowed_reset_system_values())
            self.system.reset_system(action)
            self.system.refresh(force=True)
            self.assertEqual(state, self.system.power_state)

    def test_the_boot_device_is_set_and_used_once(self):
        self.assertIn(
            sushy.BOOT_SOURCE_TARGET_CD, self.system.get_allowed_system_boot_source_values()
        )
        self.system.set_system_boot_options(
            sushy.BOOT_SOURCE_TARGET_CD,
            sushy.BOOT_SOURCE_ENABLED_ONCE,
            sushy.BOOT_SOURCE_MODE_UEFI,
        )
        self.system.refresh(force=True)
        self.assertEqual(sushy.BOOT_SOURCE_TARGET_CD, self.system.boot.target)
        self.system.reset_system(sushy.RESET_ON)
        self.system.refresh(force=True)
        self.assertEqual(sushy.BOOT_SOURCE_ENABLED_DISABLED, self.system.boot.enabled)

    def test_an_image_is_inserted_and_ejected(self):
        media = self.system.managers[0].virtual_media.get_members()
        medium = next(it for it in media if sushy.VIRTUAL_MEDIA_CD in it.media_types)
        self.assertFalse(medium.inserted)
        medium.insert_media("http://images/boot.iso", inserted=True, write_protected=True)
        medium.refresh(force=True)
        self.assertEqual(
            (True, "http://images/boot.iso", "boot.iso"),
            (medium.inserted, medium.image, medium.image_name),
        )
        medium.eject_media()
        medium.refresh(force=True)
        self.assertEqual((False, None), (medium.inserted, medium.image))

    def test_inspection_reads_the_hardware(self):
        self.assertEqual(
            (4, 4), tuple(it.total_cores for it in self.system.processors.get_members())
        )
        self.assertEqual(sushy.PROCESSOR_ARCH_x86, self.system.processors.summary.architecture)
        self.assertEqual(32, self.system.memory_summary.size_gib)
        macs = {it.mac_address for it in self.system.ethernet_interfaces.get_members()}
        self.assertEqual(2, len(macs))
        self.assertEqual(macs, set(self.system.ethernet_interfaces.summary))
        self.assertEqual([480 * 1024**3], self.system.simple_storage.disks_sizes_bytes)
        drive = self.system.storage.get_members()[0].drives[0]
        self.assertEqual(480 * 1024**3, drive.capacity_bytes)

    def test_chassis_managers_and_fabrics_are_listed(self):
        chassis = self.root.get_chassis_collection().get_members()
        self.assertEqual("Rack1", chassis[0].identity)
        managers = self.root.get_manager_collection().get_members()
        self.assertEqual(manager_constants.ManagerType.SERVICE, managers[0].manager_type)
        fabric = self.root.get_fabric_collection().get_members()[0]
        self.assertEqual(3 + 4 + 1, len(fabric.endpoints.get_members()))

    def test_a_refusal_has_the_reason(self):
        error = self.assertRaises(
            exceptions.BadRequestError,
            self.system._conn.post,
            "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
            data={"ResetType": "Explode"},
        )
        self.assertIn("ResetType must be one of On", str(error))
