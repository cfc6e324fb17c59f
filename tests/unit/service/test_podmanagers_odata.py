# SPDX-License-Identifier: Apache-2.0

"""Links: how they are resolved, requested and compared."""

from typing import Any

import testscenarios

from tests import base
from tests.unit.service import fake_redfish
from valence import errors
from valence.podmanagers import odata
from valence.podmanagers.http import exchange

ROOT = "/redfish/v1/"


class TestNormalPath(testscenarios.WithScenarios, base.TestCase):
    """RFC 3986, 6.2.2, and what services write in two ways."""

    scenarios = [
        (ascii(path), {"path": path, "normal": normal})
        for path, normal in [
            ("/redfish/v1/Nodes/1", "/redfish/v1/Nodes/1"),
            ("/redfish/v1/Nodes/1/", "/redfish/v1/Nodes/1"),
            ("/redfish/v1/Nodes/%31", "/redfish/v1/Nodes/1"),
            ("/redfish/v1/Nodes/a%2fb", "/redfish/v1/Nodes/a%2Fb"),
            ("/redfish/v1/Nodes/a b", "/redfish/v1/Nodes/a%20b"),
            ("/redfish/v1/Nodes/%E4%b8%AD", "/redfish/v1/Nodes/%E4%B8%AD"),
            ("/redfish/v1/Nodes/\u4e2d", "/redfish/v1/Nodes/%E4%B8%AD"),
            ("/redfish/v1/Nodes/100%", "/redfish/v1/Nodes/100%25"),
            ("/redfish/v1/./Nodes/../Nodes/1", "/redfish/v1/Nodes/1"),
            ("/redfish/v1/%2e%2e/Nodes", "/redfish/Nodes"),
            ("/../../x", "/x"),
            ("/redfish/v1/Nodes/~a", "/redfish/v1/Nodes/~a"),
            ("/redfish/v1/Nodes/%7ea", "/redfish/v1/Nodes/~a"),
            ("/redfish/v1/Nodes?$skip=%31", "/redfish/v1/Nodes?$skip=1"),
            ("/redfish/v1/Chassis/1/Thermal#/Fans/0", "/redfish/v1/Chassis/1/Thermal"),
            ("https://10.0.0.1:8443/redfish/v1/Nodes/1", "/redfish/v1/Nodes/1"),
            ("/redfish/v1/Nodes/\ud800", "/redfish/v1/Nodes/%ED%A0%80"),
        ]
    ]
    path: str
    normal: str

    def test_normal_path(self) -> None:
        self.assertEqual(self.normal, odata.normal_path(self.path))
        self.assertEqual(self.normal, odata.normal_path(self.normal), "idempotent")
        self.assertTrue(odata.same_path(self.path, self.normal))


class TestSamePath(base.TestCase):
    def test_other_paths_and_no_path_are_not_the_same(self) -> None:
        for one, other in [
            ("/redfish/v1/Nodes/1", "/redfish/v1/Nodes/11"),
            ("/redfish/v1/Nodes/a", "/redfish/v1/Nodes/A"),
            ("/redfish/v1/Nodes/a%2Fb", "/redfish/v1/Nodes/a/b"),
            ("/redfish/v1/Nodes", "/redfish/v1/Nodes?$skip=1"),
            (None, "/redfish/v1/Nodes"),
            (None, None),
        ]:
            self.assertFalse(odata.same_path(one, other), (one, other))


class TestResolve(base.TestCase):
    """Every link of a response is a path, if it leads to the pod manager."""

    def resolve(self, body: Any, document: str = ROOT) -> Any:
        odata.resolve(body, lambda link: exchange.local_path(fake_redfish.URL, document, link))
        return body

    def test_links_are_resolved_against_their_document(self) -> None:
        for document, link, path in [
            (ROOT, "Nodes", "/redfish/v1/Nodes"),
            (ROOT, "./Nodes/", "/redfish/v1/Nodes/"),
            ("/redfish/v1/Nodes/1", "../Systems/1", "/redfish/v1/Systems/1"),
            ("/redfish/v1/Nodes?a=b", "?page=2", "/redfish/v1/Nodes?page=2"),
            (ROOT, f"{fake_redfish.URL}/redfish/v1/Nodes", "/redfish/v1/Nodes"),
            (ROOT, "HTTPS://Pod.Example:8443/x", "/x"),
            (ROOT, "//pod.example:8443/x", "/x"),
            (ROOT, "/redfish/v1/Nodes/", "/redfish/v1/Nodes/"),
            (ROOT, "@10.0.0.5:80/x", "/redfish/v1/@10.0.0.5:80/x"),
            (ROOT, "x@host/y", "/redfish/v1/x@host/y"),
        ]:
            for holder in (
                {"@odata.id": link},
                {"Members@odata.nextLink": link},
                {"Actions": {"#A.B": {"target": link}}},
                {"Links": {"Nodes": [{"@odata.id": link}]}},
                {"Members": [link]},
            ):
                self.assertIn(repr(path), repr(self.resolve(holder, document)), link)

    def test_what_leads_to_another_host_stays_as_it_is_and_hides_nothing(self) -> None:
        body = {"@odata.id": "http://10.0.0.5/x", "Nodes": {"@odata.id": "Nodes"}}
        self.resolve(body)
        self.assertEqual("http://10.0.0.5/x", odata.path_of(body))
        self.assertEqual("/redfish/v1/Nodes", odata.path_of(body["Nodes"]))

    def test_what_is_no_link_stays_as_it_is(self) -> None:
        body = {"Name": "Nodes", "Description": f"{fake_redfish.URL}/x", "@odata.id": 7}
        self.assertEqual(dict(body), self.resolve(body))

    def test_a_deep_body_is_resolved(self) -> None:
        body: dict[str, Any] = {"@odata.id": "Nodes"}
        for _ in range(5000):
            body = {"Oem": body}
        self.resolve(body)
        while "Oem" in body:
            body = body["Oem"]
        self.assertEqual("/redfish/v1/Nodes", body["@odata.id"])


class TestRequests(base.TestCase):
    """A link is resolved against the URL of its document, redirects included."""

    def test_a_link_of_a_document_that_moved(self) -> None:
        transport = fake_redfish.Transport(
            {
                ("GET", "/redfish/v1/Old"): fake_redfish.ok(None, 308, Location="/new/Place/"),
                ("GET", "/new/Place/"): fake_redfish.ok({"@odata.id": "One"}),
            }
        )
        body = fake_redfish.client(transport).get("/redfish/v1/Old")
        self.assertEqual("/new/Place/One", body["@odata.id"])

    def test_an_id_becomes_a_path(self) -> None:
        for identity, path in [(1, "/n/1"), ("a b", "/n/a%20b"), ("../x", "/n/..%2Fx")]:
            self.assertEqual(path, odata.member_path("/n/", {"Id": identity}))

    def test_a_foreign_link_is_refused_with_both_origins(self) -> None:
        client = fake_redfish.client(fake_redfish.Transport())
        exc = self.assertRaises(errors.PodManagerFailed, client.get, "http://10.0.0.5:80/x")
        self.assertIn("http://10.0.0.5:80", exc.detail)
        self.assertIn(fake_redfish.URL, exc.detail)
        self.assertIs(False, exc.details["sent"])
