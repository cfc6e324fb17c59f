# SPDX-License-Identifier: Apache-2.0

"""Nodes whose hardware is gone, deleted in Ironic by force."""

from tests.unit.service import fake_redfish
from tests.unit.service import test_ironic as ironic
from valence import errors

MAINTENANCE = f"{ironic.NODE}/maintenance"


class TestEviction(ironic.IronicTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.transport.on("PUT", MAINTENANCE, fake_redfish.ok(None, 202))
        self.deployed = ironic.node("active", instance_uuid=ironic.INSTANCE)
        self.gone = ironic.fault(404, f"Node {ironic.UUID} could not be found.")

    def evict(self) -> None:
        self.ironic.evict_node(ironic.UUID, ironic.COMPOSED)

    def test_in_maintenance_a_deployed_node_loses_its_instance_and_is_deleted(self) -> None:
        self.transport.on("GET", ironic.NODE, self.deployed, self.gone)
        self.evict()
        node = ironic.NODE
        requests_sent = [f"GET {node}", f"PUT {MAINTENANCE}", f"PATCH {node}", f"DELETE {node}"]
        self.assertEqual([*requests_sent, f"GET {node}"], self.transport.asked)
        self.assertIn("hardware is gone", self.transport.sent(1)["reason"])
        self.assertEqual([{"op": "remove", "path": "/instance_uuid"}], self.transport.sent(2))

    def test_a_node_that_ironic_does_not_have_is_fine(self) -> None:
        self.transport.on("GET", ironic.NODE, self.gone)
        self.evict()
        self.assertEqual([f"GET {ironic.NODE}"], self.transport.asked)

    def test_the_ironic_node_of_another_node_is_not_deleted(self) -> None:
        self.transport.on("GET", ironic.NODE, ironic.node(extra={"valence_node": ironic.OTHER}))
        self.assertRaises(errors.IronicRefused, self.evict)
        self.assertEqual([f"GET {ironic.NODE}"], self.transport.asked)

    def test_a_node_that_is_locked_is_waited_for(self) -> None:
        self.transport.on("GET", ironic.NODE, self.deployed, self.deployed, self.gone)
        self.transport.on(
            "PUT", MAINTENANCE, ironic.fault(409, ironic.LOCKED), fake_redfish.ok(None, 202)
        )
        self.evict()
        self.assertEqual(1, len(self.pauses))

    def test_a_refusal_has_ironics_message(self) -> None:
        self.transport.on("GET", ironic.NODE, self.deployed)
        self.transport.on("DELETE", ironic.NODE, ironic.fault(403, "Node is protected."))
        refused = self.assertRaises(errors.ValenceError, self.evict)
        self.assertIn("protected", str(refused.own_words))
