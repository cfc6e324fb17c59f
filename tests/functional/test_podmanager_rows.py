# SPDX-License-Identifier: Apache-2.0

"""Rows of pod managers in every database: concurrent changes, and rows of old releases."""

from collections.abc import Callable
from concurrent import futures
import datetime
import functools
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
from valence.objects import podmanager_identity
from valence.podmanagers import service_identity
from valence.podmanagers.service_identity import System as Identity
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

    def test_of_concurrent_creates_of_one_pod_manager_by_its_identity_one_succeeds(self) -> None:
        wiring.upgrade(self.db)
        systems = tuple(Identity.of(str(uuids.uuid4()), f"SN-{number}77") for number in range(3))

        def create(_number: int) -> Any:
            # By a name and an address of its own, and with a UUID that differs at each start.
            observed = service_identity.Service(str(uuids.uuid4()), systems)
            values = self.values(**podmanager_identity.values_of(observed))
            check = functools.partial(
                podmanager_identity.refuse_same, observed=observed, uuid=values["uuid"]
            )
            return podmanager_objects.create(self.db, values, check)

        results = self.at_once(create)
        duplicates = [result for result in results if result is errors.PodManagerDuplicate]
        self.assertEqual(AT_ONCE - 1, len(duplicates), results)

    def test_a_mismatch_is_recorded_and_cleared_unless_the_row_has_changed(self) -> None:
        wiring.upgrade(self.db)
        before = podmanager_objects.create(self.db, self.values())
        podmanager_identity.record_mismatch(self.db, before, "other systems")
        row = podmanager_objects.get(self.db, before.uuid)
        self.assertEqual(("mismatched", "other systems"), (row.status, row.status_reason))
        podmanager_objects.record_status(self.db, row.uuid, "online", None)
        self.assertEqual("mismatched", podmanager_objects.get(self.db, row.uuid).status)
        podmanager_identity.record(self.db, row, "7a1b1bcd-7d1f-4b57-9b6e-3f1f0a1c2d3e")
        cleared = podmanager_objects.get(self.db, row.uuid)
        self.assertEqual(("online", None), (cleared.status, cleared.status_reason))
        podmanager_identity.record_mismatch(self.db, before, "compared with a former UUID")
        self.assertEqual("online", podmanager_objects.get(self.db, row.uuid).status)
        podmanager_objects.update(self.db, cleared, {"url": "https://elsewhere"})
        podmanager_identity.record_mismatch(self.db, cleared, "answered at the former URL")
        self.assertEqual("online", podmanager_objects.get(self.db, row.uuid).status)

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
