# SPDX-License-Identifier: Apache-2.0

"""The HTTP client: its requests, and what responses become."""

import base64
import datetime
import email.utils
import http.client
import os
import socket
import ssl
from typing import Any
from unittest import mock

import requests
import testscenarios
import urllib3

from tests import base
from tests.unit.service import fake_redfish
from valence import errors
from valence.podmanagers.http import connection
from valence.podmanagers.http import sender

THING = {"@odata.id": "/thing", "Name": "thing"}


def dropped() -> requests.ConnectionError:
    cause = http.client.RemoteDisconnected("Remote end closed connection without response")
    return requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", cause))


def _not_connected(kind: type[urllib3.exceptions.NewConnectionError]) -> requests.ConnectionError:
    pool = urllib3.HTTPConnectionPool("pod.example")
    named = kind is urllib3.exceptions.NameResolutionError
    cause = socket.gaierror(-2, "Name or service not known") if named else "Connection refused"
    reason = kind("pod.example", None, cause) if named else kind(None, cause)  # type: ignore
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/thing", reason))


def _untrusted() -> requests.exceptions.SSLError:
    pool = urllib3.HTTPSConnectionPool("pod.example")
    cause = ssl.SSLCertVerificationError("self-signed certificate")
    reason = urllib3.exceptions.SSLError(cause)
    return requests.exceptions.SSLError(urllib3.exceptions.MaxRetryError(pool, "/thing", reason))


class TestStatuses(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (f"{method} {status}", {"method": method, "status": status, "error": error})
        for method in ("get", "post", "delete")
        for status, error in [
            (400, errors.PodManagerRefused),
            (401, errors.PodManagerUnauthorized),
            (403, errors.PodManagerUnauthorized),
            (404, errors.PodManagerNodeGone),
            (405, errors.PodManagerRefused),
            (409, errors.PodManagerRefused),
            (410, errors.PodManagerNodeGone),
            (500, errors.PodManagerFailed),
            (501, errors.PodManagerFailed),
            (502, errors.PodManagerUnreachable),
            (503, errors.PodManagerUnreachable),
            (504, errors.PodManagerUnreachable),
        ]
    ]
    method: str
    status: int
    error: type[errors.ValenceError]

    def test_status(self) -> None:
        transport = fake_redfish.Transport()
        transport.on(self.method.upper(), "/thing", fake_redfish.refusal(self.status, "Why."))
        call = getattr(fake_redfish.client(transport), self.method)
        exc = self.assertRaises(self.error, call, "/thing")
        self.assertIs(self.error, type(exc))
        self.assertEqual("Why.", exc.own_words)
        self.assertEqual(self.status, exc.details["answered"])
        self.assertIn(f"{fake_redfish.URL} answered {self.status}", exc.detail)
        self.assertEqual(1, len(transport.requests))


class TestExceptions(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (type(raised).__name__ + words, {"raised": raised, "error": error, "words": words})
        for raised, error, words in [
            (requests.ConnectTimeout(), errors.PodManagerUnreachable, "in 5 s"),
            (requests.ReadTimeout(), errors.PodManagerUnreachable, "did not answer POST /thing"),
            (
                requests.ConnectionError(
                    urllib3.exceptions.MaxRetryError(
                        None,  # type: ignore[arg-type]
                        "/thing",
                        OSError(111, "Connection refused"),  # type: ignore[arg-type]
                    )
                ),
                errors.PodManagerUnreachable,
                "(Connection refused)",
            ),
            (
                requests.exceptions.SSLError("self-signed"),
                errors.PodManagerUnreachable,
                "verify_ca",
            ),
            (
                OSError("Could not find a suitable TLS CA certificate bundle"),
                errors.PodManagerUnreachable,
                "verify_ca",
            ),
            (
                requests.exceptions.ChunkedEncodingError(),
                errors.PodManagerUnreachable,
                "sent no response",
            ),
            (requests.exceptions.InvalidURL("bad"), errors.PodManagerFailed, "https://host:port"),
            (dropped(), errors.PodManagerUnreachable, "closed connection"),
        ]
    ]
    raised: Exception
    error: type[errors.ValenceError]
    words: str

    def test_exception(self) -> None:
        transport = fake_redfish.Transport({("POST", "/thing"): self.raised})
        exc = self.assertRaises(self.error, fake_redfish.client(transport).post, "/thing", {})
        self.assertIn(self.words, exc.detail)
        self.assertEqual(1, len(transport.requests), "a POST is never repeated")


class TestUnusableResponses(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (name, {"answer": answer, "error": error, "words": words})
        for name, answer, error, words in [
            (
                "a page",
                fake_redfish.ok("<!DOCTYPE html><title>Log in</title>"),
                errors.PodManagerFailed,
                "not Redfish",
            ),
            ("nothing", fake_redfish.ok(None), errors.PodManagerFailed, "with nothing"),
            (
                "JSON that is no object",
                fake_redfish.ok([1]),
                errors.PodManagerFailed,
                "not Redfish",
            ),
            ("cut off", fake_redfish.ok('{"Name": '), errors.PodManagerFailed, "not Redfish"),
            (
                "an error with a status of success",
                fake_redfish.ok({"error": {"message": "m"}}),
                errors.PodManagerFailed,
                "answered 500",
            ),
            (
                "a 404 with a status of success",
                fake_redfish.ok({"error": {"code": "404"}}),
                errors.PodManagerNodeGone,
                "answered 404",
            ),
            (
                "a redirect that leads nowhere",
                fake_redfish.ok(None, 304),
                errors.PodManagerFailed,
                "answered 304",
            ),
        ]
    ]
    answer: tuple[Any, ...]
    error: type[errors.ValenceError]
    words: str

    def test_it_is_an_error(self) -> None:
        transport = fake_redfish.Transport({("GET", "/thing"): self.answer})
        exc = self.assertRaises(self.error, fake_redfish.client(transport).get, "/thing")
        self.assertIn(self.words, exc.detail)

    def test_a_web_page_is_no_success_of_a_change(self) -> None:
        page = fake_redfish.ok("<html><h1>Log in</h1>")
        transport = fake_redfish.Transport({("DELETE", "/thing"): page})
        exc = self.assertRaises(
            errors.PodManagerFailed, fake_redfish.client(transport).delete, "/thing"
        )
        self.assertEqual("Log in", exc.own_words)


class TestSent(testscenarios.WithScenarios, base.TestCase):
    """Whether a change can have been made."""

    scenarios = [
        (name, {"raised": raised, "sent": sent})
        for name, raised, sent in [
            ("no connection in time", requests.ConnectTimeout(), False),
            ("no such host", _not_connected(urllib3.exceptions.NameResolutionError), False),
            ("connection refused", _not_connected(urllib3.exceptions.NewConnectionError), False),
            ("not trusted", _untrusted(), False),
            ("no bundle of certificates", OSError("invalid path"), False),
            ("no answer in time", requests.ReadTimeout(), None),
            ("dropped", dropped(), None),
            (
                "TLS broke after the handshake",
                requests.exceptions.SSLError("decryption failed"),
                None,
            ),
        ]
    ]
    raised: Exception
    sent: bool | None

    def test_sent(self) -> None:
        transport = fake_redfish.Transport({("POST", "/thing"): self.raised})
        post = fake_redfish.client(transport).post
        exc = self.assertRaises(errors.PodManagerUnreachable, post, "/thing")
        self.assertIs(self.sent, exc.details.get("sent"))


class TestReading(base.TestCase):
    def test_an_idle_connection_that_was_dropped_is_opened_again_once(self) -> None:
        transport = fake_redfish.Transport()
        transport.on("GET", "/thing", dropped(), fake_redfish.ok(THING))
        self.assertEqual(THING, fake_redfish.client(transport).get("/thing"))
        transport.on("GET", "/thing", dropped())
        client = fake_redfish.client(transport)
        self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")
        self.assertEqual(4, len(transport.requests))

    def test_get_waits_for_a_busy_service(self) -> None:
        transport = fake_redfish.Transport()
        busy = fake_redfish.ok(None, 503, Retry_After="0")
        transport.on("GET", "/thing", busy, busy, fake_redfish.ok(THING))
        self.assertEqual(THING, fake_redfish.client(transport).get("/thing"))

    def test_the_wait_for_a_busy_service_is_limited(self) -> None:
        later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
        for value in ("31", email.utils.format_datetime(later, usegmt=True)):
            transport = fake_redfish.Transport()
            transport.on("GET", "/thing", fake_redfish.ok(None, 503, Retry_After=value))
            client = fake_redfish.client(transport, busy_timeout=30)
            self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")
            self.assertEqual(1, len(transport.requests))

    def test_get_does_not_wait_for_a_busy_service_without_retry_after(self) -> None:
        for headers in ({}, {"Retry_After": "soon"}):
            transport = fake_redfish.Transport()
            transport.on("GET", "/thing", fake_redfish.ok(None, 503, **headers))
            client = fake_redfish.client(transport)
            self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")

    def test_a_response_without_an_end_is_abandoned(self) -> None:
        transport = fake_redfish.Transport({("GET", "/thing"): fake_redfish.ok(THING)})
        client = fake_redfish.client(transport)
        with mock.patch.object(sender, "MAX_BYTES", 10):
            exc = self.assertRaises(errors.PodManagerFailed, client.get, "/thing")
        self.assertIn("larger than", exc.detail)
        with mock.patch.object(sender.time, "monotonic", autospec=True) as clock:
            clock.side_effect = range(0, 10**9, 100)
            self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")


class TestSending(base.TestCase):
    def client(self, url: str = fake_redfish.URL, **fields: Any) -> connection.Connection:
        self.transport = fake_redfish.Transport({("GET", "/thing"): fake_redfish.ok(THING)})
        self.transport.on("POST", "/thing", fake_redfish.ok(None, 204))
        access = fake_redfish.access(url, **fields)
        return connection.Connection(fake_redfish.conf(), access, self.transport)

    def test_credentials_are_sent_in_utf_8(self) -> None:
        self.client(username="jürgen", password="пароль").get("/thing")
        header = self.transport.requests[0].headers["Authorization"]
        decoded = base64.b64decode(header.removeprefix("Basic ")).decode()
        self.assertEqual("jürgen:пароль", decoded)

    def test_without_a_user_no_credentials_are_sent(self) -> None:
        self.client(username=None, password=None).get("/thing")
        self.assertNotIn("Authorization", self.transport.requests[0].headers)

    def test_credentials_in_a_url_are_left_out(self) -> None:
        client = self.client("https://root:hidden@pod.example:8443/")
        self.transport.on("GET", "/gone", fake_redfish.refusal(404))
        exc = self.assertRaises(errors.PodManagerNodeGone, client.get, "/gone")
        self.assertNotIn("hidden", str(exc))
        self.assertEqual("https://pod.example:8443", client.base)

    def test_the_path_of_a_url_is_the_one_of_the_root(self) -> None:
        for path, root in [
            ("", "/redfish/v1/"),
            ("/", "/redfish/v1/"),
            ("/redfish/v1", "/redfish/v1/"),
            ("/podm/redfish/v1/", "/podm/redfish/v1/"),
        ]:
            self.assertEqual(root, self.client(fake_redfish.URL + path).root)

    def test_an_invalid_url_is_refused(self) -> None:
        for url in ("https://[::1", "ftp://pod.example", "nonsense"):
            exc = self.assertRaises(
                errors.PodManagerFailed, lambda url=url: self.client(url).get("/thing")
            )
            self.assertIn("https://host:port", exc.detail)

    def test_the_environment_does_not_change_verify_ca(self) -> None:
        with mock.patch.dict(os.environ, {"REQUESTS_CA_BUNDLE": "/nowhere"}):
            for verify_ca in (False, "/etc/pod.pem"):
                self.client(verify_ca=verify_ca).get("/thing")
                self.assertEqual(verify_ca, self.transport.options[-1]["verify"])

    def test_every_request_has_deadlines(self) -> None:
        self.client().post("/thing")
        self.assertEqual((5.0, 60.0), self.transport.options[-1]["timeout"])

    def test_a_change_that_is_redirected_is_not_followed(self) -> None:
        client = self.client()
        self.transport.on("POST", "/moved", fake_redfish.ok(None, 301, Location="/thing"))
        self.assertRaises(errors.PodManagerFailed, client.post, "/moved", {})
        self.assertEqual(1, len(self.transport.requests))

    def test_a_get_follows_a_redirect(self) -> None:
        client = self.client()
        self.transport.on("GET", "/moved", fake_redfish.ok(None, 308, Location="/thing"))
        self.assertEqual(THING, client.get("/moved"))
