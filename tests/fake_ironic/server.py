# SPDX-License-Identifier: Apache-2.0

"""A fake Ironic that listens on a port.

``/control/faults`` accepts the faults of the pod manager simulator, in the same format. Besides,
``{"fail": "deploying", "error": "..."}`` makes the next transition out of a state fail,
``{"lock": 2.0}`` locks every node for so many seconds, and ``{"restart": {"seconds": 2}}``
refuses connections for so long.
"""

import asyncio
import json
from typing import Any

from aiohttp import web

from podm_simulator import faults
from tests.fake_ironic import routes
from tests.fake_ironic.nodes import Nodes


class Server:
    """One Ironic, in the event loop of its caller.

    :param pass_in: seconds for which a transient state lasts.
    """

    def __init__(self, pass_in: float = 0.03) -> None:
        self._pass_in = pass_in
        self.nodes = Nodes(self._advance_later)
        self.faults = faults.Faults()
        self._port = 0
        self._server: asyncio.Server | None = None
        self._handler: web.Server | None = None
        self._reopening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The URL on which it listens."""
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        """Listen; on the same port as before, if it listened before."""
        self._handler = web.Server(self._handle, access_log=None)
        self._server = await asyncio.get_running_loop().create_server(
            self._handler, "127.0.0.1", self._port, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections and close those that are open."""
        if self._server is not None and self._handler is not None:
            self._server.close()
            await self._handler.shutdown(timeout=0.05)
            self._server = self._handler = None

    def _advance_later(self, node: dict[str, Any]) -> None:
        asyncio.get_running_loop().call_later(self._pass_in, self.nodes.advance, node)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        content = await request.read()
        body = json.loads(content) if content.strip() else None
        if request.path.startswith("/control/"):
            return _response(*self._control(request.method, request.path, body))
        action = self.faults.for_request(request.method, request.path_qs) or {}
        kind = action.get("type")
        if kind == "delay":
            await asyncio.sleep(action["seconds"])
        if kind == "error":
            message = action.get("message", "A test requested this error.")
            return _response(action.get("status", 503), routes.error(message))
        reply: routes.Reply = (503, None)
        if kind != "drop":
            reply = routes.respond(self.nodes, request.method, request.path, request.query, body)
        if kind in ("drop", "lose_answer") and request.transport is not None:
            request.transport.abort()
        return _response(*reply)

    def _control(self, method: str, path: str, body: Any) -> routes.Reply:
        if method == "DELETE" and path == "/control/nodes":
            self.nodes.clear()
            return 204, None
        if method == "DELETE":
            self.faults.clear()
            self.nodes.failures.clear()
            return 204, None
        if "fail" in body:
            error = body.get("error", "A test requested this failure.")
            self.nodes.fail(body["fail"], error, error, body.get("times", 1))
        elif "lock" in body:
            self._lock(body["lock"])
        elif "restart" in body:
            self._restart(body["restart"]["seconds"])
        else:
            self.faults.add(body)
        return 201, {"id": "accepted"}

    def _lock(self, seconds: float) -> None:
        """Lock every node for a while, as a periodic task of Ironic does."""
        for node in self.nodes.nodes.values():
            if node["reservation"] is None:
                node["reservation"] = "lab"
                unlock = {"reservation": None}
                asyncio.get_running_loop().call_later(seconds, node.update, unlock)

    def _restart(self, seconds: float) -> None:
        async def restart() -> None:
            await asyncio.sleep(0.02)  # the response to this request is sent first
            await self.close()
            await asyncio.sleep(seconds)
            await self.open()

        self._reopening = asyncio.get_running_loop().create_task(restart())


def _response(status: int, body: Any) -> web.Response:
    if body is None:
        return web.Response(status=status, headers=routes.VERSIONS)
    data = json.dumps(body).encode()
    headers = {**routes.VERSIONS, "Content-Type": "application/json"}
    return web.Response(status=status, body=data, headers=headers)
