# SPDX-License-Identifier: Apache-2.0

"""Connections to unusual pod managers, with sessions, and over TLS."""

import gzip
import json
from typing import Any
from unittest import mock

import fixtures
import requests
import testscenarios

from tests.functional.connection_base import ConnectionTestCase
from tests.functional.connection_base import FOUR_CORES
from tests.functional.connection_base import OddTestCase
from tests.functional.connection_base import ROOT
from tests.functional.connection_base import SESSIONS
from tests.functional.connection_base import THING
from tests.servers import odd
from valence import errors
from valence.podmanagers.http import session
from valence.podmanagers.rsd import driver as rsd_driver


class TestSessions(OddTestCase):
    def test_it_logs_in_after_some_requests_with_basic_and_logs_out_at_the_end(self) -> None:
        client = self.connect(self.odd.url, session_after=3)
        client.get(ROOT)
        for _ in range(5):
            client.get("/thing")
        client.close()
        self.assertEqual(["basic"] * 3 + ["token"] * 2, self.credentials())
        self.assertEqual(["nothing"], self.credentials(SESSIONS))
        self.assertEqual(["token"], self.credentials(f"{SESSIONS}/1"))
        body = next(body for _, path, _, body in self.odd.requests if path == SESSIONS)
        self.assertEqual({"UserName": "admin", "Password": "secret"}, json.loads(body))

    def test_a_closed_connection_begins_no_session(self) -> None:
        client = self.connect(self.odd.url)
        client.get(ROOT)
        client.close()
        client.get("/thing")
        self.assertEqual(["basic"], self.credentials())

    def test_without_a_user_or_by_option_there_is_no_session(self) -> None:
        for options in ({"username": None}, {"session_after": -1}):
            client = self.connect(self.odd.url, **options)
            client.get(ROOT)
            client.get("/thing")
        self.assertNotIn(f"POST {SESSIONS}", self.odd.lines())

    def test_a_root_without_sessions_means_basic(self) -> None:
        self.odd.answers["GET", ROOT] = (200, {}, {})
        client = self.connect(self.odd.url)
        client.get(ROOT)
        client.get("/thing")
        self.assertEqual(["basic"], self.credentials())

    def test_a_failed_login_is_retried_later_and_basic_used_until_then(self) -> None:
        self.session_answer = (503, {}, {"error": {"message": "No free session."}})
        client = self.connect(self.odd.url)
        client.get(ROOT)
        for _ in range(3):
            client.get("/thing")
        self.assertEqual(["basic"] * 3, self.credentials())
        self.assertEqual(1, len(self.credentials(SESSIONS)))
        with mock.patch.object(session, "RETRY_AFTER", 0):
            client._login._not_before = 0.0
            client.get("/thing")
            client.get("/thing")
        self.assertEqual(3, len(self.credentials(SESSIONS)))

    def test_a_login_without_a_response_means_basic_for_a_while(self) -> None:
        client = self.connect(self.odd.url)
        client.get(ROOT)
        self.session_answer = lambda handler: handler.connection.close()  # type: ignore
        for _ in range(3):
            client.post("/thing", {})
        self.assertEqual(["basic"] * 3, self.credentials())
        self.assertEqual(1, len(self.credentials(SESSIONS)))
        with mock.patch.object(session.time, "monotonic", autospec=True) as clock:
            clock.return_value = client._login._not_before
            self.session_answer = (201, {"X-Auth-Token": "t0ken"}, {})
            client.post("/thing", {})
        self.assertEqual("token", self.credentials()[-1])

    def test_after_a_token_that_never_worked_there_is_no_other(self) -> None:
        def thing(handler: odd.Handler) -> odd.Canned:
            accepted = "Authorization" in handler.headers
            return (200, {}, THING) if accepted else (401, {}, {"error": {}})

        self.odd.answers["GET", "/thing"] = thing
        client = self.connect(self.odd.url)
        client.get(ROOT)
        self.assertEqual(THING, client.get("/thing"))
        self.assertEqual(THING, client.get("/thing"))
        self.assertEqual(["token", "basic", "basic"], self.credentials())

    def test_wrong_credentials_are_sent_no_more_often_than_needed(self) -> None:
        self.session_answer = (401, {}, {"error": {}})
        self.odd.answers["GET", "/thing"] = (401, {}, {"error": {}})
        client = self.connect(self.odd.url)
        client.get(ROOT)
        for _ in range(3):
            self.assertRaises(errors.PodManagerUnauthorized, client.get, "/thing")
        self.assertEqual(1, len(self.credentials(SESSIONS)))
        self.assertEqual(["basic"] * 3, self.credentials())


class TestOddSessions(testscenarios.WithScenarios, OddTestCase):
    """The path of a session comes in many forms; the session is ended in each case."""

    scenarios = [
        (name, {"headers": headers, "body": body, "status": status})
        for name, headers, body, status in [
            ("absolute", {"Location": f"{{url}}{SESSIONS}/1"}, {}, 201),
            (
                "on another host",
                {"Location": "http://10.0.0.1/1"},
                {"@odata.id": "./Sessions/1"},
                201,
            ),
            ("relative", {"Location": "Sessions/1"}, {}, 201),
            ("in small letters", {"location": f"{SESSIONS}/1"}, {}, 201),
            ("in the body", {}, {"@odata.id": f"{SESSIONS}/1"}, 201),
            ("an id", {}, {"Id": 1}, 201),
            ("200", {"Location": f"{SESSIONS}/1"}, {}, 200),
        ]
    ]
    status: int
    headers: dict[str, Any]
    body: dict[str, Any]

    def setUp(self) -> None:
        super().setUp()
        self.headers = {
            name: value.replace("{url}", self.odd.url) for name, value in self.headers.items()
        }

    def test_with_a_token(self) -> None:
        self.session_answer = (self.status, {"x-auth-token": "t0ken", **self.headers}, self.body)
        client = self.connect(self.odd.url)
        client.get(ROOT)
        client.get("/thing")
        client.close()
        self.assertEqual(["token"], self.credentials())
        self.assertEqual(["token"], self.credentials(f"{SESSIONS}/1"))

    def test_without_a_token_the_session_is_ended_and_basic_used(self) -> None:
        self.session_answer = (self.status, self.headers, self.body)
        client = self.connect(self.odd.url)
        client.get(ROOT)
        for _ in range(3):
            client.get("/thing")
        client.close()
        self.assertEqual(["basic"] * 3, self.credentials())
        self.assertEqual(["basic"], self.credentials(f"{SESSIONS}/1"))
        self.assertEqual(1, len(self.credentials(SESSIONS)))


class TestOddServices(OddTestCase):
    """A driver with a service that is unusual in every way at once."""

    def test_it_is_understood(self) -> None:
        far = self.odd.url
        nodes = "/redfish/v1/Nodes"
        allocate = {"target": f"{far}{nodes}/Actions/Allocate"}
        root = {
            "Nodes": {"@odata.id": f"{far}{nodes}/"},
            "Links": {"Sessions": {"@odata.id": f"{far}{SESSIONS}/"}},
        }
        compressed = gzip.compress(json.dumps(root).encode())
        self.odd.answers |= {
            ("GET", ROOT): (404, {}, {"error": {}}),
            ("GET", ROOT.rstrip("/")): (200, {"content-encoding": "gzip"}, compressed),
            ("GET", nodes): (302, {"location": f"{nodes}/"}, None),
            ("GET", f"{nodes}/"): (
                200,
                {},
                {
                    "Actions": {"#ComposedNodesCollection.Allocate": allocate},
                    "Members": [{"@odata.id": f"{nodes}/1/"}, f"{far}{nodes}/2"],
                },
            ),
            ("POST", f"{SESSIONS}/"): lambda handler: self.session_answer,
            ("POST", f"{nodes}/Actions/Allocate"): (200, {"location": f"{far}{nodes}/3/"}, None),
        }
        self.session_answer = (200, {"x-auth-token": "t0ken", "location": "1"}, None)
        driver = rsd_driver.RSDDriver(self.connect(self.odd.url))
        self.assertEqual(2, driver.check().nodes)
        self.assertEqual([f"{nodes}/1/", f"{nodes}/2"], [node.path for node in driver.members()])
        self.assertEqual(f"{nodes}/3/", driver.allocate("valence-1", "", FOUR_CORES))
        driver.close()
        self.assertEqual(["token"], self.credentials(f"{nodes}/Actions/Allocate"))
        self.assertEqual(["token"], self.credentials(f"{SESSIONS}/1"))


class TestNames(ConnectionTestCase):
    def test_a_name_that_dns_cannot_have_is_an_error_of_the_url(self) -> None:
        for name in ("pod..example", "p" * 64 + ".example"):
            client = self.connect(f"http://{name}")
            exc = self.assertRaises(errors.PodManagerFailed, client.get, ROOT)
            self.assertIn(f"'http://{name}' is not the URL of a pod manager", exc.detail)
            self.assertIs(False, exc.details["sent"])


class TestProxy(OddTestCase):
    def test_requests_pass_the_proxy_of_the_environment_but_for_its_exceptions(self) -> None:
        proxy = self.serve()
        proxy.answers["GET", f"{self.odd.url}/thing"] = (200, {}, {"Name": "by proxy"})
        self.useFixture(fixtures.EnvironmentVariable("http_proxy", proxy.url))
        self.useFixture(fixtures.EnvironmentVariable("no_proxy"))
        self.useFixture(fixtures.EnvironmentVariable("NO_PROXY"))
        client = self.connect(self.odd.url)
        self.assertEqual({"Name": "by proxy"}, client.get("/thing"))
        self.useFixture(fixtures.EnvironmentVariable("no_proxy", "127.0.0.1"))
        self.assertEqual(THING, client.get("/thing"))


class TestRedirects(OddTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.other = self.serve()
        self.other.answers = {("GET", "/thing"): (200, {}, {"Name": "another"})}

    def redirect(self, location: str, status: int = 302) -> None:
        self.odd.answers["GET", "/moved"] = (status, {"Location": location}, None)

    def test_credentials_are_sent_again_within_the_host(self) -> None:
        for after, kind in ((0, "token"), (-1, "basic")):
            client = self.connect(self.odd.url, session_after=after)
            client.get(ROOT)
            for location in ("/thing", f"{self.odd.url}/thing"):
                self.redirect(location)
                self.assertEqual(THING, client.get("/moved"))
                self.assertEqual(kind, self.credentials()[-1])

    def test_another_host_is_sent_nothing(self) -> None:
        client = self.connect(self.odd.url)
        client.get(ROOT)
        for status in (301, 302, 303, 307, 308):
            self.redirect(f"{self.other.url}/thing", status)
            exc = self.assertRaises(errors.PodManagerFailed, client.get, "/moved")
            self.assertIn(self.other.url, exc.detail)
        self.assertEqual([], self.other.requests)

    def test_a_redirect_that_adds_a_slash_is_followed(self) -> None:
        self.odd.answers["GET", "/thing/"] = (200, {}, THING)
        self.odd.answers["GET", "/thing"] = (301, {"Location": "/thing/"}, None)
        self.assertEqual(THING, self.connect(self.odd.url).get("/thing"))

    def test_a_redirect_loop_ends(self) -> None:
        self.redirect("/moved")
        exc = self.assertRaises(errors.PodManagerFailed, self.connect(self.odd.url).get, "/moved")
        self.assertIn("in a loop", exc.detail)
        self.assertLess(len(self.odd.requests), 10)

    def test_a_change_is_sent_again_where_307_and_308_lead(self) -> None:
        client = self.connect(self.odd.url, session_after=-1)
        for method in ("POST", "PATCH", "DELETE"):
            self.odd.answers[method, "/there/"] = (204, {}, None)
            for status in (307, 308):
                self.odd.requests.clear()
                self.odd.answers[method, "/there"] = (status, {"Location": "/there/"}, None)
                arguments = [] if method == "DELETE" else [{"Name": "a"}]
                getattr(client, method.lower())("/there", *arguments)
                self.assertEqual([f"{method} /there", f"{method} /there/"], self.odd.lines())
                self.assertEqual(1, len({body for _, _, _, body in self.odd.requests}))
                self.assertEqual(["basic"], self.credentials("/there/"))

    def test_301_and_302_keep_every_method_but_post(self) -> None:
        client = self.connect(self.odd.url)
        for status in (301, 302):
            for method in ("POST", "PATCH", "DELETE"):
                self.odd.answers[method, "/there/"] = (204, {}, None)
                self.odd.answers[method, "/there"] = (status, {"Location": "/there/"}, None)
            client.patch("/there", {})
            client.delete("/there")
            self.odd.requests.clear()
            self.assertRaises(errors.PodManagerFailed, client.post, "/there", {})
            self.assertEqual(["POST /there"], self.odd.lines())

    def test_a_location_in_utf8_leads_where_it_does_percent_encoded(self) -> None:
        location = "/\u00e9t\u00e9".encode().decode("latin-1")
        self.odd.answers["GET", "/moved"] = (308, {"Location": location}, None)
        self.odd.answers["GET", "/%C3%A9t%C3%A9"] = (200, {}, THING)
        self.assertEqual(THING, self.connect(self.odd.url).get("/moved"))

    def test_303_to_a_change_means_that_it_was_made(self) -> None:
        client = self.connect(self.odd.url)
        self.odd.answers["POST", "/there"] = (303, {"Location": "made/7"}, None)
        self.assertEqual("/made/7", client.post("/there", {}).location)
        self.assertEqual(["POST /there"], self.odd.lines())

    def test_a_change_that_is_redirected_in_a_loop_ends(self) -> None:
        self.odd.answers["POST", "/moved"] = (308, {"Location": "/moved"}, None)
        client = self.connect(self.odd.url)
        exc = self.assertRaises(errors.PodManagerFailed, client.post, "/moved", {})
        self.assertIn("in a loop", exc.detail)


class TestNetrc(OddTestCase):
    def test_credentials_of_netrc_are_not_sent(self) -> None:
        with mock.patch.object(requests.sessions, "get_netrc_auth", lambda *_: ("me", "mine")):
            self.connect(self.odd.url, username=None).get("/thing")
        self.assertEqual(["nothing"], self.credentials())
