# SPDX-License-Identifier: Apache-2.0

"""The base of tests of connections to pod managers."""

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


class ConnectionTestCase(base.TestCase):
    def connect(self, url: str, **options: Any) -> Connection:
        fields = {
            name: options.pop(name) for name in ("verify_ca", "ca", "username") if name in options
        }
        conf = fake_redfish.conf(**{"connect_timeout": 5, "session_after": 0, **options})
        client = Connection(conf, fake_redfish.access(url, **fields))
        self.addCleanup(client.close)
        return client


class OddTestCase(ConnectionTestCase):
    """A server with sessions, and with a resource that needs no credentials."""

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
        server = odd.Odd(tls).start()
        self.addCleanup(server.stop)
        return server

    def credentials(self, path: str = "/thing") -> list[str]:
        """The kind of credentials of each request to a path."""
        kinds = {"X-Auth-Token": "token", "Authorization": "basic"}
        return [
            next((kind for name, kind in kinds.items() if name in headers), "nothing")
            for _, request_path, headers, _ in self.odd.requests
            if request_path == path
        ]


def drip(head: bytes) -> odd.Canned:
    """Begin a response, and continue it byte by byte."""

    def answer(handler: odd.Handler) -> None:
        handler.close_connection = True
        handler.wfile.write(head)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            handler.wfile.write(b"x")
            time.sleep(0.05)

    return answer  # type: ignore[return-value]
