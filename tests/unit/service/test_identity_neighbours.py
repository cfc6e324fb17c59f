# SPDX-License-Identifier: Apache-2.0

"""Machines whose facts are spelled otherwise, unreadable, or claimed a second time."""

import dataclasses
import re
from typing import Any
import uuid as uuids

import testscenarios

from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Response
from tests.unit.service import identity_base


def with_suffix(node: dict[str, Any]) -> None:
    """A pod manager that makes each Name unique, and keeps no Description."""
    node["Name"] += "-1"
    node["Description"] = None


class TestSuffix(identity_base.IdentityTestCase):
    habit = staticmethod(with_suffix)

    def test_a_name_with_a_suffix_identifies_its_node(self) -> None:
        row = self.composed()
        machine = self.machine(row)
        self.renumber()
        self.assertEqual(self.path_of(machine), self.shown(row)["path"])
        self.assertIsNone(self.delete(row))
        self.assertEqual([machine.uuid], self.deleted())


class TestByteOrder(identity_base.IdentityTestCase):
    """An update of the firmware changes the byte order of the UUIDs (SMBIOS 2.6, 7.2.1)."""

    def swap(self) -> None:
        def after(request: Request, response: Response) -> Response:
            resource = response.resource
            if not isinstance(resource, dict) or "/Systems/" not in request.path:
                return response
            if "UUID" not in resource:
                return response
            uuid = uuids.UUID(bytes=uuids.UUID(resource["UUID"]).bytes_le)
            return identity_base.replaced(response, resource={**resource, "UUID": str(uuid)})

        self.after = after

    def test_a_machine_is_the_same(self) -> None:
        row = self.composed()
        machine = self.machine(row)
        self.swap()
        self.assertIsNone(self.shown(row)["fault"])
        self.assertIsNone(self.delete(row))
        self.assertEqual([machine.uuid], self.deleted())

    def test_a_pod_manager_is_the_same(self) -> None:
        self.swap()
        self.pod.pod.uuid = str(uuids.uuid4())
        self.service.drivers.verify(self.podm["uuid"])
        self.api("GET", "/v1/systems?refresh=true")
        self.service.drivers.verify(self.podm["uuid"])


class TestUnreadable(testscenarios.WithScenarios, identity_base.IdentityTestCase):
    """A node of another client that cannot be read hides nothing else from an audit."""

    scenarios = [(str(status), {"status": status}) for status in (403, 500, 501)]
    status: int

    def test_a_node_that_is_gone_is_missing(self) -> None:
        row = self.composed()
        self.fail(self.path_of(self.stranger) + "$", self.status)
        stray = self.compose_without_service(
            f"valence-{identity_base.NODE_UUID}",
            f"[valence {self.installation}] [node {identity_base.NODE_UUID}]",
        )
        self.audit()
        self.assertEqual([stray.uuid], self.deleted())
        self.assertEqual("composed", self.shown(row)["state"])


class TestClaimed(identity_base.IdentityTestCase):
    def test_a_machine_that_may_be_that_of_a_row_is_not_adopted(self) -> None:
        row = self.composed()
        machine = self.machine(row)
        self.take_over(machine)
        self.renumber()
        body = {"podm_id": self.podm["uuid"], "path": self.path_of(machine)}
        error = self.assertRefused(
            409, "valence.node.duplicate", self.api("POST", "/v1/nodes/manage", body)
        )
        self.assertIn(row["uuid"], error["detail"])
        self.assertIn("adopt-path", error["detail"])


class TestRenumberedSystems(identity_base.IdentityTestCase):
    def test_an_ironic_node_that_leads_to_another_system_is_reported(self) -> None:
        row = self.composed()
        self.api("POST", f"/v1/nodes/{row['uuid']}/register")
        self.settled(row["uuid"])
        self.assertEqual([], self.audit())
        self.number_systems()
        system = self.shown(row)["system_path"]
        self.assertNotEqual(row["system_path"], system)
        for _audit in range(2):
            (stray,) = self.audit()
            self.assertEqual(("ironic-node", False), (stray.kind, stray.repaired))
            self.assertIn(f"redfish_system_id of the node in Ironic to {system}", stray.what)
        (registered,) = self.ironic.nodes.values()
        (finding,) = self.api("GET", "/v1/findings?kind=ironic-system").json["findings"]
        self.assertEqual(
            (registered["uuid"], row["uuid"], self.podm["uuid"]),
            (finding["path"], finding["node_id"], finding["podm_id"]),
        )
        self.assertIn("redfish_system_id", finding["remedy"])
        self.assertNotIn("delete", finding["remedy"])
        registered["driver_info"]["redfish_system_id"] = system
        self.assertEqual([], self.audit())

    def number_systems(self) -> None:
        """Show each system at another path."""

        def after(request: Request, response: Response) -> Response:
            resource = response.resource
            if isinstance(resource, dict) and "ComposedNodeState" in resource:
                links = resource["Links"]
                path = links["ComputerSystem"]["@odata.id"]
                links = {**links, "ComputerSystem": {"@odata.id": path + "0"}}
                return identity_base.replaced(response, resource={**resource, "Links": links})
            return response

        handle = self._handle

        def answer(request: Request, **options: Any) -> Response:
            path = re.sub(r"(/Systems/[^/]+)0", r"\1", request.path)
            return handle(dataclasses.replace(request, path=path), **options)

        self.after, self._handle = after, answer
