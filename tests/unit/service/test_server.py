# SPDX-License-Identifier: Apache-2.0

"""The embedded server, over sockets, with a clock that the tests set forward."""

from collections.abc import Iterator
import json
import socket
import threading
from typing import Any

import fixtures

from tests import base
from valence.api import server

#: Seconds to wait for a socket on a busy machine.
PATIENCE = 120

MAX_BODY = 100_000

GET = b"GET /healthcheck HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: here\r\n"
TOO_LARGE = b"large"


class Application:
    """Answers with the body of the request, or a long one, or once it is allowed to."""

    def __init__(self) -> None:
        self.environs: list[dict[str, Any]] = []
        self.entered, self.allowed = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        self.environs.append(environ)
        status, body = "200 OK", b"ok"
        if environ["PATH_INFO"] == "/wait":
            self.entered.set()
            self.allowed.wait(PATIENCE)
        elif environ["PATH_INFO"] == "/long":
            body = b"x" * 8_000_000
        elif int(environ.get("CONTENT_LENGTH") or 0) > MAX_BODY:
            status, body = "413 Too Large", TOO_LARGE
        elif environ["REQUEST_METHOD"] == "POST":
            body = environ["wsgi.input"].read()
        start_response(status, [("Content-Length", str(len(body)))])
        yield b"" if environ["REQUEST_METHOD"] == "HEAD" else body


class ServerTestCase(base.TestCase):
    threads = 1

    def setUp(self) -> None:
        super().setUp()
        self.now, self.application = 1000.0, Application()
        self.server = server.Server(
            ("127.0.0.1", 0),
            self.application,
            threads=self.threads,
            max_body=MAX_BODY,
            clock=lambda: self.now,
        )
        self.address = ("127.0.0.1", int(self.server.effective_port))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        self.application.allowed.set()
        if self.thread.is_alive():
            self.server.stop(PATIENCE)
            self.thread.join()

    def connect(self, sent: bytes = b"", *, receive_buffer: int = 0) -> socket.socket:
        connection = socket.socket()
        self.addCleanup(connection.close)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(PATIENCE)
        connection.connect(self.address)
        connection.sendall(sent)
        return connection

    def response(self, connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body of the next response."""
        with connection.makefile("rb") as stream:
            status = int(stream.readline().split()[1])
            headers = {}
            for line in iter(stream.readline, b"\r\n"):
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            return status, headers, stream.read(int(headers["content-length"]))

    def answer(self, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        return self.response(self.connect(sent))

    def advance(self, seconds: float) -> None:
        """Set the clock forward, after the server has seen the connections as they are."""
        self.settle()
        self.now += seconds
        self.settle()

    def settle(self) -> None:
        """Wait until the server has checked its connections, as they are now."""
        checks = threading.Semaphore(0)
        original = self.server._check_connections

        def check() -> None:
            self.server._next_check = 0.0
            original()
            checks.release()

        self.server._check_connections = check  # type: ignore[method-assign]
        # It accepts a connection in one round, reads from it in the next, and checks in another.
        rounds = 4
        while rounds or self.is_answering():
            self.server.pull_trigger()
            self.assertTrue(checks.acquire(timeout=PATIENCE))
            rounds = max(0, rounds - 1)
        self.server._check_connections = original  # type: ignore[method-assign]

    def is_answering(self) -> bool:
        """Return whether a worker is about to finish a request."""
        waits = self.application.entered.is_set() and not self.application.allowed.is_set()
        connections = list(self.server.active_channels.values())
        return not waits and any(connection.requests for connection in connections)

    def assertClosed(self, connection: socket.socket) -> None:
        self.assertEqual(b"", connection.recv(1))


class TestDeadlines(ServerTestCase):
    def test_unfinished_requests_cost_no_worker(self) -> None:
        for unfinished in (GET[:-2] + b"X-Long: ", POST + b"Content-Length: 9\r\n\r\nx"):
            connections = [self.connect(unfinished) for _ in range(200)]
            self.assertEqual(200, self.answer(GET)[0])
            for connection in connections:
                connection.close()

    def test_a_head_and_a_body_have_a_deadline_that_bytes_do_not_extend(self) -> None:
        cases = {"head": GET[:-2] + b"X-Long: ", "body": POST + b"Content-Length: 9\r\n\r\nx"}
        for part, unfinished in cases.items():
            connection = self.connect(unfinished)
            self.advance(server.DEADLINES[part] / 2)
            connection.sendall(b"x")
            self.advance(server.DEADLINES[part] / 2 - 1)
            connection.sendall(b"x")
            self.advance(2)
            status, _headers, body = self.response(connection)
            self.assertEqual(408, status)
            self.assertIn(f"Its {part} did not arrive within", body.decode())
            self.assertClosed(connection)

    def test_a_connection_without_a_request_is_closed(self) -> None:
        connection = self.connect()
        self.advance(server.DEADLINES["head"])
        self.assertClosed(connection)

    def test_a_connection_is_kept_between_requests(self) -> None:
        connection = self.connect(GET)
        for _ in range(3):
            self.assertEqual(200, self.response(connection)[0])
            self.advance(server.DEADLINES["idle"] - 1)
            connection.sendall(GET)
        self.assertEqual(200, self.response(connection)[0])
        self.advance(server.DEADLINES["idle"])
        self.assertClosed(connection)

    def test_a_client_that_does_not_read_costs_no_worker_and_is_cut_off(self) -> None:
        slow = self.connect(GET.replace(b"healthcheck", b"long"), receive_buffer=4096)
        self.assertEqual(200, self.answer(GET)[0])
        self.advance(server.DEADLINES["response"])
        received = 0
        while chunk := slow.recv(1_000_000):
            received += len(chunk)
        self.assertLess(received, 8_000_000)

    def test_a_request_that_is_processed_has_no_deadline(self) -> None:
        connection = self.connect(GET.replace(b"healthcheck", b"wait"))
        self.assertTrue(self.application.entered.wait(PATIENCE))
        self.advance(3600)
        self.application.allowed.set()
        self.assertEqual(200, self.response(connection)[0])

    def test_too_many_connections_do_not_lock_others_out(self) -> None:
        self.useFixture(fixtures.MockPatchObject(server, "MAX_CONNECTIONS", 10))
        connections = []
        for _ in range(15):
            connections.append(self.connect(b"G"))
            self.advance(0.1)
        self.assertEqual(200, self.answer(GET)[0])
        for connection in connections[:5]:
            self.assertClosed(connection)
        connections[-1].sendall(GET[1:])
        self.assertEqual(200, self.response(connections[-1])[0])


class TestFraming(ServerTestCase):
    def test_an_ambiguous_length_is_refused(self) -> None:
        for length in (
            "+60",
            "6_0",
            "-1",
            "0x10",
            " ",
            "1, 1",
            "1\r\nContent-Length: 2",
            "9" * 5000,
        ):
            status, _headers, body = self.answer(
                POST + f"Content-Length: {length}\r\n\r\n".encode() + b"x" * 60
            )
            self.assertEqual((400, length), (status, length))
            self.assertIn("Content-Length is invalid", body.decode())
        self.assertEqual([], self.application.environs)

    def test_a_length_beside_chunks_is_refused(self) -> None:
        chunked = b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        self.assertEqual(400, self.answer(POST + chunked)[0])
        self.assertEqual(400, self.answer(POST.replace(b"1.1", b"1.0") + chunked)[0])
        self.assertEqual([], self.application.environs)

    def test_a_request_without_one_host_is_refused(self) -> None:
        for hosts in (b"", b"Host: a\r\nHost: b\r\n"):
            self.assertEqual(400, self.answer(b"GET / HTTP/1.1\r\n" + hosts + b"\r\n")[0])

    def test_chunks_are_joined(self) -> None:
        sent = POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        self.assertEqual(b"abcde", self.answer(sent)[2])
        self.assertEqual("5", self.application.environs[0]["CONTENT_LENGTH"])

    def test_an_unknown_coding_and_garbage_are_refused(self) -> None:
        self.assertEqual(501, self.answer(POST + b"Transfer-Encoding: gzip\r\n\r\n")[0])
        bad_chunk = b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"
        for sent in (b"\x16\x03\x01\x02\r\n\r\n", b"GET\r\n\r\n", POST + bad_chunk):
            self.assertEqual(400, self.answer(sent)[0])

    def test_a_refusal_has_the_form_of_every_error_of_the_api(self) -> None:
        status, headers, body = self.answer(POST + b"Content-Length: x\r\n\r\n")
        (error,) = json.loads(body)["errors"]
        self.assertEqual((status, "valence.request.invalid"), (error["status"], error["code"]))
        self.assertEqual("application/json", headers["content-type"])
        self.assertEqual(error["request_id"], headers["x-openstack-request-id"])
        self.assertEqual("valence", headers["server"])

    def test_the_application_refuses_a_body_that_is_too_long_and_the_client_learns_it(
        self,
    ) -> None:
        long = b"x" * 300 * MAX_BODY  # more than sockets buffer
        chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(long), long)
        for framing, sent in (
            (b"Content-Length: %d\r\n\r\n" % len(long), long),
            (b"Transfer-Encoding: chunked\r\n\r\n", chunks),
        ):
            connection = self.connect(POST + framing)
            connection.sendall(sent)  # all of it, before it reads the response
            self.assertEqual((413, TOO_LARGE), self.response(connection)[::2])
            self.assertClosed(connection)

    def test_a_body_of_the_maximum_length_is_accepted(self) -> None:
        sent = POST + b"Content-Length: %d\r\n\r\n" % MAX_BODY + b"x" * MAX_BODY
        self.assertEqual(MAX_BODY, len(self.answer(sent)[2]))

    def test_tokens_may_be_long_and_heads_not_endless(self) -> None:
        token = GET[:-2] + b"X-Auth-Token: " + b"t" * 60_000 + b"\r\n\r\n"
        self.assertEqual(200, self.answer(token)[0])
        self.assertEqual(431, self.answer(token.replace(b"t" * 60_000, b"t" * 70_000))[0])

    def test_a_client_that_expects_to_continue_is_answered(self) -> None:
        connection = self.connect(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        self.assertEqual(b"HTTP/1.1 100 Continue\r\n\r\n", connection.recv(100))
        connection.sendall(b"abc")
        self.assertEqual(b"abc", self.response(connection)[2])
        self.assertEqual(200, self.answer(GET[:-2] + b"Expect: 100-continue\r\n\r\n")[0])
        refused = POST + b"Expect: 100-continue\r\nContent-Length: 3000000\r\n\r\n"
        self.assertEqual(413, self.answer(refused)[0])

    def test_a_response_to_head_has_no_body(self) -> None:
        connection = self.connect(GET.replace(b"GET", b"HEAD") + GET)
        with connection.makefile("rb") as stream:
            head = b"".join(iter(stream.readline, b"\r\n"))
            self.assertIn(b"Content-Length: 2\r\n", head)
            self.assertEqual(b"HTTP/1.1 200 OK\r\n", stream.readline())


class TestStop(ServerTestCase):
    threads = 2

    def test_requests_that_have_begun_are_answered(self) -> None:
        idle, half = self.connect(GET), self.connect(POST + b"Content-Length: 3\r\n\r\n")
        self.assertEqual(200, self.response(idle)[0])
        waiting = self.connect(GET.replace(b"healthcheck", b"wait"))
        self.assertTrue(self.application.entered.wait(PATIENCE))
        stopper = threading.Thread(target=self.server.stop, args=(PATIENCE,))
        stopper.start()
        self.assertClosed(idle)
        self.assertRaises(OSError, self.connect)
        half.sendall(b"abc")
        self.assertEqual(b"abc", self.response(half)[2])
        self.application.allowed.set()
        self.assertEqual(200, self.response(waiting)[0])
        stopper.join()
        self.assertFalse(self.thread.is_alive())

    def test_they_have_a_limited_time(self) -> None:
        self.connect(GET.replace(b"healthcheck", b"wait"))
        self.assertTrue(self.application.entered.wait(PATIENCE))
        self.server.stop(0)
        self.assertFalse(self.thread.is_alive())
