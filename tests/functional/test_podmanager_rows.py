# SPDX-License-Identifier: Apache-2.0

"""Rows of pod managers, in every database: what two do at once, and what was there before."""

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
        """Do something in many threads at the same moment; give what came of it."""
        barrier = threading.Barrier(AT_ONCE)

        def one(number: int) -> Any:
            barrier.wait(60)
            try:
                return do(number)
            except (errors.ValenceError, conductor_errors.Superseded) as exc:
                return type(exc)

        with futures.ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(one, range(AT_ONCE)))

    def test_what_was_known_before_is_enabled_and_bears_no_tags(self) -> None:
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

    def test_a_name_and_a_url_are_taken_once_whoever_comes_first(self) -> None:
        wiring.upgrade(self.db)
        for field, value in (("name", "pod-1"), ("url", "https://pod.example")):
            ended = self.at_once(
                lambda _number, field=field, value=value: podmanager_objects.create(
                    self.db, self.values(**{field: value})
                )
            )
            duplicates = [end for end in ended if end is errors.PodManagerDuplicate]
            self.assertEqual(AT_ONCE - 1, len(duplicates), ended)

    def test_of_many_changes_of_one_row_one_is_checked_against_it(self) -> None:
        wiring.upgrade(self.db)
        seen = podmanager_objects.create(self.db, self.values())
        ended = self.at_once(
            lambda number: podmanager_objects.update(self.db, seen, {"tags": [str(number)]})
        )
        superseded = [end for end in ended if end is conductor_errors.Superseded]
        self.assertEqual(AT_ONCE - 1, len(superseded), ended)

    def test_a_node_that_comes_while_its_pod_manager_goes_has_one_or_is_refused(self) -> None:
        wiring.upgrade(self.db)
        podm = podmanager_objects.create(self.db, self.values())

        def do(number: int) -> Any:
            if number == 0:
                return [node.uuid for node in podmanager_objects.forget(self.db, podm.uuid)]
            asked = {"uuid": str(uuids.uuid4()), "fingerprint": "x", "properties": {}}
            return node_changes.create(self.db, {**asked, "podm_uuid": podm.uuid})[0].uuid

        forgotten, *created = self.at_once(do)
        left = {node.uuid for node in node_objects.list_all(self.db)}
        if forgotten is errors.PodManagerInUse:
            self.assertEqual(left, {end for end in created if isinstance(end, str)})
        else:
            self.assertEqual(set(), left)
            self.assertEqual({errors.PodManagerNotFound}, set(created))
