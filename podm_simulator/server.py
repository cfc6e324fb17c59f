# SPDX-License-Identifier: Apache-2.0

"""A pod manager on a port: the Redfish face and the control endpoint over aiohttp.

aiohttp's low-level server is used: no application, no middleware, one
handler. All state changes happen in the one thread of the event loop.
"""

import asyncio
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
from podm_simulator.redfish import dialect
from podm_simulator.redfish.app import Face
from podm_simulator.redfish.app import MAX_BODY
from podm_simulator.redfish.http import Answer
from podm_simulator.redfish.http import Refusal
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Service
from podm_simulator.redfish.sessions import Sessions

LOG = logging.getLogger(__name__)

GARBAGE = b"<html><body>It works!</body></html>"


class Simulator:
    """One simulated pod manager.

    In a thread: ``url = simulator.start()`` and ``simulator.stop()``; or in an
    event loop of the caller's: ``await simulator.open()`` and ``await simulator.close()``.

    :param size: of the pod.
    :param port: 0 takes a free one.
    :param username: None admits everybody.
    :param latency: seconds added to each answer under ``/redfish``.
    :param api_version: of Intel RSD: 2.1 to 2.5.
    :param page_size: members that one answer of a collection carries at most.
    :param tls: serve HTTPS with this context.
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
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.pod = Pod(size, name=name, seed=seed, pace=pace)
        self.faults = Faults()
        self.journal = Journal()
        self.pod.next_assembly_fault = self.faults.for_assembly
        self.sessions = Sessions(username, password, timeout=session_timeout)
        self._face = Face(
            Service(self.pod, self.sessions, dialect.DIALECTS[api_version], page_size, expand)
        )
        self._control = Control(self.pod, self.journal, self.faults, self._restart)
        self._host, self._port, self._tls, self._latency = host, port, tls, latency
        self._server: asyncio.Server | None = None
        self._handler: web.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._reopening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Return where it listens, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}"

    def start(self) -> str:
        """Serve in a thread of its own and return the URL.

        :raises OSError: the port cannot be had.
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
            self._end_thread()
            raise
        return self.url

    def stop(self) -> None:
        """End what :meth:`start` began; once it has returned, the port is free."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self.close(), self._loop).result(30)
            self._end_thread()

    def _end_thread(self) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
        self._loop = self._thread = None

    async def open(self) -> None:
        """Begin to listen; the port that was taken is kept over restarts."""
        self._handler = web.Server(self._handle, access_log=None)
        self._server = await asyncio.get_running_loop().create_server(
            self._handler, self._host, self._port, ssl=self._tls, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections and end those that are open."""
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
            await asyncio.sleep(0.05)  # the answer to who asked for it goes out first
            await self._shut()
            self.sessions.forget()
            await asyncio.sleep(seconds)
            await self.open()

        self._reopening = asyncio.get_running_loop().create_task(restart())

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        path = request.path.rstrip("/") or "/"
        if path == "/control" or path.startswith("/control/"):
            status, reply = self._control.answer(request.method, path, await request.read())
            return _response(Answer(status, reply))
        if self._latency:
            await asyncio.sleep(self._latency)
        action = self.faults.for_request(request.method, request.path_qs) or {}
        if action.get("type") == "delay":
            await asyncio.sleep(action["seconds"])
        answer = FAULTY.get(action.get("type", ""), _no_fault)(action)
        if answer is None:
            answer = await self._answer(request, path)
        silent = action.get("type") in ("drop", "lose_answer")
        self.journal.add(request.method, request.path_qs, None if silent else answer.status)
        if silent and request.transport is not None:
            request.transport.abort()
        if action.get("type") == "no_location":
            answer.headers.pop("Location", None)
        return _response(answer, head=request.method == "HEAD")

    async def _answer(self, request: web.BaseRequest, path: str) -> Answer:
        if (request.content_length or 0) > MAX_BODY:
            return TOO_LARGE.answer()
        raw = b""
        if request.can_read_body:
            raw = await request.content.read(MAX_BODY + 1)
            while not request.content.at_eof() and len(raw) <= MAX_BODY:
                raw += await request.content.read(MAX_BODY + 1 - len(raw))
            if len(raw) > MAX_BODY:
                return TOO_LARGE.answer()
        headers = request.headers
        asked = Request(request.method, path, request.query if request.query_string else {})
        return self._face.answer(
            asked,
            raw=raw,
            content_type=headers.get("Content-Type"),
            admitted=self.sessions.admit(
                headers.get("X-Auth-Token"), headers.get("Authorization")
            ),
        )


TOO_LARGE = Refusal(
    413,
    "PayloadTooLarge",
    f"The body is larger than {MAX_BODY} bytes.",
    headers={"Connection": "close"},
)


def _error(action: dict[str, Any]) -> Answer:
    headers = {"Retry-After": str(action["retry_after"])} if "retry_after" in action else {}
    message = action.get("message", "An error that was asked for.")
    return Refusal(
        action.get("status", 503), "GeneralError", str(message), headers=headers
    ).answer()


def _no_fault(_action: dict[str, Any]) -> None:
    return None


# What is answered instead of doing anything.
FAULTY: dict[str, Any] = {
    "error": _error,
    "drop": lambda _action: Answer(503),
    "garbage": lambda _action: Answer(200, GARBAGE, {"Content-Type": "text/html"}),
}


def _response(answer: Answer, *, head: bool = False) -> web.Response:
    """Make the response; aiohttp sends its headers and body in one write."""
    headers = {"OData-Version": "4.0", "Cache-Control": "no-store", **answer.headers}
    if answer.resource is None:
        return web.Response(status=answer.status, headers=headers)
    data = answer.resource
    if not isinstance(data, bytes):
        data = json.dumps(data, separators=(",", ":")).encode()
        headers.setdefault("Content-Type", "application/json;charset=utf-8")
    if head:
        headers["Content-Length"] = str(len(data))
        data = b""
    return web.Response(status=answer.status, body=data, headers=headers)
