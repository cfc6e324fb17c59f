# SPDX-License-Identifier: Apache-2.0

"""A pod manager that cannot compose is known as such, shown, and not requested."""

from typing import Any

from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.identity import Fields
from podm_simulator.quirks.identity import ROOT
from tests.unit.service import base

NO_ALLOCATE = [
    {"section": None, "reason": "It does not offer the action Allocate: it cannot compose nodes."}
]


class NoAllocate(Behaviour):
    """The collection of nodes has no actions."""

    def resource(self, _exchange: Exchange, resource: dict[str, Any]) -> None:
        """Drop them."""
        if "#ComposedNodeCollection.Allocate" in resource.get("Actions", {}):
            del resource["Actions"]


class ExpandedWithoutActions(NoAllocate):
    """The collection has its actions, but not when it is expanded."""

    def resource(self, exchange: Exchange, resource: dict[str, Any]) -> None:
        """Drop them where members are more than links."""
        if any(len(member) > 1 for member in resource.get("Members", ())):
            super().resource(exchange, resource)


def version_2_1(root: dict[str, Any]) -> None:
    """Make the pod manager one of a version without accelerators."""
    root["Oem"]["Intel_RackScale"]["ApiVersion"] = "2.1.0"


class TestLimitations(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start(conductor__sweep_interval=600.0)

    def behave(self, *behaviours: Behaviour) -> None:
        self.pod.quirks._active = {str(number): each for number, each in enumerate(behaviours)}

    def shown(self) -> Any:
        return self.api("GET", "/v1/podmanagers/pod-1").json["limitations"]

    def refresh(self) -> None:
        self.assertEqual(200, self.api("GET", "/v1/systems?refresh=true").status_code)

    def fault_of(self, **fields: Any) -> dict[str, Any]:
        node = self.settled(self.compose(**fields)["uuid"]) or {}
        self.assertEqual("error", node["state"], node)
        return dict(node["fault"])

    def test_it_is_shown_and_refused_with_the_reason_and_nothing_is_posted(self) -> None:
        self.behave(NoAllocate())
        podm = self.know(self.pod)
        self.assertEqual(NO_ALLOCATE, podm["limitations"])
        for fields in ({}, {"podm_id": podm["uuid"]}):
            with self.subTest(**fields):
                fault = self.fault_of(**fields)
                self.assertEqual("valence.no_podmanager", fault["code"])
                self.assertEqual({"pod-1": NO_ALLOCATE[0]["reason"]}, fault["refusals"])
        self.assertNotIn("Allocate", str(self.pod.journal.show()))

    def test_no_configuration_of_filters_leaves_it_in(self) -> None:
        self.service.conf.set_override("filters", [], group="scheduler")
        self.behave(NoAllocate())
        self.know(self.pod)
        self.assertEqual("valence.no_podmanager", self.fault_of()["code"])

    def test_the_node_is_composed_on_one_that_can(self) -> None:
        self.behave(NoAllocate())
        self.know(self.pod)
        other = self.know(self.simulate("pod-2"))
        self.assertEqual(other["uuid"], self.composed()["podm_uuid"])

    def test_one_that_is_upgraded_composes_after_the_next_refresh(self) -> None:
        self.behave(NoAllocate())
        self.know(self.pod)
        self.behave()
        self.refresh()
        self.assertEqual([], self.shown())
        self.composed()

    def test_one_that_is_downgraded_is_noticed_by_the_next_refresh(self) -> None:
        self.know(self.pod)
        self.assertEqual([], self.shown())
        self.composed()
        self.behave(NoAllocate())
        self.refresh()
        self.assertEqual(NO_ALLOCATE, self.shown())

    def test_an_expanded_collection_without_actions_shows_nothing(self) -> None:
        self.know(self.pod)
        self.composed()
        self.behave(ExpandedWithoutActions())
        self.refresh()
        self.assertEqual([], self.shown())

    def test_a_limited_one_composes_what_it_can(self) -> None:
        self.behave(Fields(ROOT, version_2_1))
        self.know(self.pod)
        (limitation,) = self.shown()
        self.assertEqual("pci_device", limitation["section"])
        self.assertIn("2.1.0 cannot allocate pci_device", limitation["reason"])
        self.composed()
        fault = self.fault_of(properties={"pci_device": [{"type": "FPGA"}]})
        self.assertIn(limitation["reason"], fault["refusals"]["pod-1"])

    def test_a_new_version_is_noticed_by_the_next_refresh(self) -> None:
        self.behave(Fields(ROOT, version_2_1))
        self.know(self.pod)
        self.behave()
        self.refresh()
        self.assertEqual([], self.shown())
