# SPDX-License-Identifier: Apache-2.0

"""A node of Ironic is changed only if its facts name the composed node."""

from typing import Any

from tests.unit.service import fake_redfish
from tests.unit.service import test_ironic as ironic
from valence import errors

OWN = {"valence_node": ironic.COMPOSED, "valence_installation": ironic.INSTALLATION}
GONE = ironic.fault(404, f"Node {ironic.UUID} could not be found.")
FACTS = (ironic.UUID, ironic.COMPOSED, ironic.INSTALLATION)


class TestIdentity(ironic.IronicTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.transport.on("PUT", f"{ironic.NODE}/maintenance", fake_redfish.ok(None, 202))

    def removals(self) -> tuple[Any, ...]:
        return self.ironic.delete_node, self.ironic.evict_node, self.ironic.delete_unused

    def test_a_node_of_ours_is_deleted_also_one_that_an_older_release_registered(self) -> None:
        for extra in (OWN, {"valence_node": ironic.COMPOSED}):
            for remove in self.removals():
                self.transport.on("GET", ironic.NODE, ironic.node(extra=extra), GONE)
                remove(*FACTS)
                self.assertEqual(f"DELETE {ironic.NODE}", self.transport.asked[-2])

    def test_a_node_whose_facts_disagree_is_not_changed_and_they_are_named(self) -> None:
        for extra, fact in (
            ({}, "extra.valence_node is None"),
            (None, "extra.valence_node is None"),
            ("text", "extra.valence_node is None"),
            ({"valence_installation": ironic.INSTALLATION}, "extra.valence_node is None"),
            ({**OWN, "valence_node": ironic.OTHER}, f"valence_node is '{ironic.OTHER}'"),
            (
                {**OWN, "valence_installation": ironic.OTHER},
                f"valence_installation is '{ironic.OTHER}'",
            ),
        ):
            self.transport.on("GET", ironic.NODE, ironic.node(extra=extra))
            for remove in self.removals():
                refusal = self.assertRaises(errors.IronicRefused, remove, *FACTS)
                self.assertIn(fact, refusal.detail)
                self.assertIs(False, refusal.details["ours"])
        self.assertEqual({f"GET {ironic.NODE}"}, set(self.transport.asked))

    def test_a_node_that_is_replaced_while_it_is_waited_for_is_not_deleted(self) -> None:
        replaced = ironic.node(extra={"valence_node": ironic.OTHER})
        self.transport.on("GET", ironic.NODE, ironic.node("cleaning"), replaced)
        self.assertRaises(errors.IronicRefused, self.ironic.delete_node, *FACTS)
        self.assertNotIn(f"DELETE {ironic.NODE}", self.transport.asked)

    def test_a_node_of_another_installation_is_not_completed(self) -> None:
        self.exists()
        extra = {**OWN, "valence_installation": ironic.OTHER}
        self.transport.on("GET", ironic.NODE, ironic.node(extra=extra))
        self.assertRaises(errors.IronicRefused, self.create)
        self.assertNotIn("POST /v1/ports", self.transport.asked)

    def test_an_existing_node_gets_the_present_path_of_its_machine(self) -> None:
        self.exists(ironic.MAC)
        old = {"redfish_address": "https://pod.example", "redfish_system_id": "/Systems/1"}
        new = {**old, "redfish_system_id": "/Systems/77"}
        self.transport.on("GET", ironic.NODE, ironic.node(driver_info=old))
        self.create(driver_info=new)
        change = {"op": "add", "path": "/driver_info", "value": new}
        self.assertEqual([change], self.transport.sent())
        self.create(driver_info={**old, "redfish_password": "secret"})
        self.assertEqual(1, self.transport.asked.count(f"PATCH {ironic.NODE}"))


class TestStates(ironic.IronicTestCase):
    def test_each_state_has_its_own_way_out(self) -> None:
        for state, command in (
            ("active", "node undeploy"),
            ("deploy failed", "node undeploy"),
            ("rescue failed", "node undeploy"),
            ("service failed", "node undeploy"),
            ("clean failed", "node manage"),
            ("inspect failed", "node manage"),
            ("deploy hold", "node abort"),
            ("clean hold", "node abort"),
            ("deploying", "Wait until its state"),
            ("a state of a later Ironic", "Bring it to enroll"),
        ):
            self.transport.on("GET", ironic.NODE, ironic.node(state))
            refusal = self.assertRaises(errors.IronicRefused, self.delete)
            self.assertIn(command, refusal.detail)
            self.assertIn(repr(state), refusal.detail)

    def test_a_node_whose_adoption_failed_is_deleted(self) -> None:
        self.transport.on("GET", ironic.NODE, ironic.node("adopt failed"), GONE)
        self.delete()
