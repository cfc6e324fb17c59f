# SPDX-License-Identifier: Apache-2.0

"""A pod manager on a port: the Redfish API and the control endpoint over aiohttp.

It uses aiohttp's low-level server: no application, no middleware, one handler.
All state changes happen in the thread of the event loop.
"""

import asyncio
from collections.abc import Iterable
import functools
import json
import logging
import ssl
import threading
from typing import Any

from aiohttp import web

from podm_simulator.control import Control
from podm_simulator.faults import Faults
from podm_simulator.journal import Journal
from podm_simulator.pod.factory import Size
from podm_simulator.pod.pod import Pace
from podm_simulator.pod.pod import Pod
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import Simulation
from podm_simulator.quirks.registry import Quirks
from podm_simulator.redfish import dialect
from podm_simulator.redfish.app import App
from podm_simulator.redfish.app import MAX_BODY
from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Response
from podm_simulator.redfish.http import Service
from podm_simulator.redfish.sessions import Sessions

LOG = logging.getLogger(__name__)

#: Methods that change nothing.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

GARBAGE = b"<html><body>It works!</body></html>"


class Simulator:
    """One simulated pod manager.

    In a thread: ``url = simulator.start()`` and ``simulator.stop()``; in the caller's
    event loop: ``await simulator.open()`` and ``await simulator.close()``.

    :param size: of the pod.
    :param port: 0 takes a free one.
    :param username: None disables authentication.
    :param latency: seconds added to each response under ``/redfish``.
    :param api_version: of Intel RSD: 2.1 to 2.5.
    :param page_size: most members of a collection in one response.
    :param session_timeout: seconds without use after which a session ends.
    :param quirks: names of those that are switched on.
    :param tls: serve HTTPS with this context.
    :raises BadQuirk: one of them does not exist, or two exclude each other.
    """

    def __init__(
        self,
        size: Size | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "pod",
        seed: str = "0",
        username: str | None = "admin",
        password: str | None = "admin",  # noqa: S107 - a simulator's, and documented
        latency: float = 0.0,
        pace: Pace | None = None,
        api_version: str = dialect.DEFAULT,
        page_size: int = 1000,
        expand: bool = False,
        session_timeout: float = 1800.0,
        quirks: Iterable[str] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.pod = Pod(size, name=name, seed=seed, pace=pace)
        self.faults = Faults()
        self.journal = Journal()
        self.pod.next_assembly_fault = self.faults.for_assembly
        self.sessions = Sessions(username, password, timeout=session_timeout)
        service = Service(
            self.pod, self.sessions, dialect.DIALECTS[api_version], page_size, expand
        )
        self._app = App(service)
        self.quirks = Quirks(Simulation(self.pod, self.sessions, service, self._show))
        service.members = self.quirks.members
        self.quirks.switch(quirks)
        self._control = Control(self.pod, self.journal, self.faults, self.quirks, self._restart)
        self._host, self._port, self._tls, self._latency = host, port, tls, latency
        self._server: asyncio.Server | None = None
        self._handler: web.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._reopening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}"

    def start(self) -> str:
        """Serve in a thread of its own; return the URL.

        :raises OSError: the address cannot be bound.
        """
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=loop.run_forever, name=f"simulator-{self.pod.name}", daemon=True
        )
        self._thread.start()
        self._loop = loop
        try:
            asyncio.run_coroutine_threadsafe(self.open(), loop).result(30)
        except BaseException:
            self._stop_thread()
            raise
        return self.url

    def stop(self) -> None:
        """Stop the server and the thread that :meth:`start` started; then the port is free."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self.close(), self._loop).result(30)
            self._stop_thread()

    def _stop_thread(self) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
        self._loop = self._thread = None

    async def open(self) -> None:
        """Listen; the port stays the same over restarts."""
        self._handler = web.Server(self._handle, access_log=None)
        self._server = await asyncio.get_running_loop().create_server(
            self._handler, self._host, self._port, ssl=self._tls, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections, and close those that are open."""
        if self._reopening is not None:
            self._reopening.cancel()
        await self._shut()

    async def _shut(self) -> None:
        if self._server is None or self._handler is None:
            return
        self._server.close()
        await self._handler.shutdown(timeout=0.1)
        self._server = self._handler = None

    def _restart(self, seconds: float) -> None:
        async def restart() -> None:
            await asyncio.sleep(0.05)  # the response to this request is sent first
            await self._shut()
            self.sessions.forget()
            self.quirks.restart()
            await asyncio.sleep(seconds)
            await self.open()

        self._reopening = asyncio.get_running_loop().create_task(restart())

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        path = request.path.rstrip("/") or "/"
        if path == "/control" or path.startswith("/control/"):
            status, body = self._control.handle(request.method, path, await request.read())
            return _to_aiohttp(Response(status, body))
        if self._latency:
            await asyncio.sleep(self._latency)
        action = self.faults.for_request(request.method, request.path_qs) or {}
        if action.get("type") == "delay":
            await asyncio.sleep(action["seconds"])
        # Found before the action, which may delete the node; reading touches no machine.
        machine = None if request.method in SAFE else self.pod.machine(path)
        response = FAULT_RESPONSES.get(action.get("type", ""), _no_fault)(action)
        if response is None:
            response = await self._handle_redfish(request, path)
        silent = action.get("type") in ("drop", "lose_answer")
        sent = None if silent else response.status
        self.journal.add(request.method, request.path_qs, sent, machine)
        if silent and request.transport is not None:
            request.transport.abort()
        if action.get("type") == "no_location":
            response.headers.pop("Location", None)
        return self.quirks.send(_to_aiohttp(response, head=request.method == "HEAD"))

    async def _handle_redfish(self, request: web.BaseRequest, path: str) -> Response:
        if (request.content_length or 0) > MAX_BODY:
            return TOO_LARGE.response()
        raw = b""
        if request.can_read_body:
            raw = await request.content.read(MAX_BODY + 1)
            while not request.content.at_eof() and len(raw) <= MAX_BODY:
                raw += await request.content.read(MAX_BODY + 1 - len(raw))
            if len(raw) > MAX_BODY:
                return TOO_LARGE.response()
        headers = request.headers
        handled = Request(request.method, path, request.query if request.query_string else {})
        authenticated = self.sessions.authenticate(
            headers.get("X-Auth-Token"), headers.get("Authorization")
        )
        carry_out = functools.partial(
            self._app.handle,
            handled,
            raw=raw,
            content_type=headers.get("Content-Type"),
            authenticated=authenticated,
        )
        if not self.quirks:
            return carry_out()
        target, base = request.rel_url.raw_path, f"{request.scheme}://{request.host}"
        return self.quirks.handle(
            Exchange(handled, target, headers, base, authenticated, carry_out)
        )

    def _show(self, path: str) -> Response:
        """Return the response to a GET of a path, without quirks."""
        return self._app.handle(
            Request("GET", path), raw=b"", content_type=None, authenticated=True
        )


TOO_LARGE = RedfishError(
    413,
    "PayloadTooLarge",
    f"The body is larger than {MAX_BODY} bytes.",
    headers={"Connection": "close"},
)


def _error(action: dict[str, Any]) -> Response:
    headers = {"Retry-After": str(action["retry_after"])} if "retry_after" in action else {}
    message = action.get("message", "An injected error.")
    return RedfishError(
        action.get("status", 503), "GeneralError", str(message), headers=headers
    ).response()


def _no_fault(_action: dict[str, Any]) -> None:
    return None


# type of a fault -> the response in place of the action
FAULT_RESPONSES: dict[str, Any] = {
    "error": _error,
    "drop": lambda _action: Response(503),
    "garbage": lambda _action: Response(200, GARBAGE, {"Content-Type": "text/html"}),
}


def _to_aiohttp(response: Response, *, head: bool = False) -> web.Response:
    """Return the response for aiohttp, which sends headers and body in one write."""
    headers = {"OData-Version": "4.0", "Cache-Control": "no-store", **response.headers}
    if response.resource is None:
        return web.Response(status=response.status, headers=headers)
    data = response.resource
    if not isinstance(data, bytes):
        data = json.dumps(data, separators=(",", ":")).encode()
        headers.setdefault("Content-Type", "application/json;charset=utf-8")
    if head:
        headers["Content-Length"] = str(len(data))
        data = b""
    return web.Response(status=response.status, body=data, headers=headers)
