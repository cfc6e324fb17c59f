# SPDX-License-Identifier: Apache-2.0

"""Nodes renamed, reset, booted, adopted and missing: the library and its commands."""

from tests.unit.client import shell_base
from valenceclient import errors


class TestNodeActions(shell_base.ShellTest):
    def setUp(self) -> None:
        super().setUp()
        self.nodes = self.valence.client().nodes
        self.node = self.nodes.create(
            name="web-1", properties={"processor": {"total_cores": 8}}, wait=True
        )

    def last_request(self) -> str:
        """Return the method and the path of the last request."""
        return f"{self.valence.calls[-1].method} {self.valence.calls[-1].path}"

    def test_a_node_is_renamed(self) -> None:
        node = self.json("node", "set", "web-1", "--name", "web-2", "--description", "shop")
        self.assertEqual(("web-2", "shop"), (node["name"], node["description"]))
        self.assertEqual({"name": "web-2", "description": "shop"}, self.body())
        self.assertEqual("PATCH /v1/nodes/web-1", self.last_request())
        self.assertIsNone(self.nodes.update("web-2", description=None).description)

    def test_a_name_in_use_is_a_conflict(self) -> None:
        self.nodes.create(name="web-2", properties={"processor": {"total_cores": 8}})
        self.assertRaises(errors.Conflict, self.nodes.update, "web-1", name="web-2")

    def test_a_node_is_reset(self) -> None:
        self.assertEqual("On", self.json("node", "reset", "web-1", "On")["power_state"])
        self.assertEqual({"Reset": {"Type": "On"}}, self.body())
        self.assertEqual("Off", self.nodes.reset("web-1", "ForceOff").power_state)

    def test_a_value_that_the_pod_manager_does_not_offer_is_rejected(self) -> None:
        error = self.assertRaises(errors.BadRequest, self.nodes.reset, "web-1", "Nap")
        self.assertIn("'Nap'", str(error))
        self.assertRaises(errors.BadRequest, self.nodes.set_boot, "web-1", "Floppies")

    def test_the_boot_device_of_a_node_is_set(self) -> None:
        self.run_program("node", "boot", "web-1", "Pxe", "--mode", "UEFI")
        boot = {"Target": "Pxe", "Enabled": "Once", "Mode": "UEFI"}
        self.assertEqual({"Boot": boot}, self.body())
        self.nodes.set_boot("web-1", "Hdd", enabled="Continuous")
        self.assertEqual({"Boot": {"Target": "Hdd", "Enabled": "Continuous"}}, self.body())

    def test_a_registered_node_is_not_reset(self) -> None:
        self.nodes.register("web-1", wait=True)
        self.assertRaises(errors.Conflict, self.nodes.reset, "web-1", "On")

    def test_an_action_whose_response_is_lost_is_not_retried(self) -> None:
        self.valence.lose("POST", ".*/action")
        self.assertRaises(errors.ConnectFailed, self.nodes.reset, "web-1", "On")
        posts = [call.path for call in self.valence.calls if call.method == "POST"]
        self.assertEqual(1, len([path for path in posts if path.endswith("/action")]))

    def test_an_existing_node_is_adopted_once(self) -> None:
        path = "/redfish/v1/Nodes/7"
        node = self.json("node", "manage", "pod-1", path, "--name", "db")
        self.assertEqual(("composed", True, path), tuple(node[key] for key in KEYS))
        self.assertEqual("POST /v1/nodes/manage", self.last_request())
        podm = self.valence.podmanagers.get("pod-1")["uuid"]
        self.assertRaises(errors.Conflict, self.nodes.manage, podm_id=podm, path=path)

    def test_a_missing_node_is_removed_from_ironic_by_force(self) -> None:
        self.nodes.register("web-1", wait=True)
        self.valence.lose_hardware("web-1")
        self.assertEqual("missing", self.nodes.get("web-1").state)
        self.assertRaises(errors.Conflict, self.nodes.delete, "web-1")
        self.run_program("node", "delete", "web-1", "--force", "--wait")
        self.assertEqual([], self.valence.nodes.all())

    def test_nodes_are_filtered_by_name_flavor_and_ironic_uuid(self) -> None:
        flavor = self.valence.add_flavor("small", {"processor": {"total_cores": 8}})
        self.nodes.create(name="web-2", flavor_id="small", wait=True)
        ironic_uuid = self.nodes.register("web-1", wait=True).ironic_uuid
        for option, value, expected in (
            ("--name", "web-2", "web-2"),
            ("--flavor", "small", "web-2"),
            ("--flavor", flavor["uuid"], "web-2"),
            ("--ironic-node", str(ironic_uuid), "web-1"),
        ):
            rows = self.json("node", "list", option, value)
            self.assertEqual([expected], [row["Name"] for row in rows], option)


KEYS = ("state", "adopted", "path")
