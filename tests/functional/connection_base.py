# SPDX-License-Identifier: Apache-2.0

"""What tests of connections to pod managers begin with."""

import ssl
import time
from typing import Any

from tests import base
from tests.servers import odd
from tests.unit.service import fake_redfish
from valence.podmanagers.http.connection import Connection

ROOT = "/redfish/v1/"
SESSIONS = "/redfish/v1/SessionService/Sessions"
THING = {"@odata.id": "/thing", "Name": "thing"}
FOUR_CORES = {"processor": {"total_cores": 4}}


def until(condition: Any) -> None:
    """Wait for something that must come."""
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up, "it did not come about"
        time.sleep(0.02)


class ConnectionTestCase(base.TestCase):
    def connect(self, url: str, **options: Any) -> Connection:
        given = {
            name: options.pop(name) for name in ("verify_ca", "ca", "username") if name in options
        }
        conf = fake_redfish.conf(**{"connect_timeout": 5, "session_after": 0, **options})
        who = given.pop("username", "admin")
        client = Connection(conf, url, who, "secret", **given)
        self.addCleanup(client.close)
        return client


class OddTestCase(ConnectionTestCase):
    """A server that has a root with sessions, and a thing for whoever is let in."""

    def setUp(self) -> None:
        super().setUp()
        self.odd = self.serve()
        self.session_answer: odd.Canned = (
            201,
            {"X-Auth-Token": "t0ken", "Location": f"{SESSIONS}/1"},
            {},
        )
        self.odd.answers = {
            ("GET", ROOT): (200, {}, {"Links": {"Sessions": {"@odata.id": SESSIONS}}}),
            ("POST", SESSIONS): lambda handler: self.session_answer,
            ("DELETE", f"{SESSIONS}/1"): (204, {}, None),
            ("GET", "/thing"): (200, {}, THING),
            ("POST", "/thing"): (204, {}, None),
        }

    def serve(self, tls: ssl.SSLContext | None = None) -> odd.Odd:
        made = odd.Odd(tls).start()
        self.addCleanup(made.stop)
        return made

    def how(self, path: str = "/thing") -> list[str]:
        """By what each request to a path got in."""
        named = {"X-Auth-Token": "token", "Authorization": "basic"}
        return [
            next((word for name, word in named.items() if name in headers), "nothing")
            for _, asked, headers, _ in self.odd.seen
            if asked == path
        ]


def drip(head: bytes) -> odd.Canned:
    """Begin an answer, and go on with it byte by byte."""

    def answer(handler: odd.Handler) -> None:
        handler.close_connection = True
        handler.wfile.write(head)
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            handler.wfile.write(b"x")
            time.sleep(0.05)

    return answer  # type: ignore[return-value]
