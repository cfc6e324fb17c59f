# SPDX-License-Identifier: Apache-2.0

"""Ports of MACs that several machines have, and nodes that Ironic has locked meanwhile."""

from typing import Any

import fixtures

from tests.unit.service import fake_redfish
from tests.unit.service import test_ironic as ironic
from valence import errors

#: Of the USB interface between a host and its BMC: the same in every machine of a model.
USB = "02:00:00:00:00:01"
USB_PORT = f"/v1/ports/?fields=uuid,node_uuid&address={USB}"
OTHER_NODE = f"/v1/nodes/{ironic.OTHER}"
SYSTEM = {"redfish_address": "https://pod.example", "redfish_system_id": "/redfish/v1/Systems/1"}
CREATED = fake_redfish.ok({"uuid": "p"}, 201)


def taken(mac: str) -> fake_redfish.Canned:
    return ironic.fault(409, f"A port with MAC address {mac} already exists.")


def port_of(node: str) -> fake_redfish.Canned:
    return fake_redfish.ok({"ports": [{"uuid": "p", "node_uuid": node}]})


class TestSharedMACs(ironic.IronicTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.transport.on("POST", "/v1/ports", self.create_port)
        self.transport.on("GET", USB_PORT, port_of(ironic.OTHER))
        self.transport.on("GET", ironic.PORT_BY_MAC, port_of(ironic.OTHER))
        self.other(redfish_system_id="/redfish/v1/Systems/2")
        self.conflicts = [USB]

    def create_port(self, request: Any) -> fake_redfish.Canned:
        mac = self.transport.sent()["address"]
        return taken(mac) if mac in self.conflicts else CREATED

    def other(self, **driver_info: Any) -> None:
        """Set the driver_info of the other node of Ironic."""
        info = {**SYSTEM, **driver_info}
        node = {"uuid": ironic.OTHER, "extra": {}, "driver_info": info}
        self.transport.on("GET", OTHER_NODE, fake_redfish.ok(node))

    def register(self, *macs: str) -> frozenset[str]:
        return self.ironic.create_node(
            uuid=ironic.UUID,
            name="n",
            driver_info=SYSTEM,
            valence_node=ironic.COMPOSED,
            installation=ironic.INSTALLATION,
            macs=macs,
        )

    def test_a_mac_that_another_node_has_is_left_out_with_a_warning(self) -> None:
        logged = self.useFixture(fixtures.FakeLogger())
        self.assertEqual({USB}, self.register(USB.upper(), ironic.MAC))
        self.assertIn(f"has no port with the MAC {USB}", logged.output)
        self.assertIn(ironic.OTHER, logged.output)

    def test_macs_that_no_other_node_has_all_get_a_port(self) -> None:
        self.conflicts = []
        self.assertEqual(frozenset(), self.register(USB, ironic.MAC, USB.upper()))
        self.assertEqual(2, self.transport.asked.count("POST /v1/ports"))

    def test_a_node_without_any_port_is_refused_with_ironics_words(self) -> None:
        self.conflicts = [USB, ironic.MAC]
        for macs in ((USB,), (USB, ironic.MAC)):
            refusal = self.assertRaises(errors.IronicRefused, self.register, *macs)
            self.assertIn(f"MAC address {USB} already exists", str(refusal.own_words))

    def test_a_machine_without_macs_is_registered(self) -> None:
        self.assertEqual(frozenset(), self.register())

    def test_a_repeated_registration_leaves_the_same_mac_out_again(self) -> None:
        self.exists(ironic.MAC)
        self.assertEqual({USB}, self.register(USB, ironic.MAC))
        self.assertEqual(1, self.transport.asked.count("POST /v1/ports"))

    def test_a_mac_whose_other_node_is_gone_by_now_gets_its_port(self) -> None:
        self.transport.on("POST", "/v1/ports", taken(USB), CREATED)
        self.transport.on("GET", USB_PORT, fake_redfish.ok({"ports": []}))
        self.assertEqual(frozenset(), self.register(USB))
        self.transport.on("POST", "/v1/ports", taken(USB))
        self.assertRaises(errors.IronicRefused, self.register, USB)

    def test_the_same_machine_is_not_registered_twice(self) -> None:
        for same in (
            {},
            {"redfish_system_id": "/redfish/v1/Systems/1/"},
            {"redfish_address": "pod.example:443"},
            {"redfish_address": "HTTPS://Pod.example/"},
        ):
            self.other(**same)
            refusal = self.assertRaises(errors.IronicRefused, self.register, USB, ironic.MAC)
            self.assertIn("has this machine already", refusal.detail)
            self.assertEqual(ironic.OTHER, refusal.details["ironic_node"])

    def test_a_machine_of_another_pod_manager_or_an_unknown_one_is_another_machine(self) -> None:
        for other in (
            {"redfish_address": "https://pod2.example"},
            {"redfish_address": "http://pod.example"},
            {"redfish_address": None},
            {"redfish_system_id": 7},
        ):
            self.other(**other)
            self.assertEqual({USB}, self.register(USB, ironic.MAC))
        for node in ({"uuid": ironic.OTHER}, {"uuid": ironic.OTHER, "driver_info": "hidden"}):
            self.transport.on("GET", OTHER_NODE, fake_redfish.ok(node))
            self.assertEqual({USB}, self.register(USB, ironic.MAC))
        self.transport.on("GET", OTHER_NODE, ironic.fault(404, f"Node {ironic.OTHER}: gone."))
        self.assertEqual({USB}, self.register(USB, ironic.MAC))


class TestLocks(ironic.IronicTestCase):
    LOCKED = ironic.fault(409, ironic.LOCKED)
    PASSING = ironic.fault(
        409, "Node n can not be updated while a state transition is in progress."
    )

    def test_every_change_waits_for_a_node_that_is_locked(self) -> None:
        self.exists()
        for method, path, more in (
            ("POST", "/v1/ports", {}),
            ("PATCH", ironic.NODE, {"owner": "project", "instance_uuid": ironic.INSTANCE}),
            ("PUT", f"{ironic.NODE}/traits", {"traits": ["CUSTOM_A"]}),
        ):
            done = self.transport.answers[method, path][-1]
            for busy in (self.LOCKED, self.PASSING):
                self.pauses.clear()
                self.transport.on(method, path, busy, busy, done)
                self.create(**more)
                self.assertEqual(2, len(self.pauses), path)

    def test_a_lock_that_lasts_too_long_is_a_refusal_with_ironics_words(self) -> None:
        self.conf.set_override("lock_timeout", 0, group="ironic")
        for method, path, more in (
            ("POST", "/v1/ports", {}),
            ("PATCH", ironic.NODE, {"owner": "project"}),
            ("PUT", f"{ironic.NODE}/traits", {"traits": ["CUSTOM_A"]}),
        ):
            done = self.transport.answers[method, path][-1]
            self.transport.on(method, path, self.LOCKED)
            refusal = self.assertRaises(errors.IronicRefused, self.create, **more)
            self.assertEqual(ironic.LOCKED, refusal.own_words)
            self.assertIn("Try again", refusal.detail)
            self.transport.on(method, path, done)

    def test_another_conflict_is_not_waited_for(self) -> None:
        for words in ("Instance x is already associated with a node", "Conflict."):
            self.transport.on("PATCH", ironic.NODE, ironic.fault(409, words))
            refusal = self.assertRaises(errors.IronicRefused, self.create, owner="project")
            self.assertEqual(words, refusal.own_words)
        self.assertEqual([], self.pauses)

    def test_a_node_in_a_state_that_ends_by_itself_is_deleted_after_it(self) -> None:
        gone = ironic.fault(404, f"Node {ironic.UUID} could not be found.")
        self.transport.on("GET", ironic.NODE, ironic.node(), ironic.node(), gone)
        self.transport.on("DELETE", ironic.NODE, self.PASSING, fake_redfish.ok(None, 204))
        self.delete()
        self.assertEqual(1, len(self.pauses))
