# SPDX-License-Identifier: Apache-2.0

"""Rows of pod managers in every database: concurrent changes, and rows of old releases."""

from collections.abc import Callable
from concurrent import futures
import datetime
import pathlib
import threading
from typing import Any
import uuid as uuids

import fixtures
import sqlalchemy as sa
import testscenarios

from tests import base
from tests.servers import databases
from valence import errors
from valence import wiring
from valence.objects import base as objects_base
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence_conductor import errors as conductor_errors
from valence_conductor.db.engine import Database

AT_ONCE = 8


class TestRows(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (name, {"kind": kind}) for name, kind in {"sqlite": None, **databases.ALL}.items()
    ]
    kind: Any

    def setUp(self) -> None:
        super().setUp()
        self.db = Database(self.url())
        self.addCleanup(self.db.close)

    def url(self) -> str:
        if self.kind is None:
            folder = self.useFixture(fixtures.TempDir()).path
            return f"sqlite:///{pathlib.Path(folder) / 'rows.sqlite'}"
        self.need(self.kind.missing())
        server = self.useFixture(self.kind())
        server.create("valence")
        return str(server.url("valence"))

    def values(self, **fields: Any) -> dict[str, Any]:
        uuid = str(uuids.uuid4())
        fresh = {"name": uuid, "url": f"https://{uuid}", "driver": "rsd", "verify_ca": True}
        return {"uuid": uuid, **fresh, **fields}

    def at_once(self, do: Callable[[int], Any]) -> list[Any]:
        """Run a function in many threads at the same time; return results and types of errors."""
        barrier = threading.Barrier(AT_ONCE)

        def one(number: int) -> Any:
            barrier.wait(60)
            try:
                return do(number)
            except (errors.ValenceError, conductor_errors.Superseded) as exc:
                return type(exc)

        with futures.ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(one, range(AT_ONCE)))

    def test_rows_of_old_releases_are_enabled_and_have_no_tags(self) -> None:
        wiring.upgrade(self.db, "0002")
        now = datetime.datetime(2026, 1, 1)
        old = {**self.values(), "status": "online", "status_since": now, "created_at": now}
        columns = [sa.column(name) for name in old]
        with self.db.engine.begin() as connection:
            statement = sa.insert(sa.table("podmanagers", *columns)).values(
                **{**old, "verify_ca": "true"}
            )
            connection.execute(statement)
        wiring.upgrade(self.db)
        row = podmanager_objects.get(self.db, old["uuid"])
        self.assertEqual((True, [], None, True), (row.enabled, row.tags, row.ca, row.verify_ca))
        self.assertTrue(
            podmanager_objects.page(self.db, objects_base.Query(filters={"enabled": True}))[0]
        )  # type: ignore[dict-item]

    def test_of_concurrent_creates_with_one_name_or_url_one_succeeds(self) -> None:
        wiring.upgrade(self.db)
        for field, value in (("name", "pod-1"), ("url", "https://pod.example")):
            results = self.at_once(
                lambda _number, field=field, value=value: podmanager_objects.create(
                    self.db, self.values(**{field: value})
                )
            )
            duplicates = [result for result in results if result is errors.PodManagerDuplicate]
            self.assertEqual(AT_ONCE - 1, len(duplicates), results)

    def test_of_concurrent_changes_of_one_row_one_succeeds(self) -> None:
        wiring.upgrade(self.db)
        row = podmanager_objects.create(self.db, self.values())
        results = self.at_once(
            lambda number: podmanager_objects.update(self.db, row, {"tags": [str(number)]})
        )
        superseded = [result for result in results if result is conductor_errors.Superseded]
        self.assertEqual(AT_ONCE - 1, len(superseded), results)

    def test_a_node_created_during_a_forced_delete_has_a_pod_manager_or_is_refused(
        self,
    ) -> None:
        wiring.upgrade(self.db)
        podm = podmanager_objects.create(self.db, self.values())

        def do(number: int) -> Any:
            if number == 0:
                return [node.uuid for node in podmanager_objects.forget(self.db, podm.uuid)]
            values = {"uuid": str(uuids.uuid4()), "fingerprint": "x", "properties": {}}
            return node_changes.create(self.db, {**values, "podm_uuid": podm.uuid})[0].uuid

        deleted, *created = self.at_once(do)
        remaining = {node.uuid for node in node_objects.list_all(self.db)}
        if deleted is errors.PodManagerInUse:
            self.assertEqual(remaining, {result for result in created if isinstance(result, str)})
        else:
            self.assertEqual(set(), remaining)
            self.assertEqual({errors.PodManagerNotFound}, set(created))
