# SPDX-License-Identifier: Apache-2.0

"""An HTTP server with faulty responses, which records its requests."""

from collections.abc import Callable
import http.server
import json
import ssl
import threading
from typing import Any

#: Status, headers and body, JSON or bytes; or a function that writes to the connection.
Canned = tuple[int, dict[str, str], Any] | Callable[["Handler"], Any]


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection to :class:`Odd`."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def _answer(self) -> None:
        odd = self.server.odd
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        odd.requests.append((self.command, self.path, dict(self.headers.items()), self.body))
        canned = odd.answers.get((self.command, self.path), (404, {}, {"error": {}}))
        if callable(canned):
            canned = canned(self)
        if canned is not None:
            self.respond(*canned)

    do_GET = do_POST = do_DELETE = do_PATCH = _answer

    def respond(self, status: int, headers: dict[str, str], body: Any) -> None:
        """Send a response."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        raw = b"" if body is None else raw
        self.send_response(status)
        for name, value in {"Content-Length": str(len(raw)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_args: Any) -> None:
        """Log nothing."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    odd: "Odd"

    def handle_error(self, *_args: Any) -> None:
        """Log nothing: clients are expected to disconnect."""


class Odd:
    """The server, in threads.

    :ivar answers: (method, path) -> response; 404 for anything else.
    :ivar requests: every request: method, path, headers, body.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[tuple[str, str], Canned] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.odd = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def start(self) -> "Odd":
        """Start to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def lines(self) -> list[str]:
        """The requests so far: method and path."""
        return [f"{method} {path}" for method, path, _, _ in self.requests]
