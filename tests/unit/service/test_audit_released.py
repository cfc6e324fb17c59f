# SPDX-License-Identifier: Apache-2.0

"""Machines with the mark of a node without a row: strays only if the node was released."""

import datetime
from typing import Any

import sqlalchemy as sa

from tests.unit.service import identity_base
from valence import ownership
from valence.objects import node as node_objects
from valence.objects import released_node
from valence_conductor import waiting


class TestReleased(identity_base.IdentityTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.row = self.composed()
        self.node_here = self.machine(self.row)
        self.changes.clear()

    def restore(self) -> None:
        """Restore the database from a backup that is older than the node."""
        with self.service.db.writer() as session:
            session.execute(sa.delete(node_objects.Node))

    def reappear(self) -> Any:
        """Restore the pod manager from a backup that has the node still."""
        uuid = self.row["uuid"]
        text = ownership.description(self.installation, uuid)
        return self.compose_without_service(ownership.node_name(uuid), text)

    def forget(self) -> None:
        self.pod.pod.delete(self.node_here)
        self.shown(self.row)
        body = {"i_know_it_is_gone": True}
        answer = self.api("POST", f"/v1/nodes/{self.row['uuid']}/forget", body)
        self.assertEqual(204, answer.status_code, answer.get_data(as_text=True))

    def assertKept(self) -> None:
        for _audit in range(2):
            (stray,) = self.audit()
            self.assertFalse(stray.repaired)
            self.assertIn("has not released that node", stray.what)
        self.assertEqual([], self.deleted())

    def test_a_machine_that_a_restored_database_does_not_know_is_reported(self) -> None:
        self.restore()
        self.assertKept()

    def test_it_is_adopted_as_the_node_that_it_was(self) -> None:
        self.restore()
        body = {"podm_id": self.podm["uuid"], "path": self.row["path"]}
        answer = self.api("POST", "/v1/nodes/manage", body)
        self.assertEqual((201, self.row["uuid"]), (answer.status_code, answer.json["uuid"]))
        self.assertEqual([], self.audit())

    def test_its_node_in_ironic_is_kept_as_well(self) -> None:
        self.api("POST", f"/v1/nodes/{self.row['uuid']}/register")
        self.settled(self.row["uuid"])
        self.restore()
        for _audit in range(2):
            self.assertEqual([False, False], [it.repaired for it in self.audit()])
        self.assertEqual(1, len(self.ironic.nodes))
        self.assertEqual([], self.deleted())

    def test_a_forgotten_machine_that_turns_up_again_is_reported(self) -> None:
        self.forget()
        self.reappear()
        self.assertKept()

    def test_a_released_machine_that_turns_up_again_is_deleted(self) -> None:
        self.assertIsNone(self.delete(self.row))
        self.changes.clear()
        again = self.reappear()
        self.assertEqual([True], [it.repaired for it in self.audit()])
        self.assertEqual([again.uuid], self.deleted())

    def test_the_last_node_with_a_uuid_counts(self) -> None:
        self.assertIsNone(self.delete(self.row))
        self.row = self.composed(uuid=self.row["uuid"])
        self.node_here = self.machine(self.row)
        self.forget()
        self.changes.clear()
        self.reappear()
        self.assertKept()

    def test_released_nodes_are_not_remembered_for_ever(self) -> None:
        old = waiting.now() - released_node.RETENTION - datetime.timedelta(seconds=1)
        with self.service.db.writer() as session:
            session.execute(sa.update(released_node.ReleasedNode).values(released_at=old))
        self.assertTrue(released_node.is_recorded(self.service.db, identity_base.NODE_UUID))
        self.assertIsNone(self.delete(self.row))
        self.assertFalse(released_node.is_recorded(self.service.db, identity_base.NODE_UUID))
        self.assertTrue(released_node.is_recorded(self.service.db, self.row["uuid"]))
