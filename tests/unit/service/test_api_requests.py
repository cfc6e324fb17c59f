# SPDX-License-Identifier: Apache-2.0

"""Requests and responses: validation, errors, ids, CORS and proxies."""

import functools
import json
from typing import Any
from typing import ClassVar
import uuid as uuids

import testscenarios
from werkzeug import test

from tests import log_lines
from tests.unit.service import base
from valence.api import app
from valence.objects import node_changes

MALFORMED_UUID = "12345"
UUID = "8c9f4a52-6a3e-4f0b-9d27-3b1e5c7a9f10"

#: 29 lists, one in the other: one level too many in the extra of a body.
LEVELS: Any = functools.reduce(lambda inner, _level: [inner], range(29), 1)

INVALID: list[tuple[str, str, str, Any]] = [
    ("no cores", "POST", "/v1/nodes", {"properties": {"processor": {"total_cores": 0}}}),
    ("minus one", "POST", "/v1/nodes", {"properties": {"memory": {"capacity_mib": -1}}}),
    ("half a core", "POST", "/v1/nodes", {"properties": {"processor": {"total_cores": 0.5}}}),
    ("whole cores as a float", "POST", "/v1/nodes", {"properties": {"processor": {"count": 4.0}}}),
    ("true cores", "POST", "/v1/nodes", {"properties": {"processor": {"count": True}}}),
    ("a core too many", "POST", "/v1/nodes", {"properties": {"processor": {"count": 2**70}}}),
    ("cores in words", "POST", "/v1/nodes", {"properties": {"processor": {"count": "two"}}}),
    ("nothing at all", "POST", "/v1/nodes", {"properties": {}}),
    ("an empty part", "POST", "/v1/nodes", {"properties": {"memory": {}}}),
    ("no drives", "POST", "/v1/nodes", {"properties": {"storage": []}}),
    ("unknown part", "POST", "/v1/nodes", {"properties": {"wings": {"count": 2}}}),
    ("neither", "POST", "/v1/nodes", {"name": "x"}),
    (
        "both",
        "POST",
        "/v1/nodes",
        {"flavor_id": "f", "properties": {"memory": {"capacity_mib": 1}}},
    ),
    ("malformed uuid", "POST", "/v1/nodes", {"uuid": MALFORMED_UUID, "flavor_id": "f"}),
    ("malformed podm_id", "POST", "/v1/nodes", {"podm_id": MALFORMED_UUID, "flavor_id": "f"}),
    ("a list", "POST", "/v1/nodes", []),
    ("null", "POST", "/v1/nodes", None),
    ("a name of nothing", "POST", "/v1/nodes", {"name": "", "flavor_id": "f"}),
    ("a name with NUL", "POST", "/v1/nodes", {"name": "a\x00b", "flavor_id": "f"}),
    ("half a surrogate", "POST", "/v1/nodes", {"name": "\ud800", "flavor_id": "f"}),
    ("a name that ends a line", "POST", "/v1/nodes", {"name": "a\n", "flavor_id": "f"}),
    ("a uuid that ends a line", "POST", "/v1/nodes", {"uuid": UUID + "\n", "flavor_id": "f"}),
    ("a long name", "POST", "/v1/nodes", {"name": "n" * 256, "flavor_id": "f"}),
    ("a flavor without a name", "POST", "/v1/flavors", {"properties": {"memory": {"type": "x"}}}),
    ("no change", "PATCH", "/v1/flavors/f", {}),
    ("no URL", "POST", "/v1/podmanagers", {"name": "p", "url": "pod.example"}),
    ("user in URL", "POST", "/v1/podmanagers", {"name": "p", "url": "http://a:b@pod.example"}),
    ("a long key", "POST", "/v1/nodes/n/register", {"extra": {"k" * 256: 1}}),
    ("a key with NUL", "POST", "/v1/nodes/n/register", {"extra": {"\x00": 1}}),
    ("a number of 65 bits", "POST", "/v1/nodes/n/register", {"extra": {"a": 2**64}}),
    ("deep", "POST", "/v1/nodes/n/register", {"extra": {"a": LEVELS}}),
    ("malformed Ironic uuid", "POST", "/v1/nodes/n/register", {"uuid": MALFORMED_UUID}),
    ("limit of nothing", "GET", "/v1/nodes?limit=0", None),
    ("limit with an underscore", "GET", "/v1/nodes?limit=1_000", None),
    ("limit with a sign", "GET", "/v1/nodes?limit=%2B5", None),
    ("limit with a space", "GET", "/v1/nodes?limit=%205", None),
    ("limit in Devanagari", "GET", "/v1/nodes?limit=%E0%A5%AB", None),
    ("limit of many digits", "GET", f"/v1/nodes?limit={'9' * 5000}", None),
    ("cores of 64 bits", "GET", f"/v1/nodes?min_cores={2**63}", None),
    ("cores of 32 bits", "GET", f"/v1/systems?min_cores={2**31}", None),
    ("memory of 32 bits", "GET", f"/v1/systems?min_memory_mib={2**31}", None),
    ("memory below nothing", "GET", "/v1/nodes?min_memory_mib=-1", None),
    ("a query of no UTF-8", "GET", "/v1/nodes?name=%FF", None),
    ("half a surrogate in a query", "GET", "/v1/nodes?name=%ED%A0%80", None),
    ("limit in words", "GET", "/v1/nodes?limit=ten", None),
    ("unknown filter", "GET", "/v1/nodes?colour=red", None),
    ("unknown sort", "GET", "/v1/nodes?sort=colour", None),
    ("unknown marker", "GET", "/v1/nodes?marker=unknown", None),
    ("a filter twice", "GET", "/v1/nodes?name=a&name=b", None),
    ("malformed filter", "GET", f"/v1/nodes?podm_id={MALFORMED_UUID}", None),
    ("refresh in words", "GET", "/v1/nodes/n?refresh=perhaps", None),
    ("a query of a path without one", "GET", "/v1/flavors/f?colour=red", None),
]


class TestInvalid(testscenarios.WithScenarios, base.ServiceTestCase):
    scenarios = [
        (name, {"method": method, "path": path, "body": body})
        for name, method, path, body in INVALID
    ]
    method: str
    body: dict[str, Any] | list[Any] | None
    path: str

    def test_it_is_refused_with_400_and_a_sentence(self) -> None:
        self.start()
        values = {"uuid": str(uuids.uuid4()), "name": "n", "fingerprint": "", "properties": {}}
        node_changes.create(self.service.db, values)
        options: dict[str, Any] = {}
        if self.method != "GET":
            options = {"data": json.dumps(self.body), "content_type": "application/json"}
        answer = self.api(self.method, self.path, **options)
        error = self.assertRefused(400, "valence.request.invalid", answer)
        self.assertRegex(error["detail"], r"^\S.*\.$")


class TestForm(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def test_an_unknown_path_is_404(self) -> None:
        for path in ("/v2", "/v1/wings", "/v1/nodes/a/b/c", "//v1/nodes", "/v1/nodes/%00/x"):
            self.assertRefused(404, "valence.request.unknown_path", self.api("GET", path))

    def test_a_wrong_method_is_405_and_names_the_right_ones(self) -> None:
        answer = self.api("PUT", "/v1/flavors/a")
        self.assertRefused(405, "valence.request.method", answer)
        self.assertEqual("DELETE, GET, HEAD, PATCH", answer.headers["Allow"])

    def test_another_media_type_is_415(self) -> None:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
            answer = self.api("POST", "/v1/nodes", data="{}", content_type=kind)
            self.assertRefused(415, "valence.request.media_type", answer)

    def test_a_body_that_is_not_json_is_400(self) -> None:
        deep = "[" * 100_000
        for data in ("{", "", "NaN", '{"a": Infinity}', b"\xff\xfe", deep, '{"a": 1e999}'):
            answer = self.api("POST", "/v1/nodes", data=data, content_type="application/json")
            self.assertRefused(400, "valence.request.invalid", answer)

    def test_a_value_that_no_database_stores_is_400_and_named(self) -> None:
        for value, place, words in (
            ("1e400", "body.extra.a[0]", "out of range"),
            ("-Infinity", "body.extra.a[0]", "out of range"),
            ("9223372036854775808", "body.extra.a[0]", "64 bits"),
            ("9" * 5000, "body.extra.a[0]", "out of range"),
            ('"\\u0000"', "body.extra.a[0]", "NUL"),
            ('"\\udfff"', "body.extra.a[0]", "surrogate"),
            ('{"b": 1, "b": 2}', "'b'", "twice"),
            ("[" * 900 + "]" * 900, "body.extra.a[0][0][0]", "30 levels"),
            ("[" * 5000 + "]" * 5000, "body", "30 levels"),
        ):
            data = f'{{"extra": {{"a": [{value}]}}}}'
            answer = self.api("POST", "/v1/nodes", data=data, content_type="application/json")
            detail = self.assertRefused(400, "valence.request.invalid", answer)["detail"]
            self.assertIn(place, detail)
            self.assertIn(words, detail)
            self.assertLess(len(detail), 600)

    def test_a_body_of_very_many_problems_is_refused_for_the_first(self) -> None:
        data = json.dumps({"properties": {"tags": [1] * 300_000}})
        answer = self.api("POST", "/v1/nodes", data=data, content_type="application/json")
        self.assertRefused(400, "valence.request.invalid", answer)

    def test_a_path_that_is_not_utf8_is_400(self) -> None:
        for path in ("/v1/nodes/\xff", "/v1/\xff", "/v1/nodes/\xed\xa0\x80"):
            answer = self.api("GET", "/v1/nodes/x", environ_overrides={"PATH_INFO": path})
            self.assertRefused(400, "valence.request.invalid", answer)

    def test_a_filter_by_uuid_takes_every_spelling(self) -> None:
        values = {"fingerprint": "", "properties": {}, "flavor_id": UUID}
        node_changes.create(self.service.db, {"uuid": str(uuids.uuid4()), **values})
        answer = self.api("GET", f"/v1/nodes?flavor_id={UUID.upper()}")
        self.assertEqual([UUID], [node["flavor_id"] for node in answer.json["nodes"]])

    def test_a_body_that_is_too_long_is_413(self) -> None:
        data = b" " * (1024 * 1024 + 1)
        answer = self.api("POST", "/v1/nodes", data=data, content_type="application/json")
        self.assertRefused(413, "valence.request.too_large", answer)

    def test_an_object_that_does_not_exist_is_404_with_the_code_of_its_noun(self) -> None:
        for noun in ("node", "flavor", "podmanager"):
            for ident in (
                "unknown",
                "00000000-0000-4000-8000-000000000000",
                "%00",
                "%F0%9F%92%A9",
            ):
                answer = self.api("GET", f"/v1/{noun}s/{ident}")
                self.assertRefused(404, f"valence.{noun}.not_found", answer)

    def test_a_bug_is_500_without_details(self) -> None:
        with self.service.db.writer() as session:
            session.connection().exec_driver_sql("DROP TABLE flavors")
        answer = self.api("GET", "/v1/flavors")
        error = self.assertRefused(500, "valence.internal", answer)
        self.assertIn(answer.headers["X-Openstack-Request-Id"], error["detail"])
        self.assertNotIn("no such table", answer.get_data(as_text=True))

    def test_a_head_is_a_get_without_body(self) -> None:
        answer = self.api("HEAD", "/v1/nodes")
        self.assertEqual((200, b""), (answer.status_code, answer.get_data()))

    def test_every_request_has_a_unique_id(self) -> None:
        ids = {self.api("GET", "/").headers["X-Openstack-Request-Id"] for _ in range(3)}
        self.assertEqual(3, len(ids))


class TestGlobalRequestId(base.ServiceTestCase):
    """The id of a chain of requests through several services."""

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(log_lines.LogLines())
        self.start()

    def logged(self, sent: str) -> list[str]:
        answer = self.api("GET", "/v1/nodes", headers={"X-Openstack-Request-Id": sent})
        own = answer.headers["X-Openstack-Request-Id"]
        self.assertNotEqual(sent, own)
        return [line for line in self.log.lines() if f"[{own} " in line]

    def test_it_is_logged_beside_the_id_of_the_request(self) -> None:
        sent = "req-8b3f1f0c-7a0e-4f0f-9d50-6b2a4f1f7e11"
        (line,) = self.logged(sent)
        self.assertIn(sent, line)

    def test_a_malformed_one_is_not_logged(self) -> None:
        for sent in ("req-me", "req-8b3f1f0c-7a0e-4f0f-9d50-6b2a4f1f7e11\tx", "x" * 1000):
            (line,) = self.logged(sent)
            self.assertIn(" -]", line)


class TestCORS(base.ServiceTestCase):
    ORIGIN = "https://dashboard.example"

    def send(self, method: str = "GET") -> Any:
        headers = {"Origin": self.ORIGIN, "Access-Control-Request-Method": "GET"}
        return self.client.open("/v1/nodes", method=method, headers=headers)

    def start_with(self, *origins: str) -> None:
        conf = self.configure()
        file = self.folder / "cors.conf"
        file.write_text(f"[cors]\nallowed_origin = {','.join(origins)}\n")
        conf(["--config-file", str(file)], project="valence")
        self.start_from(conf)
        self.client = test.Client(app.application(self.service))

    def test_pages_of_other_origins_are_refused(self) -> None:
        self.start_with()
        self.assertNotIn("Access-Control-Allow-Origin", self.send().headers)
        self.assertEqual(405, self.send("OPTIONS").status_code)

    def test_a_configured_origin_is_allowed(self) -> None:
        self.start_with(self.ORIGIN)
        for answer in (self.send(), self.send("OPTIONS")):
            self.assertEqual(200, answer.status_code)
            self.assertEqual(self.ORIGIN, answer.headers["Access-Control-Allow-Origin"])


class TestRoot(base.ServiceTestCase):
    def test_versions_are_discovered_from_the_root_and_from_v1(self) -> None:
        self.start()
        link = [{"rel": "self", "href": "http://localhost/v1/"}]
        version = {"id": "v1", "status": "CURRENT", "links": link}
        self.assertEqual({"versions": [version]}, self.api("GET", "/").json)
        self.assertEqual({"version": version}, self.api("GET", "/v1").json)
        self.assertEqual({"version": version}, self.api("GET", "/v1/").json)

    def test_links_have_the_public_endpoint(self) -> None:
        self.start(public_endpoint="https://valence.example/compose/")
        link = self.api("GET", "/").json["versions"][0]["links"][0]
        self.assertEqual("https://valence.example/compose/v1/", link["href"])


class TestProxyHeaders(base.ServiceTestCase):
    """A proxy that ends TLS and serves the service below a path."""

    HEADERS: ClassVar = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "cloud.example",
        "X-Forwarded-Prefix": "/compose",
    }

    def link(self, **headers: str) -> str:
        link: str = self.api("GET", "/", headers=headers).json["versions"][0]["links"][0]["href"]
        return link

    def test_links_have_the_address_of_the_proxy_if_configured(self) -> None:
        conf = self.configure()
        file = self.folder / "proxy.conf"
        file.write_text("[oslo_middleware]\nenable_proxy_headers_parsing = true\n")
        conf(["--config-file", str(file)], project="valence")
        self.start_from(conf)
        self.assertEqual("https://cloud.example/compose/v1/", self.link(**self.HEADERS))
        self.assertEqual("http://localhost/v1/", self.link())

    def test_the_headers_are_ignored_otherwise(self) -> None:
        self.start()
        self.assertEqual("http://localhost/v1/", self.link(**self.HEADERS))
