# SPDX-License-Identifier: Apache-2.0

"""A stand-in for Ironic: the part of its API that is used, over :mod:`ironic_nodes`.

It misbehaves on demand as the pod manager simulator does, at ``/control/faults`` and
with the same JSON; besides, ``{"fail": "deploying", "error": "..."}`` makes the next
pass through a state fail, ``{"lock": 2.0}`` locks every node for some seconds, and
``{"restart": {"seconds": 2}}`` refuses connections for some seconds.
"""

import asyncio
from collections.abc import Callable
import json
import re
from typing import Any

from aiohttp import web

from podm_simulator import faults
from tests.crash.ironic_nodes import IronicError
from tests.crash.ironic_nodes import Nodes

VERSIONS = {
    "X-OpenStack-Ironic-API-Minimum-Version": "1.1",
    "X-OpenStack-Ironic-API-Maximum-Version": "1.115",
    "X-OpenStack-Ironic-API-Version": "1.115",
}

IronicResponse = tuple[int, Any]


class Ironic:
    """One Ironic, in the event loop of its caller.

    :param pass_in: seconds for which a node stays in a passing state.
    """

    def __init__(self, pass_in: float = 0.03) -> None:
        self._pass_in = pass_in
        self.faults = faults.Faults()
        self._port = 0
        self._server: asyncio.Server | None = None
        self._handler: web.Server | None = None
        self._reopening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        """Listen; the port stays the same over restarts."""
        loop = asyncio.get_running_loop()
        if not hasattr(self, "nodes"):
            self.nodes = Nodes(loop.call_later, self._pass_in)
        self._handler = web.Server(self._handle, access_log=None)
        self._server = await loop.create_server(
            self._handler, "127.0.0.1", self._port, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections, and close those that are open."""
        if self._server is not None and self._handler is not None:
            self._server.close()
            await self._handler.shutdown(timeout=0.05)
            self._server = self._handler = None

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        data = json.loads(body) if body.strip() else None
        if request.path.startswith("/control/"):
            return _response(*self._control(request.method, request.path, data))
        action = self.faults.for_request(request.method, request.path_qs) or {}
        kind = action.get("type")
        if kind == "delay":
            await asyncio.sleep(action["seconds"])
        if kind == "error":
            return _response(
                action.get("status", 503), _error(action.get("message", "An injected error."))
            )
        response = (503, None) if kind == "drop" else self._route(request, data)
        if kind in ("drop", "lose_answer") and request.transport is not None:
            request.transport.abort()
        return _response(*response)

    def _route(self, request: web.BaseRequest, data: Any) -> IronicResponse:
        path = request.path.rstrip("/")
        for method, pattern, handle in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                try:
                    return handle(self.nodes, match, data, request.query)
                except IronicError as exc:
                    return exc.status, _error(str(exc))
        return 404, _error(f"there is no {request.method} {path}")

    def _control(self, method: str, path: str, data: Any) -> IronicResponse:
        if method == "DELETE" and path == "/control/nodes":
            self.nodes.nodes.clear()
            self.nodes.ports.clear()
            return 204, None
        if method == "DELETE":
            self.faults.clear()
            self.nodes.failures.clear()
            return 204, None
        if "fail" in data:
            failures = self.nodes.failures.setdefault(data["fail"], [])
            failures += [data.get("error", "An injected failure.")] * data.get("times", 1)
        elif "lock" in data:
            self.nodes.lock(data["lock"])
        elif "restart" in data:
            self._restart(data["restart"]["seconds"])
        else:
            self.faults.add(data)
        return 201, {"id": "fault"}

    def _restart(self, seconds: float) -> None:
        async def restart() -> None:
            await asyncio.sleep(0.02)  # the response to this request is sent first
            await self.close()
            await asyncio.sleep(seconds)
            await self.open()

        self._reopening = asyncio.get_running_loop().create_task(restart())


def _root(_nodes: Nodes, _match: re.Match[str], _data: Any, _query: Any) -> IronicResponse:
    version = {"id": "v1", "links": [], "status": "CURRENT"}
    version |= {"min_version": "1.1", "version": "1.115"}
    return 200, {"default_version": version, "versions": [version], "name": "Ironic"}


def _v1(_nodes: Nodes, _match: re.Match[str], _data: Any, _query: Any) -> IronicResponse:
    return 200, {"id": "v1", "version": {"min_version": "1.1", "version": "1.115"}}


def _list_nodes(nodes: Nodes, _match: re.Match[str], _data: Any, query: Any) -> IronicResponse:
    listed = list(nodes.nodes.values())[: int(query.get("limit", 0)) or 1000]
    return 200, {"nodes": [_fields(node, query) for node in listed]}


def _create_node(nodes: Nodes, _match: re.Match[str], data: Any, _query: Any) -> IronicResponse:
    return 201, nodes.create(data)


def _get_node(nodes: Nodes, match: re.Match[str], _data: Any, query: Any) -> IronicResponse:
    return 200, _fields(nodes.get(match[1]), query)


def _patch_node(nodes: Nodes, match: re.Match[str], data: Any, _query: Any) -> IronicResponse:
    return 200, nodes.patch(nodes.get(match[1]), data)


def _delete_node(nodes: Nodes, match: re.Match[str], _data: Any, _query: Any) -> IronicResponse:
    nodes.delete(nodes.get(match[1]))
    return 204, None


def _provision(nodes: Nodes, match: re.Match[str], data: Any, _query: Any) -> IronicResponse:
    nodes.provision(nodes.get(match[1]), data["target"])
    return 202, None


def _traits(nodes: Nodes, match: re.Match[str], data: Any, _query: Any) -> IronicResponse:
    nodes.get(match[1])["traits"] = data["traits"]
    return 204, None


def _history(nodes: Nodes, match: re.Match[str], _data: Any, _query: Any) -> IronicResponse:
    return 200, {"history": nodes.history.get(nodes.get(match[1])["uuid"], [])}


def _list_ports(nodes: Nodes, _match: re.Match[str], _data: Any, query: Any) -> IronicResponse:
    filters = {"address": query.get("address"), "node_uuid": query.get("node")}
    listed = [
        port
        for port in nodes.ports.values()
        if all(value is None or port[field] == value for field, value in filters.items())
    ]
    return 200, {"ports": listed}


def _create_port(nodes: Nodes, _match: re.Match[str], data: Any, _query: Any) -> IronicResponse:
    return 201, nodes.create_port(data)


Handler = Callable[[Nodes, re.Match[str], Any, Any], IronicResponse]

ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "", _root),
    ("GET", "/v1", _v1),
    ("GET", "/v1/nodes(?:/detail)?", _list_nodes),
    ("POST", "/v1/nodes", _create_node),
    ("GET", "/v1/nodes/([^/]+)", _get_node),
    ("PATCH", "/v1/nodes/([^/]+)", _patch_node),
    ("DELETE", "/v1/nodes/([^/]+)", _delete_node),
    ("PUT", "/v1/nodes/([^/]+)/states/provision", _provision),
    ("PUT", "/v1/nodes/([^/]+)/traits", _traits),
    ("GET", "/v1/nodes/([^/]+)/history", _history),
    ("GET", "/v1/ports(?:/detail)?", _list_ports),
    ("POST", "/v1/ports", _create_port),
]


def _fields(node: dict[str, Any], query: Any) -> dict[str, Any]:
    fields = query.get("fields")
    return {key: node.get(key) for key in fields.split(",")} if fields else node


def _error(message: str) -> dict[str, str]:
    fault = {"faultcode": "Client", "faultstring": message, "debuginfo": None}
    return {"error_message": json.dumps(fault)}


def _response(status: int, body: Any) -> web.Response:
    if body is None:
        return web.Response(status=status, headers=VERSIONS)
    data = json.dumps(body).encode()
    headers = {**VERSIONS, "Content-Type": "application/json"}
    return web.Response(status=status, body=data, headers=headers)
