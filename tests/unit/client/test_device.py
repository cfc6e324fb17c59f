# SPDX-License-Identifier: Apache-2.0

"""Pooled devices: the library and its commands."""

from tests import base
from tests.unit.client import shell_base
from valenceclient import errors
from valenceclient import testing


class TestDevices(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.valence = testing.FakeValence()
        self.client = self.valence.client()
        self.valence.add_podmanager("pod-2")
        self.drive = self.valence.add_device("storage", properties={"capacity_gib": 1600})
        self.valence.add_device("FPGA", "pod-2", state="allocated")

    def test_a_device_is_typed(self) -> None:
        device = self.client.devices.get(self.drive["uuid"])
        self.assertEqual(("storage", "free", False), (device.type, device.state, device.stale))
        self.assertEqual(1600, device.properties["capacity_gib"])
        self.assertEqual(self.drive["resource_uri"], device.resource_uri)
        assert device.seen_at is not None
        self.assertIsNotNone(device.seen_at.tzinfo)
        self.assertEqual(device.uuid, device.label)

    def test_devices_are_filtered_by_type_and_state(self) -> None:
        self.assertEqual(["storage"], [one.type for one in self.client.devices.list(state="free")])
        self.assertEqual(["FPGA"], [one.type for one in self.client.devices.list(type="FPGA")])
        self.assertEqual(2, len(list(self.client.devices.list(limit=1, refresh=True))))

    def test_a_sync_returns_which_pod_managers_were_read_and_which_were_not(self) -> None:
        first = self.client.podmanagers.get("pod-1").uuid
        self.valence.trouble("pod-2")
        result = self.client.devices.sync()
        self.assertEqual((first,), result.synced)
        self.assertEqual(["pod-2"], [trouble.podm_name for trouble in result.errors])
        alone = self.client.devices.sync("pod-1")
        self.assertEqual(((first,), ()), (alone.synced, alone.errors))
        self.assertRaises(errors.NotFound, self.client.devices.sync, "pod-3")

    def test_usage_counts_the_devices(self) -> None:
        usage = self.client.podmanagers.get("pod-2").usage["devices"]
        self.assertEqual({"total": 1, "used": 1, "free": 0}, usage["by_type"]["FPGA"])
        self.assertEqual((1, 0), (usage["total"], usage["free"]))

    def test_an_unknown_device_is_not_found(self) -> None:
        self.assertRaises(errors.NotFound, self.client.devices.get, "nothing")


class TestCommands(shell_base.ShellTest):
    def setUp(self) -> None:
        super().setUp()
        self.valence.add_podmanager("pod-2")
        self.drive = self.valence.add_device("storage", properties={"capacity_gib": 1600})
        self.valence.add_device("FPGA", "pod-2", state="allocated", pooled_group_id="Drawer2")

    def test_devices_are_listed_and_filtered(self) -> None:
        command = ("device", "list", "-f", "value", "-c", "Type")
        self.assertEqual("storage\nFPGA\n", self.run_program(*command))
        for option, value in (
            ("--type", "FPGA"),
            ("--state", "allocated"),
            ("--podm", "pod-2"),
            ("--group", "Drawer2"),
        ):
            self.assertEqual("FPGA\n", self.run_program(*command, option, value), option)

    def test_devices_are_filtered_by_the_name_of_their_node(self) -> None:
        self.run_program("node", "create", "--cores", "4", "--name", "web-1")
        node = self.json("node", "show", "web-1")["uuid"]
        self.valence.add_device("GPU", state="allocated", node_id=node)
        command = ("device", "list", "--node", "web-1", "-f", "value", "-c", "Type")
        self.assertEqual("GPU\n", self.run_program(*command))

    def test_a_device_is_shown(self) -> None:
        device = self.json("device", "show", self.drive["uuid"], "--refresh")
        self.assertEqual(1600, device["properties"]["capacity_gib"])
        self.assertIn("capacity_gib 1600", self.run_program("device", "show", self.drive["uuid"]))

    def test_a_sync_lists_the_pod_managers_and_logs_the_failures_to_stderr(self) -> None:
        self.valence.trouble("pod-2", detail="It does not answer.")
        command = ("device", "sync", "-f", "value", "-c", "Synced")
        self.assertEqual("True\nFalse\n", self.run_program(*command))
        self.assertEqual("Pod manager pod-2: It does not answer.\n", self.stderr.getvalue())
        self.assertEqual("True\n", self.run_program(*command, "--podm", "pod-1"))
