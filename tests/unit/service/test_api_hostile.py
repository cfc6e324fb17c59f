# SPDX-License-Identifier: Apache-2.0

"""Hostile values at every place of every route that openapi.json describes: never a 500."""

import json
from typing import Any

import hypothesis
from hypothesis import strategies as st

from tests import base as tests_base
from tests.unit.service import base
from valence import jsontext
from valence.api import routes
from valence.objects import flavor as flavor_objects
from valence.objects import node_changes

UUID = "8c9f4a52-6a3e-4f0b-9d27-3b1e5c7a9f10"

#: Texts for paths and queries, percent-encoded.
TEXTS = (
    *("1_000", "%2B5", "%205", "%E0%A5%AB", "-1", "0", "1e400", "NaN", "true", "", "%00", "%FF"),
    *("%ED%A0%80", "%F0%9F%92%A9", "9" * 30, str(2**31), str(2**63), "x" * 5000, "%27%22;--", "%"),
)

#: Documents of JSON for every property of every body.
DOCUMENTS = (
    *("1e400", "NaN", "-Infinity", "4.0", "true", "null", str(2**31), str(2**63), "9" * 5000),
    *('"\\u0000"', '"\\ud800"', '"a\\n"', '""', "[]", "{}", "[1]", '{"a":1,"a":2}', "[" * 963),
    *("[" * 50 + "]" * 50, json.dumps("x" * 70_000), json.dumps({"k" * 300: 1}), "{", '"\udcff"'),
)

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


class TestHostile(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def send(self, method: str, path: str, **options: Any) -> None:
        answer = self.api(method, path, **options)
        self.assertNotEqual(500, answer.status_code, (method, path[:200], str(options)[:200]))

    def test_no_value_in_a_path_or_a_query_is_a_500(self) -> None:
        for path, operations in self.api("GET", "/v1/openapi.json").json["paths"].items():
            for method, operation in operations.items():
                for text in TEXTS:
                    self.send(method.upper(), path.replace("{ident}", text or "x"))
                    for parameter in operation["parameters"]:
                        query = f"{parameter['name']}={text}"
                        self.send(method.upper(), f"{path.format(ident='x')}?{query}")

    def test_no_value_in_a_body_is_a_500(self) -> None:
        # Bodies are judged behind the path: there is a node, and a flavor.
        values = {"uuid": UUID, "name": "x", "properties": base.FOUR_CORES}
        node_changes.create(self.service.db, {**values, "fingerprint": ""})
        flavor_objects.create(self.service.db, values)
        for route in routes.ROUTES:
            for name in (route.body or {}).get("properties", {}):
                for document in DOCUMENTS:
                    data = f'{{"{name}": {document}}}'.encode("utf-8", "surrogateescape")
                    path = route.path.replace("<ident>", "x")
                    self.send(route.method, path, data=data, content_type="application/json")


class TestIntegers(tests_base.TestCase):
    def test_every_integer_of_a_request_has_bounds(self) -> None:
        for route in routes.ROUTES:
            for schema in filter(None, (route.body, route.query)):
                for place, part in _parts(schema, route.path):
                    if part.get("type") == "integer":
                        self.assertLessEqual(0, part["minimum"], place)
                        self.assertLessEqual(part["maximum"], 2**31 - 1, place)


class TestRead(tests_base.TestCase):
    @hypothesis.settings(max_examples=200, derandomize=True, database=None, deadline=None)
    @hypothesis.given(value=JSON)
    def test_what_is_read_can_be_written_and_is_the_same(self, value: Any) -> None:
        try:
            read = jsontext.read(json.dumps(value).encode())
        except ValueError:
            return
        self.assertEqual(value, read)
        self.assertEqual(value, json.loads(jsontext.write(read)))
        self.assertNotIn(b"\\u0000", jsontext.write(read).replace(b"\\\\", b""))

    @hypothesis.settings(max_examples=200, derandomize=True, database=None, deadline=None)
    @hypothesis.given(content=st.binary())
    def test_bytes_are_read_or_refused_with_a_sentence(self, content: bytes) -> None:
        try:
            jsontext.read(content)
        except ValueError as exc:
            self.assertNotEqual("", str(exc))


def _parts(schema: Any, place: str) -> Any:
    if isinstance(schema, dict):
        yield place, schema
        for key, part in schema.items():
            yield from _parts(part, f"{place}.{key}")
    elif isinstance(schema, list):
        for part in schema:
            yield from _parts(part, place)
