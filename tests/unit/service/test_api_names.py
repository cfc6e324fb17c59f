# SPDX-License-Identifier: Apache-2.0

"""Names and other text of users and pod managers: equal only to themselves, in every database."""

from collections.abc import Callable
from typing import Any
from typing import ClassVar
import urllib.parse
import uuid as uuids

import testscenarios

from tests.unit.service import rows_base
from valence.objects import base as objects_base
from valence.objects import device as device_objects
from valence.objects import flavor as flavor_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence.objects import rack as rack_objects
from valence.objects import system as system_objects
from valence_conductor import waiting

#: Names that some collation of MariaDB takes for the same, in the order of their code points.
NAMES = (
    "WEB-1",
    "Web-1",
    "web-1",
    "web-1 ",
    "web-\u00b9",  # superscript one
    "we\u0301b-1",  # the same as the next one, decomposed
    "w\u00e9b-1",
    "\u1e83eb-1",
    "\uff57eb-1",  # full width
    "\U0001f5a5",  # one of those to which older collations give the same weight
    "\U0001f5a8",
)


class NamesTestCase(rows_base.RowsTestCase):
    def rack(self, name: str) -> None:
        self.add(rack_objects.Rack(path=f"/{name}", name=name))

    def system(self, name: str) -> None:
        fields = {"state": "free", "details": {}, "details_at": waiting.now()}
        self.add(system_objects.System(path=f"/{name}", name=name, **fields))

    def device(self, group: str) -> None:
        fields = {"type": "storage", "state": "free", "properties": {}, "extra": {}}
        more = {"listed_by": "/", "fingerprint": "", "details_at": waiting.now()}
        self.add(device_objects.Device(path=f"/{group}", pooled_group_id=group, **fields, **more))

    def add(self, row: Any) -> None:
        row.uuid, row.podm_uuid, row.created_at = _uuid(), self.podm.uuid, waiting.now()
        with self.db.writer() as session:
            session.add(row)

    def flavor(self, name: str) -> None:
        flavor_objects.create(self.db, {"uuid": _uuid(), "name": name, "properties": {}})

    def node(self, name: str) -> None:
        values = {"uuid": _uuid(), "name": name, "fingerprint": "", "properties": {}}
        node_changes.create(self.db, {**values, "project_id": name, "user_id": name})

    def podmanager(self, name: str) -> None:
        url = f"https://pod.example/{urllib.parse.quote(name)}"
        values = {"uuid": _uuid(), "name": name, "url": url, "driver": "rsd", "verify_ca": True}
        podmanager_objects.create(self.db, values)


class TestNames(testscenarios.WithScenarios, NamesTestCase):
    """Every noun that has a name."""

    scenarios: ClassVar = [
        ("flavor", {"noun": "flavor", "repository": flavor_objects.FLAVORS}),
        ("node", {"noun": "node", "repository": node_objects.NODES}),
        ("podmanager", {"noun": "podmanager", "repository": podmanager_objects.PODMANAGERS}),
        ("rack", {"noun": "rack", "repository": rack_objects.RACKS}),
        ("system", {"noun": "system", "repository": system_objects.SYSTEMS}),
    ]
    noun: str
    repository: objects_base.Repository[Any]

    def setUp(self) -> None:
        super().setUp()
        self.create: Callable[[str], None] = getattr(self, self.noun)

    def page(self, **query: Any) -> list[str]:
        rows, _more = self.repository.page(self.db, objects_base.Query(**query))
        return [row.name for row in rows if row.name != "pod-1"]

    def test_a_name_finds_the_row_that_has_exactly_it(self) -> None:
        self.create("web-1")
        for name in NAMES:
            row = self.repository.find(self.db, name)
            self.assertEqual(name == "web-1", row is not None, name)

    def test_names_that_look_alike_are_different_ones(self) -> None:
        for name in NAMES:
            self.create(name)
        for name in NAMES:
            self.assertEqual(name, self.repository.get(self.db, name).name)
            self.assertEqual([name], self.page(filters={"name": name}))

    def test_names_are_sorted_and_paged_in_one_order(self) -> None:
        for name in reversed(NAMES):
            self.create(name)
        ordered = sorted(NAMES)
        self.assertEqual(ordered, self.page(sort=("name", "asc")))
        self.assertEqual(ordered[::-1], self.page(sort=("name", "desc")))
        for index, name in enumerate(ordered):
            page = self.page(sort=("name", "asc"), marker=name)
            self.assertEqual(ordered[index + 1 :], page)


class TestOtherText(NamesTestCase):
    """Text that is compared, but names nothing."""

    def test_a_filter_finds_exactly_the_text(self) -> None:
        for text in NAMES:
            self.node(text)
            self.device(text)
        for text in NAMES:
            query = objects_base.Query(scope={"project_id": text})
            rows, _more = node_objects.page(self.db, query, ["project_id"])
            self.assertEqual([text], [row.project_id for row in rows])
            for field, value in (("pooled_group_id", text), ("path", f"/{text}")):
                query = objects_base.Query(filters={field: value})
                devices, _more = device_objects.page(self.db, query, ["path"])
                self.assertEqual([f"/{text}"], [device.path for device in devices])

    def test_a_system_is_marked_by_exactly_its_path(self) -> None:
        for text in NAMES:
            self.system(text)
        system_objects.mark_allocated(self.db, self.podm.uuid, "/web-1", _uuid(), "/Nodes/1")
        query = objects_base.Query(filters={"state": "used"})
        rows, _more = system_objects.page(self.db, query)
        self.assertEqual(["/web-1"], [row.path for row in rows])


class TestUuids(NamesTestCase):
    def test_a_row_is_found_by_its_uuid_in_any_case_and_by_nothing_like_it(self) -> None:
        self.flavor("web")
        (row,), _more = flavor_objects.page(self.db, objects_base.Query())
        uuid = str(row.uuid)
        for spelling in (uuid, uuid.upper()):
            self.assertEqual(uuid, flavor_objects.get(self.db, spelling).uuid)
        digits = uuid.replace("-", "")
        for other in (
            f"{uuid} ",
            f" {uuid}",
            f"{uuid}\n",
            digits,
            f"{{{digits}--}}",
            f"{digits}----",
            uuid.translate(str.maketrans("0123456789", "\uff10\uff11\uff12\uff13\uff14"
                                         "\uff15\uff16\uff17\uff18\uff19")),
        ):  # fmt: skip
            self.assertIsNone(flavor_objects.FLAVORS.find(self.db, other), other)


def _uuid() -> str:
    return str(uuids.uuid4())
