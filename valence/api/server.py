# SPDX-License-Identifier: Apache-2.0

"""The embedded HTTP server: waitress, with a deadline for everything that a client may delay.

waitress reads heads and bodies in one thread for all connections, and sends responses there:
only complete requests cost a worker. Of the servers that were compared (see "The embedded
server" in the contributor's guide), it is the only one that does so for both heads and bodies.
Its own timeout begins again with each byte; the deadlines here do not.
"""

from collections.abc import Callable
from collections.abc import Mapping
import contextlib
import json
import socket
import threading
import time
from typing import Any

from oslo_context import context as oslo_context
from oslo_log import log as logging
from waitress import adjustments
from waitress import channel
from waitress import parser
from waitress import server
from waitress import task
from waitress import utilities
from waitress import wasyncore

from valence import errors

LOG = logging.getLogger(__name__)

#: Maximum length of the head of a request, bytes: tokens are long.
MAX_HEAD = 64 * 1024

#: Open connections, at most; then the one that has kept the server waiting longest is closed
#: in favour of the next. Half of the file descriptors that Linux allows a process by default.
MAX_CONNECTIONS = 512

#: Phases of a connection in which the client determines the time.
IDLE, HEAD, BODY, RESPONSE, LINGER = "idle", "head", "body", "response", "linger"

#: phase -> seconds that it may last.
DEADLINES: Mapping[str, float] = {
    # Between two requests: longer than the 60 s of common proxies, which would otherwise send
    # a request on a connection that is being closed.
    IDLE: 75.0,
    # From the first byte (of the first request of a connection: from its start).
    HEAD: 10.0,
    # From the end of the head: [DEFAULT] max_request_body at a few hundred kbit/s.
    BODY: 30.0,
    # From the end of the request's processing.
    RESPONSE: 120.0,
    # After the response to a request that was not read to its end: a connection that is
    # closed at once is reset, and its client may lose the response.
    LINGER: 2.0,
}

#: Seconds between two checks of the deadlines.
CHECK_INTERVAL = 1

#: Status of a refusal by the server itself -> its error; the others are invalid requests.
REFUSALS = {500: errors.ValenceError}


class RequestTimeout(utilities.BadRequest):
    """The head or the body of a request did not arrive in time."""

    code = 408
    reason = "Request Timeout"


class Parser(parser.HTTPRequestParser):
    """Reads a request, and refuses what RFC 9112 allows to be understood in two ways.

    :ivar is_cut: whether the rest of the body is not read.
    """

    error: utilities.Error | None = None
    is_cut = False
    path = ""  # waitress logs it, even if it was not received

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the head.

        :raises ParsingError: its framing is ambiguous, or it does not name one host.
        """
        try:
            super().parse_header(header_plus)
        except ValueError as exc:  # a length of more digits than Python converts
            raise parser.ParsingError("Content-Length is invalid") from exc
        if self.chunked and "CONTENT_LENGTH" in self.headers:  # RFC 9112, 6.3
            raise parser.ParsingError("Content-Length and Transfer-Encoding exclude each other")
        if "TRANSFER_ENCODING" in self.headers:  # RFC 9112, 6.1: only HTTP/1.1 has it
            raise parser.ParsingError("Transfer-Encoding needs HTTP/1.1")
        if self.version == "1.1" and "," in self.headers.get("HOST", ","):  # RFC 9112, 3.2
            raise parser.ParsingError("Exactly one Host header is required")

    def received(self, data: bytes) -> int:
        """Read a part of the request; return the number of bytes that belong to it."""
        consumed: int = super().received(data)
        if isinstance(self.error, utilities.RequestEntityTooLarge):
            # The application answers, so that the response is like that of its other errors.
            # It does not read the body.
            length = max(self.content_length, self.body_bytes_received)
            self.headers.update(CONTENT_LENGTH=str(length), CONNECTION="close")
            self.error, self.is_cut = None, True
        if self.completed:
            self.expect_continue = False  # waitress would wait for a body that never comes
        return consumed


class Request(task.WSGITask):
    """Passes a request to the application."""

    def execute(self) -> None:
        """Send the application's response."""
        self.channel.begin_response(is_cut=self.request.is_cut)
        super().execute()


class Refusal(task.ErrorTask):
    """Answers a request that cannot be passed to the application, in the API's form."""

    def execute(self) -> None:
        """Send the response."""
        self.channel.begin_response(is_cut=True)
        refusal = self.request.error
        request_id = oslo_context.generate_request_id()
        kind = REFUSALS.get(refusal.code, errors.RequestInvalid)
        error = {
            "status": refusal.code,
            "code": kind.code,
            "title": refusal.reason,
            "detail": f"The request cannot be processed: {refusal.body}.",
            "request_id": request_id,
        }
        body = json.dumps({"errors": [error]}).encode()
        LOG.info("Refused a request: %d, %s [%s]", refusal.code, refusal.body, request_id)
        self.status = f"{refusal.code} {refusal.reason}"
        self.response_headers += [
            ("Content-Type", "application/json"),
            ("X-Openstack-Request-Id", request_id),
        ]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(channel.HTTPChannel):
    """One connection."""

    parser_class = Parser
    task_class = Request
    error_task_class = Refusal
    request: Any = None
    close_when_flushed: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._responses = 0
        self._is_cut = self._lingers = False
        super().__init__(*args, **kwargs)
        self._phase, self.since = self._current_phase(), self.server.clock()

    def begin_response(self, *, is_cut: bool) -> None:
        """Note that a response follows; a worker calls it.

        :param is_cut: the connection ends with it, and the client may still be sending.
        """
        self._responses += 1
        self._is_cut = is_cut

    def check(self, now: float) -> None:
        """Close the connection if its client took too long.

        :param now: seconds of the monotonic clock.
        """
        phase = self._current_phase()
        if phase != self._phase:
            self._phase, self.since = phase, now
        name, request = phase[0], self.request
        if name is None or now - self.since < DEADLINES[name]:
            return
        if name in (HEAD, BODY) and request is not None:
            self._refuse(f"Its {name} did not arrive within {DEADLINES[name]:g} s")
        else:
            self.handle_close()  # at once: what is left to be sent may never end

    def is_waiting(self) -> bool:
        """Return whether the server waits for the client."""
        return self._current_phase()[0] is not None

    def is_idle(self) -> bool:
        """Return whether there is no request, and no response to be sent."""
        return self.request is None and self._current_phase()[0] in (IDLE, HEAD)

    def _current_phase(self) -> tuple[str | None, Any]:
        """Return the phase, None while a request is processed, and what tells it from others."""
        if self._lingers:
            return LINGER, None
        if self.requests:
            return None, self._responses
        if self.total_outbufs_len:
            return RESPONSE, self._responses
        if self.request is not None:
            return (BODY if self.request.headers_finished else HEAD), self.request
        return (IDLE if self._responses else HEAD), self._responses

    def _refuse(self, reason: str) -> None:
        """Answer the unfinished request, in a worker."""
        with self.requests_lock:
            request, self.request = self.request, None
            request.error = RequestTimeout(reason)
            self.requests.append(request)
            self.server.add_task(self)

    def writable(self) -> bool:
        """Return whether there is something to send, or the connection is to be closed."""
        return self.will_close or bool(not self._lingers and super().writable())

    def readable(self) -> bool:
        """Return whether a request, or the rest of one, may be received."""
        return bool(not self.will_close and (self._lingers or super().readable()))

    def handle_write(self) -> None:
        """Send, and close the connection after the last response; linger if a body is cut."""
        if self.close_when_flushed and self._is_cut and not self.will_close:
            self._flush_exception(self._flush_some)
            if not self.total_outbufs_len and not self.will_close:
                self.close_when_flushed, self._lingers = False, True
                with contextlib.suppress(OSError):  # the client has closed it
                    self.socket.shutdown(socket.SHUT_WR)
            return
        super().handle_write()

    def handle_read(self) -> None:
        """Receive; what is received after the last response is dropped."""
        if not self._lingers:
            super().handle_read()
            return
        try:
            self.recv(self.adj.recv_bytes)  # closes the connection when the client has
        except OSError:
            self.handle_close()


class Server(server.TcpWSGIServer):
    """The server of one process; :meth:`run` in one thread, :meth:`stop` in another.

    :param address: host and port to listen on; port 0 chooses one, see ``effective_port``.
    :param application: of WSGI.
    :param threads: requests that are processed at the same time.
    :param max_body: bytes; the application refuses longer ones, without reading them.
    :param clock: the monotonic clock.
    :raises OSError: it cannot listen on that address.
    """

    channel_class = Channel
    next_channel_cleanup = float("inf")  # check() is used instead

    def __init__(
        self,
        address: tuple[str, int],
        application: Any,
        *,
        threads: int,
        max_body: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self._next_check = 0.0
        self._stopping = threading.Event()
        self._stop_at = float("inf")
        self._finished = threading.Event()
        options = adjustments.Adjustments(
            threads=threads,
            connection_limit=2 * MAX_CONNECTIONS,  # never reached
            max_request_header_size=MAX_HEAD,
            max_request_body_size=max_body + 1,
            ident="valence",
            server_name=address[0],
            # oslo.middleware applies them, if they are enabled.
            clear_untrusted_proxy_headers=False,
            log_socket_errors=False,
        )
        workers = task.ThreadedTaskDispatcher()
        workers.queue_logger.setLevel(logging.ERROR)  # a line for each request that waits
        listener = _listen(address, options.backlog)
        sockinfo = (listener.family, listener.type, listener.proto, listener.getsockname())
        super().__init__(
            application,
            _sock=listener,
            dispatcher=workers,
            adj=options,
            sockinfo=sockinfo,
            bind_socket=False,
        )
        workers.set_thread_count(threads)

    def run(self) -> None:
        """Serve until :meth:`stop` is called."""
        try:
            while not self._is_over():
                self._check_connections()
                wasyncore.loop(CHECK_INTERVAL, use_poll=True, map=self._map, count=1)
        finally:
            self._finished.set()

    def stop(self, grace: float) -> None:
        """Accept no more connections, answer the requests that have begun, and end.

        :param grace: seconds for these requests, at most.
        """
        self._stop_at = self.clock() + grace
        self._stopping.set()
        self.pull_trigger()
        self._finished.wait(grace + 2 * CHECK_INTERVAL)
        self.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._map)

    def _is_over(self) -> bool:
        if not self._stopping.is_set():
            return False
        if self.accepting:
            wasyncore.dispatcher.close(self)
        for connection in list(self.active_channels.values()):
            if connection.is_idle():
                connection.handle_close()
        return not self.active_channels or self.clock() >= self._stop_at

    def _check_connections(self) -> None:
        """Close the connections whose clients take too long."""
        now = self.clock()
        if now < self._next_check:
            return
        self._next_check = now + CHECK_INTERVAL
        for connection in list(self.active_channels.values()):
            connection.check(now)

    def readable(self) -> bool:
        """Return whether a connection may be accepted."""
        if not self.accepting or len(self.active_channels) < MAX_CONNECTIONS:
            return bool(self.accepting)
        return any(connection.is_waiting() for connection in self.active_channels.values())

    def handle_accept(self) -> None:
        """Accept a connection; if there are too many, close the one that waits longest."""
        waiting = []
        if len(self.active_channels) >= MAX_CONNECTIONS:
            waiting = [each for each in self.active_channels.values() if each.is_waiting()]
        super().handle_accept()
        if waiting:
            min(waiting, key=lambda each: each.since).handle_close()


def _listen(address: tuple[str, int], backlog: int) -> socket.socket:
    host, port = address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _type, _protocol, _name, sockaddr = found[0]
    dualstack = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(
        sockaddr[:2], family=family, backlog=backlog, dualstack_ipv6=dualstack
    )
