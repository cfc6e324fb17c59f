# SPDX-License-Identifier: Apache-2.0

"""What a pod manager may demand of its clients: patience, entity tags, new sessions."""

import datetime
import email.utils
import json
from typing import Any
from unittest import mock

import testscenarios

from tests.functional.connection_base import OddTestCase
from tests.functional.connection_base import ROOT
from tests.functional.connection_base import SESSIONS
from tests.functional.connection_base import THING
from tests.servers import odd
from valence import errors
from valence.flows import retry
from valence.podmanagers.http import connection
from valence.podmanagers.http import exchange
from valence_conductor import waiting


def date(seconds: float) -> str:
    """An HTTP date, so many seconds from now."""
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return email.utils.format_datetime(moment, usegmt=True)


class TestRetryAfter(testscenarios.WithScenarios, OddTestCase):
    """Seconds or a date (RFC 9110, 10.2.3), and what services write instead."""

    scenarios = [
        (repr(value), {"value": value, "pauses": pauses})
        for value, pauses in [
            ("0", [1.0, 1.0]),
            ("1", [1.0, 1.0]),
            ("7", [7.0, 7.0]),
            ("007", [7.0, 7.0]),
            (date(-3600), [1.0, 1.0]),
            ("Thu, 01 Jan 1970 00:00:00 GMT", [1.0, 1.0]),
            ("31", []),
            ("9" * 400, []),
            (date(3600), []),
            ("-5", []),
            ("1.5", []),
            ("soon", []),
            ("", []),
            ("Thu, 99 Jan 1970 99:00:00 GMT", []),
            ("Fri, 31 Dec 9999 23:59:59 -2359", []),
        ]
    ]
    value: str
    pauses: list[float]

    def read(self, status: int, method: str) -> list[float]:
        """Return the pauses of a request that is busy twice, as far as it is repeated."""
        busy: odd.Canned = (status, {"Retry-After": self.value}, {"error": {}})
        left = [busy, busy]

        def answer(handler: odd.Handler) -> Any:
            return left.pop() if left else (200, {}, THING)

        self.odd.answers[method, "/busy"] = answer
        client = self.connect(self.odd.url, busy_timeout=30, session_after=-1)
        with mock.patch.object(connection.interrupt, "pause", autospec=True) as pause:
            try:
                getattr(client, method.lower())("/busy", *([{}] if method == "PATCH" else []))
            except errors.PodManagerUnreachable as exc:
                self.assertEqual(status, exc.details["answered"])
                json.dumps(exc.details, allow_nan=False)
        return [call.args[0] for call in pause.call_args_list]

    def test_a_request_that_can_be_repeated_waits_as_demanded(self) -> None:
        for status in (503, 429):
            self.assertEqual(self.pauses, self.read(status, "GET"), status)

    def test_a_change_is_left_to_its_caller(self) -> None:
        for method in ("POST", "PATCH", "DELETE"):
            for status in (503, 429):
                self.assertEqual([], self.read(status, method))
                self.assertEqual(1, self.odd.lines().count(f"{method} /busy"))
                self.odd.requests.clear()


class TestFlows(OddTestCase):
    def test_a_flow_sends_a_request_no_sooner_than_its_peer_demands(self) -> None:
        self.odd.answers["POST", "/busy"] = (503, {"Retry-After": "600"}, None)
        client = self.connect(self.odd.url, session_after=-1)
        error = self.assertRaises(errors.PodManagerUnreachable, client.post, "/busy")
        self.assertEqual(600.0, error.details["retry_after"])
        self.assertEqual(retry.LONGEST_PAUSE, retry.pause_after(error))
        self.odd.requests.clear()
        with mock.patch.object(waiting, "FIRST_PAUSE", 0.01):
            self.assertRaises(
                errors.PodManagerUnreachable,
                lambda: retry.call(lambda: client.post("/busy"), within=0.5),
            )
        self.assertEqual(["POST /busy"], self.odd.lines())


class Tagged:
    """A resource that demands the entity tag of its present state."""

    def __init__(self, *tags: str | None, demands: bool = True) -> None:
        self.tags = list(tags)
        self.demands = demands
        self.conditions: list[str | None] = []

    def get(self, handler: odd.Handler) -> odd.Canned:
        tag = self.tags[0]
        return (200, {"ETag": tag} if tag else {}, THING)

    def change(self, handler: odd.Handler) -> odd.Canned:
        condition = handler.headers.get("If-Match")
        self.conditions.append(condition)
        if condition is None:
            return (428, {}, {"error": {}}) if self.demands else (204, {}, None)
        if len(self.tags) > 1:
            self.tags.pop(0)  # it has changed since it was read
        return (204, {}, None) if condition == self.tags[0] else (412, {}, {"error": {}})


class TestEntityTags(OddTestCase):
    def tagged(self, *tags: str | None, **options: Any) -> Tagged:
        resource = Tagged(*tags, **options)
        self.odd.answers["GET", "/thing"] = resource.get
        for method in ("PATCH", "DELETE"):
            self.odd.answers[method, "/thing"] = resource.change
        self.odd.answers["POST", "/thing/Actions/Thing.Reset"] = resource.change
        self.client = self.connect(self.odd.url, session_after=-1)
        self.odd.requests.clear()
        return resource

    def test_a_patch_names_the_state_that_was_read(self) -> None:
        for tag in ('"1"', 'W/"1"', "1", '""'):
            resource = self.tagged(tag)
            self.client.get("/thing")
            self.client.patch("/thing", {})
            self.assertEqual([tag], resource.conditions)
            self.assertEqual(["GET /thing", "PATCH /thing"], self.odd.lines())

    def test_the_tag_of_the_body_counts_without_a_header(self) -> None:
        resource = self.tagged('"9"')
        self.odd.answers["GET", "/thing"] = (200, {}, {**THING, "@odata.etag": '"9"'})
        self.client.get("/thing")
        self.client.patch("/thing", {})
        self.assertEqual(['"9"'], resource.conditions)

    def test_428_is_answered_with_the_tag_of_a_fresh_read(self) -> None:
        for method in ("PATCH", "DELETE"):
            resource = self.tagged('"1"')
            getattr(self.client, method.lower())("/thing", *([{}] if method == "PATCH" else []))
            self.assertEqual([None, '"1"'], resource.conditions)

    def test_an_action_names_the_state_of_its_resource(self) -> None:
        resource = self.tagged('"1"')
        self.client.post("/thing/Actions/Thing.Reset", {})
        self.assertEqual([None, '"1"'], resource.conditions)

    def test_412_is_answered_once_with_a_fresh_tag(self) -> None:
        resource = self.tagged('"1"', '"2"')
        self.client.get("/thing")
        self.client.patch("/thing", {})
        self.assertEqual(['"1"', '"2"'], resource.conditions)
        resource = self.tagged('"1"', '"2"', '"3"', '"4"')
        self.client.get("/thing")
        exc = self.assertRaises(errors.PodManagerRefused, self.client.patch, "/thing", {})
        self.assertEqual(412, exc.details["answered"])
        self.assertEqual(['"1"', '"2"'], resource.conditions)

    def test_a_weak_tag_that_never_matches_is_sent_as_a_strong_one(self) -> None:
        resource = self.tagged('W/"1"')
        self.odd.answers["GET", "/thing"] = (200, {"ETag": 'W/"1"'}, THING)
        resource.tags = ['"1"']
        self.client.get("/thing")
        self.client.patch("/thing", {})
        self.assertEqual(['W/"1"', '"1"'], resource.conditions)

    def test_a_tag_that_never_matches_the_state_it_names_is_left_out(self) -> None:
        for tag, tags in (('"1"', ['"1"', None]), ('W/"1"', ['W/"1"', '"1"', None])):
            resource = self.tagged('"2"', demands=False)
            self.odd.answers["GET", "/thing"] = (200, {"ETag": tag}, THING)
            self.client.get("/thing")
            self.client.patch("/thing", {})
            self.assertEqual(tags, resource.conditions)

    def test_without_a_tag_nothing_is_demanded(self) -> None:
        for tag in (None, "\u00e9", "a b", '"a" "b"'):
            resource = self.tagged(tag, demands=False)
            self.client.get("/thing")
            self.client.patch("/thing", {})
            self.assertEqual([None], resource.conditions)

    def test_a_service_that_demands_a_tag_and_has_none_refuses(self) -> None:
        resource = self.tagged(None)
        exc = self.assertRaises(errors.PodManagerRefused, self.client.patch, "/thing", {})
        self.assertEqual(428, exc.details["answered"])
        self.assertEqual([None], resource.conditions)

    def test_a_tag_that_the_resource_has_no_more_is_forgotten(self) -> None:
        resource = self.tagged('"1"', demands=False)
        self.client.get("/thing")
        resource.tags = [None]
        self.client.get("/thing")
        self.client.patch("/thing", {})
        self.assertEqual([None], resource.conditions)


class TestForm(OddTestCase):
    """The form of requests (DSP0266, "Request headers" and "POST (action)")."""

    def test_a_request_has_the_headers_that_a_service_may_require(self) -> None:
        client = self.connect(self.odd.url, session_after=-1)
        client.get("/thing")
        client.post("/thing")
        _, _, get, _ = self.odd.requests[0]
        self.assertEqual("application/json", get["Accept"])
        self.assertEqual("4.0", get["OData-Version"])
        self.assertIn("gzip", get["Accept-Encoding"])
        self.assertIn("User-Agent", get)
        _, _, post, body = self.odd.requests[1]
        self.assertEqual(("application/json", b"{}"), (post["Content-Type"], body))


class TestForgottenSessions(OddTestCase):
    """A service that accepts only the tokens that it has issued since its last restart."""

    def setUp(self) -> None:
        super().setUp()
        self.tokens: set[str] = set()
        self.issued = 0
        self.refusal = 403
        self.basic = True
        self.odd.answers["POST", SESSIONS] = self.log_in
        self.odd.answers["GET", "/forbidden"] = (403, {}, {"error": {"message": "Not for you."}})
        for method in ("GET", "POST"):
            self.odd.answers[method, "/thing"] = self.thing

    def log_in(self, handler: odd.Handler) -> odd.Canned:
        self.issued += 1
        self.tokens.add(f"t{self.issued}")
        headers = {"X-Auth-Token": f"t{self.issued}", "Location": f"{SESSIONS}/{self.issued}"}
        return (201, headers, {})

    def thing(self, handler: odd.Handler) -> odd.Canned:
        token = handler.headers.get("X-Auth-Token")
        accepted = token in self.tokens if token else self.basic
        return (200, {}, THING) if accepted else (self.refusal, {}, {"error": {}})

    def test_one_new_login_whatever_the_status(self) -> None:
        for refusal in (401, 403):
            self.refusal = refusal
            client = self.connect(self.odd.url)
            client.get(ROOT)
            client.get("/thing")
            self.tokens.clear()
            self.odd.requests.clear()
            client.post("/thing", {})
            client.get("/thing")
            self.assertEqual(1, self.odd.lines().count(f"POST {SESSIONS}"))
            self.assertEqual(["token"] * 3, self.credentials())

    def test_what_is_forbidden_is_no_reason_to_log_in_for_ever(self) -> None:
        client = self.connect(self.odd.url)
        client.get(ROOT)
        client.get("/thing")
        for _ in range(5):
            exc = self.assertRaises(errors.PodManagerUnauthorized, client.get, "/forbidden")
            self.assertEqual("Not for you.", exc.own_words)
        self.assertEqual(2, self.issued)
        self.assertEqual(6, len(self.credentials("/forbidden")))
        client.get("/thing")
        self.assertEqual("token", self.credentials()[-1])
        client.close()
        ended = [line for line in self.odd.lines() if line.startswith("DELETE")]
        self.assertEqual([f"DELETE {SESSIONS}/1", f"DELETE {SESSIONS}/2"], ended)

    def test_a_session_that_is_forgotten_after_a_real_403_is_renewed(self) -> None:
        client = self.connect(self.odd.url)
        client.get(ROOT)
        client.get("/thing")
        self.assertRaises(errors.PodManagerUnauthorized, client.get, "/forbidden")
        client.get("/thing")
        self.tokens.clear()
        client.get("/thing")
        self.assertEqual(3, self.issued)

    def test_a_token_that_is_issued_again_is_used(self) -> None:
        client = self.connect(self.odd.url)
        client.get(ROOT)
        self.odd.answers["GET", "/renewing"] = (200, {"X-Auth-Token": "renewed"}, THING)
        client.get("/renewing")
        self.tokens = {"renewed"}
        client.get("/thing")
        self.assertEqual(1, self.issued)

    def test_a_service_without_basic_authentication_is_logged_in_to_at_once(self) -> None:
        self.basic, self.refusal = False, 401
        client = self.connect(self.odd.url, session_after=50)
        client.get(ROOT)
        client.get("/thing")
        client.get("/thing")
        self.assertEqual(["basic", "token", "token"], self.credentials())
        never = self.connect(self.odd.url, session_after=-1)
        never.get(ROOT)
        self.assertRaises(errors.PodManagerUnauthorized, never.get, "/thing")


class TestFloor(OddTestCase):
    def test_a_service_that_is_busy_for_long_is_not_asked_all_the_time(self) -> None:
        self.odd.answers["GET", "/busy"] = (503, {"Retry-After": "0"}, None)
        client = self.connect(self.odd.url, busy_timeout=0.5, session_after=-1)
        with mock.patch.object(exchange, "SHORTEST_PAUSE", 0.2):
            self.assertRaises(errors.PodManagerUnreachable, client.get, "/busy")
        self.assertLessEqual(len(self.odd.requests), 4)
