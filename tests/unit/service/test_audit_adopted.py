# SPDX-License-Identifier: Apache-2.0

"""Machines with marks that name no row: they may be the machine of one all the same."""

from typing import Any

from tests.unit.service import identity_base
from valence import ownership

NODE_UUID = "77777777-7777-4777-8777-777777777777"


class TestMarkOfNoRow(identity_base.IdentityTestCase):
    """The machine of a row has the mark of a node that has no row."""

    def marked(self, uuid: str = NODE_UUID, name: str | None = None) -> Any:
        text = ownership.description(self.installation, uuid)
        return self.compose_without_service(name or ownership.node_name(uuid), text)

    def adopt_path(self, row: dict[str, Any], node: Any) -> None:
        body = {"path": self.path_of(node)}
        answer = self.api("POST", f"/v1/nodes/{row['uuid']}/adopt_path", body)
        self.assertEqual(200, answer.status_code, answer.get_data(as_text=True))

    def assertKept(self) -> None:
        for _audit in range(2):
            self.audit()
        self.assertEqual([], self.deleted())

    def test_a_machine_that_an_operator_stated_is_kept(self) -> None:
        row, node = self.composed(), self.marked()
        self.adopt_path(row, node)
        self.pod.pod.delete(self.machine(row))
        self.fail(node.system.path + "$", 500)
        self.assertKept()

    def test_the_former_machine_of_its_row_is_kept_as_well(self) -> None:
        row, node = self.composed(), self.compose_without_service("db", "hers")
        self.adopt_path(row, node)
        self.assertKept()

    def test_an_adopted_machine_with_a_mark_and_another_name_is_kept(self) -> None:
        node = self.marked(name="web")
        body = {"podm_id": self.podm["uuid"], "path": self.path_of(node)}
        answer = self.api("POST", "/v1/nodes/manage", body)
        self.assertEqual(201, answer.status_code, answer.get_data(as_text=True))
        self.fail(node.system.path + "$", 500)
        self.assertKept()
