# SPDX-License-Identifier: Apache-2.0

"""The RSD driver and one node: its states, its interfaces, its deletion."""

from typing import Any

import testscenarios

from tests.unit.service import fake_redfish
from tests.unit.service import rsd_base
from tests.unit.service import rsd_samples as samples
from valence import errors
from valence.podmanagers import base as podmanagers

ok = fake_redfish.ok
refusal = fake_redfish.refusal
NODES = rsd_base.NODES
NODE = samples.NODE


class TestExists(rsd_base.RSDTestCase):
    def test_a_node_exists_in_every_spelling_of_its_path(self) -> None:
        for member in (f"{NODE}/", f"https://10.0.0.1{NODE}", {"Id": 1, "Name": "n"}):
            self.transport.on("GET", NODES, self.collection(member))
            self.assertTrue(self.driver.exists(NODE))
            self.assertTrue(self.driver.exists(f"{NODE}/"))

    def test_absence_needs_a_complete_listing(self) -> None:
        other = f"{NODES}/11"
        incomplete = [
            self.collection(other, **{"Members@odata.count": 2}),
            self.collection(other, None),
            self.collection(other, {"Name": "no link"}),
            self.collection(other, **{"Members@odata.nextLink": f"{NODES}?page=2"}),
            *map(refusal, (400, 405, 500, 501)),
        ]
        for answer in incomplete:
            self.transport.on("GET", NODES, answer)
            self.assertRaises(errors.PodManagerFailed, self.driver.exists, NODE)
            self.assertRaises(errors.PodManagerFailed, self.driver.members)
            self.assertRaises(errors.PodManagerFailed, self.driver.find, "another")

    def test_what_a_listing_has_is_there_even_if_it_is_not_complete(self) -> None:
        named = {"@odata.id": NODE, "Name": "valence-1"}
        self.transport.on("GET", NODES, self.collection(named, None))
        self.assertTrue(self.driver.exists(NODE))
        self.assertEqual(NODE, self.driver.find("valence-1"))

    def test_nodes_that_are_listed_twice_are_members_once(self) -> None:
        self.transport.on("GET", NODES, self.collection(NODE, f"{NODE}/", f"{NODES}/%31", NODE))
        self.assertEqual([NODE], [member.path for member in self.driver.members()])

    def test_a_deleted_node_that_still_responds_does_not_exist(self) -> None:
        self.transport.on("GET", NODES, self.collection(f"{NODES}/11"))
        self.assertFalse(self.driver.exists(NODE))
        self.assertNotIn(f"GET {NODE}", self.transport.asked)


class TestStates(testscenarios.WithScenarios, rsd_base.RSDTestCase):
    scenarios = [(state.name, {"expected": state}) for state in podmanagers.State]
    expected: podmanagers.State

    def test_state(self) -> None:
        self.transport.on("GET", NODE, ok(samples.in_state(self.expected.value.capitalize())))
        self.assertEqual(self.expected, self.driver.state(NODE).state)
        self.assertEqual(1, len(self.transport.requests))


class TestState(rsd_base.RSDTestCase):
    def test_a_failed_node_has_a_reason(self) -> None:
        conditions = [{"Message": "Drive Disk.Bay.1 was lost."}]
        for fields in (
            {"Status": {"State": "Enabled", "Health": "Critical", "Conditions": conditions}},
            {"@Message.ExtendedInfo": conditions},
        ):
            self.transport.on("GET", NODE, ok(samples.in_state("Failed", **fields)))
            self.assertEqual("Drive Disk.Bay.1 was lost.", self.driver.state(NODE).reason)

    def test_links_may_be_missing(self) -> None:
        for links in ({}, {"Links": {}}, {"Links": {"ComputerSystem": []}}):
            self.transport.on("GET", NODE, ok({**samples.NODE_2_1, "Links": {}, **links}))
            self.assertIsNone(self.driver.state(NODE).system_path)
            node = self.driver.read(NODE)
            self.assertEqual({"count": 2, "model": "Xeon"}, node.processor)
            self.assertEqual({"capacity_mib": 32768}, node.memory)

    def test_a_system_that_is_gone_does_not_hide_the_node(self) -> None:
        self.transport.on("GET", samples.SYSTEM, refusal(404))
        self.assertEqual("Off", self.driver.read(NODE).power_state)

    def test_a_system_that_fails_does_not_hide_the_node(self) -> None:
        for status in (400, 405, 410, 500, 501):
            self.transport.on("GET", samples.SYSTEM, refusal(status))
            node = self.driver.read(NODE)
            self.assertEqual((samples.SYSTEM, "Off"), (node.system_path, node.power_state))

    def test_a_state_is_known_in_every_case(self) -> None:
        for node in (
            {"composednodestate": " ASSEMBLED "},
            {"ComposedNodeState": "?", "status": {"state": "assembled"}},
        ):
            self.transport.on("GET", NODE, ok(node))
            self.assertEqual(podmanagers.State.ASSEMBLED, self.driver.state(NODE).state)

    def test_a_power_state_that_is_no_word_is_unknown(self) -> None:
        odd = {**samples.NODE_2_1, "Links": {}, "PowerState": "?" * 33}
        self.transport.on("GET", NODE, ok(odd))
        self.assertIsNone(self.driver.state(NODE).power_state)
        self.assertIsNone(self.driver.read(NODE).power_state)

    def test_an_unknown_state_fails(self) -> None:
        self.transport.on("GET", NODE, ok(samples.in_state("Dreaming")))
        exc = self.assertRaises(errors.PodManagerFailed, self.driver.state, NODE)
        self.assertIn("Dreaming", exc.detail)
        self.assertIsNone(self.driver.read(NODE).state)

    def test_a_node_that_is_gone(self) -> None:
        self.transport.on("GET", NODE, refusal(404))
        self.assertRaises(errors.PodManagerNodeGone, self.driver.state, NODE)
        self.assertRaises(errors.PodManagerNodeGone, self.driver.read, NODE)
        self.assertRaises(errors.PodManagerNodeGone, self.driver.assemble, NODE)


class TestAssemble(rsd_base.RSDTestCase):
    def test_the_target_is_read_if_it_is_not_cached(self) -> None:
        self.driver.assemble(NODE)
        self.assertEqual([f"GET {NODE}", f"POST {samples.ASSEMBLE}"], self.transport.asked)

    def test_an_action_that_is_not_advertised_has_its_usual_target(self) -> None:
        self.transport.on("GET", NODE, ok({**samples.NODE_2_1, "Actions": {}}))
        self.driver.assemble(NODE)
        self.assertEqual(f"POST {samples.ASSEMBLE}", self.transport.asked[-1])

    def test_a_node_that_is_being_assembled_is_no_error(self) -> None:
        self.transport.on("POST", samples.ASSEMBLE, refusal(409, "Not Allocated."))
        for state in ("Assembling", "Assembled"):
            self.transport.on("GET", NODE, ok(samples.in_state(state)))
            self.driver.assemble(NODE)

    def test_a_node_that_cannot_be_assembled_is_refused(self) -> None:
        self.transport.on("POST", samples.ASSEMBLE, refusal(409, "Not Allocated."))
        for state in ("Allocating", "Failed"):
            self.transport.on("GET", NODE, ok(samples.in_state(state)))
            exc = self.assertRaises(errors.PodManagerRefused, self.driver.assemble, NODE)
            self.assertEqual("Not Allocated.", exc.own_words)

    def test_a_target_that_moved_is_read_again(self) -> None:
        self.driver.state(NODE)
        moved = {"#ComposedNode.Assemble": {"target": f"{NODE}/Assemble"}}
        self.transport.on("POST", samples.ASSEMBLE, refusal(404))
        self.transport.on("GET", NODE, ok({**samples.NODE_2_1, "Actions": moved}))
        self.transport.on("POST", f"{NODE}/Assemble", ok(None, 204))
        self.driver.assemble(NODE)

    def test_the_target_of_an_assembled_node_is_not_cached(self) -> None:
        self.transport.on("GET", NODE, ok(samples.in_state("Assembled")))
        self.driver.state(NODE)
        self.assertEqual({}, self.driver._assemble_targets)


class TestDelete(rsd_base.RSDTestCase):
    def test_a_node_that_does_not_exist_is_no_error(self) -> None:
        for status in (404, 410):
            self.transport.on("DELETE", NODE, refusal(status))
            self.driver.delete(NODE)

    def test_a_failure_has_the_pod_managers_own_words(self) -> None:
        for status, error in ((409, errors.PodManagerRefused), (500, errors.PodManagerFailed)):
            self.transport.on("DELETE", NODE, refusal(status, "Drive is being erased."))
            exc = self.assertRaises(error, self.driver.delete, NODE)
            self.assertEqual("Drive is being erased.", exc.own_words)


class TestInterfaces(rsd_base.RSDTestCase):
    def interfaces(self, *members: Any) -> None:
        path = f"{samples.SYSTEM}/EthernetInterfaces"
        self.transport.on("GET", path, ok(fake_redfish.page(path, *members)))

    def test_each_interface_with_a_mac(self) -> None:
        interfaces = {
            "LAN1": {"MACAddress": "AA-BB-CC-00-00-01", "SpeedMbps": 10000},
            "LAN2": {"MACAddress": "", "PermanentMACAddress": "aabbcc000002"},
            "LAN3": {"MACAddress": "00:00:00:00:00:00"},
            "LAN4": {"MACAddress": None},
        }
        paths = [f"{samples.SYSTEM}/EthernetInterfaces/{name}" for name in interfaces]
        for path, interface in zip(paths, interfaces.values(), strict=True):
            self.transport.on("GET", path, ok({"@odata.id": path, **interface}))
        self.interfaces(*paths)
        self.assertEqual(
            [
                podmanagers.Interface("aa:bb:cc:00:00:01", paths[0], 10000),
                podmanagers.Interface("aa:bb:cc:00:00:02", paths[1], None),
            ],
            self.driver.interfaces(samples.SYSTEM),
        )

    def test_interfaces_that_the_collection_describes_are_not_read(self) -> None:
        self.interfaces({"@odata.id": "/interface", "MACAddress": "aa:bb:cc:00:00:01"})
        self.assertEqual(1, len(self.driver.interfaces(samples.SYSTEM)))
        self.assertEqual(2, len(self.transport.requests))

    def test_interfaces_that_are_listed_twice_are_one(self) -> None:
        one = {"@odata.id": "/interface/1", "MACAddress": "aa:bb:cc:00:00:01"}
        alias = {"@odata.id": "/interface/2", "MACAddress": "AA-BB-CC-00-00-01"}
        self.interfaces(one, {**one, "@odata.id": "/interface/%31"}, alias)
        self.assertEqual(
            ["/interface/1"], [each.path for each in self.driver.interfaces(samples.SYSTEM)]
        )

    def test_an_interface_that_dangles_hides_no_other(self) -> None:
        self.interfaces("/gone", {"@odata.id": "/interface", "MACAddress": "aa:bb:cc:00:00:01"})
        self.assertEqual(1, len(self.driver.interfaces(samples.SYSTEM)))

    def test_interfaces_that_cannot_be_read_now_are_not_left_out(self) -> None:
        self.interfaces("/broken", {"@odata.id": "/interface", "MACAddress": "aa:bb:cc:00:00:01"})
        self.transport.on("GET", "/broken", refusal(500))
        self.assertRaises(errors.PodManagerFailed, self.driver.interfaces, samples.SYSTEM)
        self.interfaces(None)
        self.assertRaises(errors.PodManagerFailed, self.driver.interfaces, samples.SYSTEM)

    def test_a_system_without_any(self) -> None:
        self.transport.on("GET", f"{samples.SYSTEM}/EthernetInterfaces", refusal(404))
        self.assertEqual([], self.driver.interfaces(samples.SYSTEM))
        self.transport.on("GET", samples.SYSTEM, ok({"@odata.id": samples.SYSTEM}))
        self.assertEqual([], self.driver.interfaces(samples.SYSTEM))


class TestBMC(rsd_base.RSDTestCase):
    def test_ironic_reaches_the_system_through_the_pod_manager(self) -> None:
        expected = {
            "redfish_address": fake_redfish.URL,
            "redfish_system_id": samples.SYSTEM,
            "redfish_username": "admin",
            "redfish_password": "secret",
            "redfish_verify_ca": True,
        }
        self.assertEqual(expected, self.driver.bmc(samples.SYSTEM))

    def test_ironic_gets_a_root_that_is_elsewhere(self) -> None:
        driver = fake_redfish.driver(self.transport, f"{fake_redfish.URL}/podm/redfish/v1")
        address = driver.bmc(samples.SYSTEM)["redfish_address"]
        self.assertEqual(f"{fake_redfish.URL}/podm/redfish/v1/", address)
