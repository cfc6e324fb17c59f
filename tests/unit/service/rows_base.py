# SPDX-License-Identifier: Apache-2.0

"""Rows of nodes in a real database, without a service."""

import pathlib
import tempfile
from typing import Any
import uuid as uuids

from tests import base
from tests.servers import databases
from valence import wiring
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence_conductor.db.engine import Database


class RowsTestCase(base.TestCase):
    """A migrated database with one pod manager."""

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="valence-")
        self.addCleanup(folder.cleanup)
        self.db = Database(databases.url(pathlib.Path(folder.name), "rows"))
        self.addCleanup(self.db.close)
        wiring.upgrade(self.db)
        self.podm = self.create_podmanager("pod-1")

    def create_podmanager(self, name: str) -> podmanager_objects.PodManager:
        values = {"uuid": str(uuids.uuid4()), "name": name, "url": f"https://{name}.example"}
        defaults = {"driver": "rsd", "verify_ca": True}
        return podmanager_objects.create(self.db, {**values, **defaults})

    def create_node(self, **values: Any) -> node_objects.Node:
        """Create a node in state composing; the values are recorded in its row."""
        request = {"uuid": str(uuids.uuid4()), "fingerprint": "", "properties": {}}
        row, _ = node_changes.create(self.db, request)
        return node_changes.record(self.db, row, **values) if values else row

    def settle(self, row: node_objects.Node, **values: Any) -> node_objects.Node:
        """End the operation of a node with these values."""
        node_changes.settle(self.db, row.uuid, row.generation, row.state, lambda row: values)
        return self.read(row)

    def read(self, row: node_objects.Node) -> node_objects.Node:
        return node_objects.get(self.db, row.uuid)
