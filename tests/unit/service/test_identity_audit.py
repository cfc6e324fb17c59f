# SPDX-License-Identifier: Apache-2.0

"""Audits of a pod manager whose nodes move and change their names."""

import uuid as uuids

from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Response
from tests.unit.service import identity_base
from valence import ownership

NODE_UUID = "77777777-7777-4777-8777-777777777777"


class TestAudit(identity_base.IdentityTestCase):
    """Only what certainly belongs to no row is deleted."""

    def mark(self, uuid: str, text: str | None = None) -> str:
        return ownership.description(self.installation, uuid, text)

    def test_a_node_of_this_installation_that_no_row_owns_is_deleted(self) -> None:
        stray = self.compose_without_service(ownership.node_name(NODE_UUID), self.mark(NODE_UUID))
        self.composed()
        self.audit()
        self.assertEqual([stray.uuid], self.deleted())

    def test_a_name_without_a_mark_is_reported(self) -> None:
        self.compose_without_service(ownership.node_name(NODE_UUID), "hers")
        self.assertEqual([False], [it.repaired for it in self.audit()])
        self.assertEqual([], self.deleted())

    def test_a_mark_without_a_name_or_a_node_is_reported(self) -> None:
        self.compose_without_service("web", f"[valence {self.installation}] hers")
        self.assertEqual([False], [it.repaired for it in self.audit()])
        self.assertEqual([], self.deleted())

    def test_a_second_node_on_the_system_of_a_row_is_reported(self) -> None:
        """A stray's texts, and the hardware of a row."""
        row = self.composed()
        machine = self.machine(row)
        machine.name = ownership.node_name(NODE_UUID)
        machine.description = self.mark(NODE_UUID)
        self.renumber()
        for _audit in range(3):
            self.audit()
        self.assertEqual([], self.deleted())

    def test_a_second_node_is_kept_while_its_system_cannot_be_read(self) -> None:
        row = self.composed()
        name = ownership.node_name(row["uuid"])
        second = self.compose_without_service(name, self.mark(row["uuid"]))
        self.fail(second.system.path + "$", 500)
        self.audit()
        self.assertEqual([], self.deleted())
        self.pod.faults.clear()
        self.audit()
        self.assertEqual([second.uuid], self.deleted())
        self.assertEqual("composed", self.shown(row)["state"])

    def test_a_second_node_is_kept_while_the_first_one_is_not_identified(self) -> None:
        row = self.composed()
        machine = self.machine(row)
        name = ownership.node_name(row["uuid"])
        self.compose_without_service(name, self.mark(row["uuid"]))
        self.pod.pod.delete(machine)
        for _audit in range(2):
            self.audit()
        self.assertEqual([], self.deleted())

    def test_moved_rows_of_a_registered_node_are_kept(self) -> None:
        row = self.composed()
        self.api("POST", f"/v1/nodes/{row['uuid']}/register")
        self.settled(row["uuid"])
        self.renumber()
        for _audit in range(3):
            self.audit()
        self.assertEqual([], self.deleted())
        self.api("POST", f"/v1/nodes/{row['uuid']}/unregister")
        self.settled(row["uuid"])
        machine = next(it for it in self.pod.pod.nodes.values() if row["uuid"] in it.name)
        self.assertIsNone(self.delete(row))
        self.assertEqual([machine.uuid], self.deleted())

    def test_a_node_that_is_no_stray_any_more_is_kept(self) -> None:
        stray = self.compose_without_service(ownership.node_name(NODE_UUID), self.mark(NODE_UUID))
        gets: list[str] = []

        def after(request: Request, response: Response) -> Response:
            if request.path == self.path_of(stray):
                gets.append(request.path)
                if len(gets) == 1:
                    stray.description = ownership.description(str(uuids.uuid4()), NODE_UUID)
            return response

        self.after = after
        self.audit()
        self.assertEqual([], self.deleted())
