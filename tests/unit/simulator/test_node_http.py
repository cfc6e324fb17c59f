# SPDX-License-Identifier: Apache-2.0


from tests.unit.simulator import base

DRIVE = {"@odata.id": "/redfish/v1/Chassis/Drawer1/Drives/1"}


class TestComposing(base.HTTPTestCase):
    def assembled(self, **wishes):
        node = self.allocated(**wishes)
        self.assertEqual(204, self.act(node, "Assemble").status_code)
        self.wait_for_state(node, "Assembled")
        return node

    def act(self, node, action, body=None):
        return self.post(self.get(node)["Actions"][f"#ComposedNode.{action}"]["target"], body)

    def pool(self):
        return self.get("/control/pool")

    def test_a_node_is_composed_used_and_released(self):
        before = self.pool()
        node = self.assembled(Name="blue", LocalDrives=[{"Interface": "NVMe"}])
        self.assertEqual(204, self.act(node, "Reset", {"ResetType": "On"}).status_code)
        boot = {"BootSourceOverrideEnabled": "Continuous", "BootSourceOverrideTarget": "Pxe"}
        self.assertEqual(204, self.call("PATCH", node, json={"Boot": boot}).status_code)
        resource = self.get(node)
        self.assertEqual(("blue", "On"), (resource["Name"], resource["PowerState"]))
        self.assertEqual("Pxe", resource["Boot"]["BootSourceOverrideTarget"])
        self.assertEqual(
            "On", self.get(resource["Links"]["ComputerSystem"]["@odata.id"])["PowerState"]
        )
        self.assertEqual(204, self.call("DELETE", node).status_code)
        self.assertEqual(before, self.pool())
        self.assertEqual(404, self.call("GET", node).status_code)
        self.assertEqual([], self.get(base.NODES)["Members"])

    def test_allocate_is_advertised_and_responds_with_location_and_no_body(self):
        actions = self.get(base.NODES)["Actions"]
        target = actions["#ComposedNodeCollection.Allocate"]["target"]
        response = self.post(target, {})
        self.assertEqual((201, b""), (response.status_code, response.content))
        self.assertEqual(
            [{"@odata.id": response.headers["Location"]}], self.get(base.NODES)["Members"]
        )

    def test_a_refused_allocation_has_the_reason(self):
        response = self.post(base.ALLOCATE, {"TotalSystemCoreCount": 1000})
        self.assertEqual(409, response.status_code)
        self.assertIn("[available: 3 -> cores: 0]", self.reason(response))

    def test_an_unknown_field_is_a_bad_request(self):
        response = self.post(base.ALLOCATE, {"Cores": 8})
        self.assertEqual(400, response.status_code)
        self.assertIn("Cores", self.reason(response))

    def test_an_action_in_the_wrong_state_is_a_conflict(self):
        node = self.allocated()
        for action, body in (
            ("Reset", {"ResetType": "On"}),
            ("AttachResource", {"Resource": DRIVE}),
        ):
            self.assertEqual(409, self.act(node, action, body).status_code, action)

    def test_attach_and_detach_follow_the_action_info(self):
        node = self.assembled()
        info = self.get(f"{node}/Actions/AttachResourceActionInfo")
        allowed = info["Parameters"][0]["AllowableValues"]
        self.assertIn(DRIVE, allowed)
        response = self.act(node, "AttachResource", {"Resource": DRIVE, "Protocol": "NVMe"})
        self.assertEqual(204, response.status_code, response.text)
        self.assertIn(DRIVE, self.get(node)["Links"]["LocalDrives"])
        info = self.get(f"{node}/Actions/DetachResourceActionInfo")
        self.assertEqual([DRIVE], info["Parameters"][0]["AllowableValues"])
        self.assertEqual(409, self.act(node, "AttachResource", {"Resource": DRIVE}).status_code)
        self.assertEqual(204, self.act(node, "DetachResource", {"Resource": DRIVE}).status_code)

    def test_an_attached_drive_shows_in_the_fabric(self):
        node = self.assembled(LocalDrives=[{"Interface": "NVMe"}])
        zone = self.get(self.get("/redfish/v1/Fabrics/PCIe/Zones")["Members"][0]["@odata.id"])
        ends = [self.get(it["@odata.id"]) for it in zone["Links"]["Endpoints"]]
        entities = [end["ConnectedEntities"][0] for end in ends]
        system = self.get(node)["Links"]["ComputerSystem"]
        self.assertEqual(
            [("Initiator", system), ("Target", DRIVE)],
            [(entity["EntityRole"], entity["EntityLink"]) for entity in entities],
        )

    def test_a_wrong_protocol_or_body_is_a_bad_request(self):
        node = self.assembled()
        for body in (
            {"Resource": DRIVE, "Protocol": "FPGAoverFabrics"},
            {"Resource": "a path"},
            {},
            {"Resource": DRIVE, "Colour": "red"},
        ):
            self.assertEqual(400, self.act(node, "AttachResource", body).status_code, body)

    def test_reset_of_a_node_with_an_absent_system_has_retry_after(self):
        node = self.assembled()
        system = self.get(node)["Links"]["ComputerSystem"]["@odata.id"]
        self.fault(asset={"path": system})
        self.assertEqual("Failed", self.get(node)["ComposedNodeState"])
        response = self.act(node, "Reset", {"ResetType": "On"})
        self.assertEqual((503, "30"), (response.status_code, response.headers["Retry-After"]))
        self.fault(asset={"path": system, "present": True})
        self.assertEqual("Assembled", self.get(node)["ComposedNodeState"])

    def test_an_assembly_fails_with_a_fault(self):
        self.fault(node={"assemble": "fail"})
        node = self.allocated()
        self.act(node, "Assemble")
        self.wait_for_state(node, "Failed")
        self.assembled()

    def test_requested_vlans_show_until_the_node_is_deleted(self):
        node = self.allocated(EthernetInterfaces=[{"PrimaryVLAN": 42}])
        nic = self.get(node)["Links"]["EthernetInterfaces"][0]["@odata.id"]
        self.assertEqual({"VLANEnable": True, "VLANId": 42}, self.get(nic)["VLAN"])
        self.call("DELETE", node)
        self.assertNotIn("VLAN", self.get(nic))


class TestOldDialect(base.HTTPTestCase):
    options = {"api_version": "2.1"}

    def test_nodes_is_at_the_root_and_attach_is_called_attach_endpoint(self):
        root = self.get("/redfish/v1/")
        self.assertEqual("2.1.0", root["Oem"]["Intel_RackScale"]["ApiVersion"])
        self.assertIn("Nodes", root)
        node = self.allocated()
        actions = self.get(node)["Actions"]
        self.assertIn(
            DRIVE, actions["#ComposedNode.AttachEndpoint"]["Resource@Redfish.AllowableValues"]
        )
        self.assertEqual(404, self.call("GET", f"{node}/Actions/x").status_code)

    def test_detach_takes_a_bare_path(self):
        node = self.allocated(LocalDrives=[{"Interface": "NVMe"}])
        self.post(f"{node}/Actions/ComposedNode.Assemble")
        self.wait_for_state(node, "Assembled")
        target = f"{node}/Actions/ComposedNode.DetachEndpoint"
        self.assertEqual(204, self.post(target, {"Resource": DRIVE["@odata.id"]}).status_code)


class TestNewDialect(base.HTTPTestCase):
    options = {"api_version": "2.5"}

    def test_the_system_is_a_list_and_storage_one_link(self):
        collection = self.get(base.NODES)
        target = collection["Actions"]["#ComposedNodeCollection.Allocate"]["target"]
        links = self.get(self.post(target, {}).headers["Location"])["Links"]
        self.assertEqual([{"@odata.id": "/redfish/v1/Systems/1"}], links["ComputerSystem"])
        self.assertIn("Storage", links)
        self.assertNotIn("LocalDrives", links)
