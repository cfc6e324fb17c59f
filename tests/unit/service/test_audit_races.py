# SPDX-License-Identifier: Apache-2.0

"""Audits beside operations that change what they read."""

from typing import Any

from tests.unit.service import test_audit
from tests.unit.service.test_audit import NODE_UUID
from valence import errors
from valence import ownership
from valence.audit import audit
from valence.audit import rows
from valence.audit import strays
from valence.audit.snapshot import Snapshot
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence.podmanagers import Facts


class _Driver:
    """A pod manager that changes between two requests."""

    def __init__(self, *members: Facts) -> None:
        self.listed = list(members)
        self.after_listing: Any = lambda: None
        self.deleted: list[str] = []

    def members(self) -> list[Facts]:
        listed = list(self.listed)
        self.after_listing()
        return listed

    def member(self, path: str) -> Facts:
        for one in self.listed:
            if one.path == path:
                return one
        raise errors.PodManagerNodeGone("It is gone.")

    def with_system(self, facts: Facts) -> Facts:
        return facts

    def delete(self, path: str) -> None:
        self.deleted.append(path)


class TestRaces(test_audit.AuditTestCase):
    def compare(self, driver: _Driver) -> list[Any]:
        podm = podmanager_objects.get(self.service.db, self.podm["uuid"])
        fake: Any = driver
        snapshot = Snapshot.take(self.service.context, fake, podm, {})
        return audit.compare(snapshot, strays.ForeignPaths(), rows.Rotation())

    def stray(self, path: str = "/Nodes/7") -> Facts:
        return Facts(
            path,
            ownership.node_name(NODE_UUID),
            ownership.description(self.installation, NODE_UUID),
        )

    def test_the_rows_are_read_again_after_the_listing(self) -> None:
        driver = _Driver(self.stray())
        driver.after_listing = lambda: node_changes.create(
            self.service.db,
            {"uuid": NODE_UUID, "fingerprint": "", "properties": {}, "interfaces": []},
        )
        self.assertEqual([], self.compare(driver))

    def test_a_path_that_became_another_nodes_meanwhile_is_not_deleted(self) -> None:
        driver = _Driver(self.stray())
        (finding,) = self.compare(driver)
        driver.listed = [Facts("/Nodes/7", "another", None)]
        finding.release()
        self.assertEqual([], driver.deleted)
        driver.listed = [self.stray()]
        finding.release()
        self.assertEqual(["/Nodes/7"], driver.deleted)

    def test_a_row_that_moves_on_during_the_listing_has_not_lost_its_node(self) -> None:
        node = self.composed()
        row = node_objects.get(self.service.db, node["uuid"])
        driver = _Driver(self.stray())
        self.assertEqual(
            ["composed-node", "missing-node"], [one.kind for one in self.compare(driver)]
        )
        driver.after_listing = lambda: node_changes.begin(
            self.service.db, row, "release", request_id=None
        )
        self.assertEqual(["composed-node"], [one.kind for one in self.compare(driver)])
