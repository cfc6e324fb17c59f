# SPDX-License-Identifier: Apache-2.0

"""What the service does, as far as a client can tell."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import re
from typing import Any
from unittest import mock
import urllib.parse
import uuid as uuids

from keystoneauth1 import noauth
from keystoneauth1 import session as ksa_session
import requests

from valenceclient import client
from valenceclient.testing import _assets
from valenceclient.testing import _nodes
from valenceclient.testing import _wire
from valenceclient.testing._rows import described
from valenceclient.testing._rows import page
from valenceclient.testing._rows import Refusal
from valenceclient.testing._rows import Rows

#: A pod manager of which nothing but its name and URL is said.
_FRESH: Mapping[str, Any] = {
    "driver": "rsd",
    "username": None,
    "verify_ca": True,
    "ca": None,
    "enabled": True,
    "tags": [],
    "status": "online",
    "status_reason": None,
}

#: How the fake answers: (row or body, status).
_Handled = tuple[Any, int]


class FakeValence:
    """An in-memory Valence with one pod manager, ``pod-1``, to begin with.

    ``polls``: how many looks at a node still show it on its way.
    ``on_register(node, fields)`` stands for Ironic taking a node in; it may
    return the uuid of the Ironic node and raise Refusal. ``on_unregister(node)``
    stands for Ironic forgetting it; it may raise Refusal. Both are called when
    the operation ends, as in life, not when it is asked for.
    ``calls`` is every request that came, in order.
    """

    def __init__(self, polls: int = 1, url: str = "http://valence.test:8881") -> None:
        self.polls = polls
        self.url = url
        self.on_register: Callable[[dict[str, Any], dict[str, Any]], str | None] | None = None
        self.on_unregister: Callable[[dict[str, Any]], object] | None = None
        self.podmanagers = Rows("podmanager")
        self.flavors = Rows("flavor")
        self.nodes = Rows("node")
        self.systems = Rows("system")
        self.racks = Rows("rack")
        self.pooled = Rows("device")
        self.troubles: list[dict[str, Any]] = []
        self._moves = _nodes.Moves(self)
        self._wire = _wire.Wire(self._answer)
        self.add_podmanager("pod-1")

    # For tests: prepare, connect, cause trouble, look back.

    def client(self, **options: Any) -> client.Client:
        """Return a client of this service that does not pause between polls."""
        return client.Client(session=self.session(), **{"poll_interval": 0.0, **options})

    def session(self) -> ksa_session.Session:
        """Return a session that reaches this service and nothing else."""
        session = ksa_session.Session(auth=noauth.NoAuth(endpoint=self.url))
        self.mount(session)
        return session

    def mount(self, session: Any) -> None:
        """Lead what a session (keystoneauth's or requests') sends to ``url`` here."""
        session.mount(self.url, self._wire)

    @contextlib.contextmanager
    def intercept(self) -> Iterator[None]:
        """Lead here what any session sends to ``url``, whoever makes it and when."""
        usual = requests.Session.get_adapter

        def get_adapter(session: requests.Session, url: str) -> Any:
            return self._wire if url.startswith(self.url) else usual(session, url)

        with mock.patch.object(requests.Session, "get_adapter", get_adapter):
            yield

    @property
    def calls(self) -> list[_wire.Call]:
        """Every request that came, in order, lost ones included."""
        return self._wire.calls

    def add_podmanager(self, name: str, **fields: Any) -> dict[str, Any]:
        """Put a pod manager there, as if somebody had registered it."""
        url = f"https://{name}.test"
        return self._create_podmanager({"name": name, "url": url, **fields})[0]

    def add_flavor(self, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Put a flavor there."""
        return self._create_flavor({"name": name, "properties": dict(properties)})[0]

    def add_rack(self, name: str, podm: str = "pod-1", **fields: Any) -> dict[str, Any]:
        """Put a rack there, as if its pod manager had told of it."""
        return self.racks.add(_assets.rack(self.podmanagers.get(podm), name, fields))

    def add_system(self, name: str, podm: str = "pod-1", **fields: Any) -> dict[str, Any]:
        """Put a system there, as if its pod manager had told of it."""
        return self.systems.add(_assets.system(self.podmanagers.get(podm), name, fields))

    def add_device(self, kind: str, podm: str = "pod-1", **fields: Any) -> dict[str, Any]:
        """Put a pooled device there, as if its pod manager had told of it."""
        return self.pooled.add(_assets.device(self.podmanagers.get(podm), kind, fields))

    def trouble(
        self, podm: str, code: str = "valence.podmanager.unreachable", detail: str = "Not there."
    ) -> None:
        """Have lists say that a pod manager does not tell of itself; its nodes are stale."""
        self.troubles.append(_assets.trouble(self.podmanagers.get(podm), code, detail))

    def fail(
        self,
        operation: str,
        *,
        reason: str | None = None,
        code: str = "valence.podmanager.refused",
        detail: str | None = None,
        status: int = 409,
        times: int = 1,
    ) -> None:
        """Let the next operations end in a fault: compose, release, register, unregister."""
        detail = detail or f"The node could not be taken through {operation}."
        self._moves.fail(operation, Refusal(status, code, detail, reason), times)

    def lose(self, method: str, path: str, *, done: bool = True, times: int = 1) -> None:
        """Lose the connection of requests whose path matches (a regular expression).

        ``done``: the service does as asked and only its answer is lost.
        """
        self._trouble(method, path, times, done, None)

    def answer(
        self,
        method: str,
        path: str,
        status: int,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        done: bool = False,
        times: int = 1,
    ) -> None:
        """Answer requests like this instead; a str as body is sent as HTML."""
        self._trouble(method, path, times, done, (status, body, headers or {}))

    def lose_hardware(self, ident: str) -> None:
        """Let a node be missing: somebody deleted it on its pod manager."""
        self._moves.lose_hardware(ident)

    def _trouble(
        self, method: str, path: str, times: int, done: bool, answer: _wire.Answer | None
    ) -> None:
        trouble = _wire.Trouble(method, re.compile(path), times, done, answer)
        self._wire.troubles.append(trouble)

    # The API.

    def _answer(self, method: str, path: str, query: dict[str, str], body: Any) -> _wire.Answer:
        headers = {"X-Openstack-Request-Id": f"req-{uuids.uuid4()}"}
        try:
            handled, status = self._handle(method, path.rstrip("/"), query, body)
        except Refusal as refusal:
            error = {**refusal.form(), "request_id": headers["X-Openstack-Request-Id"]}
            return refusal.status, {"errors": [error]}, headers
        return status, handled, headers

    def _handle(self, method: str, path: str, query: dict[str, str], body: Any) -> _Handled:
        allowed = False
        for verb, pattern, handler in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                return handler(
                    self,
                    *match.groups(),
                    *((query,) if verb in ("GET", "DELETE") else ()),
                    *((body or {},) if verb in ("POST", "PATCH") else ()),
                )
            allowed = allowed or bool(match)
        if allowed:
            raise Refusal(405, "valence.request.method", f"{path} knows no {method}.")
        raise Refusal(404, "valence.request.unknown_path", f"There is no {path} here.")

    def _versions(self, query: dict[str, str]) -> _Handled:
        return {"versions": [self._version()]}, 200

    def _v1(self, query: dict[str, str]) -> _Handled:
        return {"version": self._version()}, 200

    def _version(self) -> dict[str, Any]:
        links = [{"rel": "self", "href": f"{self.url}/v1/"}]
        return {"id": "v1", "status": "CURRENT", "links": links}

    def _list(self, noun: str, query: dict[str, str]) -> _Handled:
        rows = getattr(self, noun)
        if noun == "nodes":
            for row in list(rows.all()):
                self._moves.look(row)
        if noun in ("systems", "racks", "pooled"):
            return _assets.listed(self, noun, query), 200
        shown = [self._shown(noun, row) for row in rows.all()]
        listed = page(noun, shown, query, f"{self.url}/v1/{noun}")
        if noun == "nodes":
            standing = {row["podm_uuid"] for row in rows.all()}
            listed["errors"] = [one for one in self.troubles if one["podm_id"] in standing]
        return listed, 200

    def _shown(self, noun: str, row: dict[str, Any]) -> dict[str, Any]:
        if noun == "podmanagers":
            return {**row, "usage": _assets.usage(self, row)}
        if noun == "nodes":
            troubled = {one["podm_id"] for one in self.troubles}
            return {**row, "stale": row["podm_uuid"] in troubled}
        return {**row, "systems": _assets.contents(self, row)} if noun == "racks" else row

    def _get(self, noun: str, ident: str, query: dict[str, str]) -> _Handled:
        row = getattr(self, noun).get(ident)
        if noun == "nodes":
            self._moves.look(row)
            row = self.nodes.get(row["uuid"])
        return described(self._shown(noun, row)), 200

    def _update(self, noun: str, ident: str, body: dict[str, Any]) -> _Handled:
        if noun != "podmanagers":
            return described(getattr(self, noun).update(ident, body)), 200
        return described(self.podmanagers.update(ident, _plain(body), ("name", "url"))), 200

    def _create_podmanager(self, body: dict[str, Any]) -> _Handled:
        made = self.podmanagers.add({**_FRESH, **_plain(body)}, unique=("name", "url"))
        return described(made), 201

    def _delete_podmanager(self, ident: str, query: dict[str, str]) -> _Handled:
        row = self.podmanagers.get(ident)
        standing = [node for node in self.nodes.all() if node["podm_uuid"] == row["uuid"]]
        if query.get("force") == "true":
            return self._forget_podmanager(row, standing)
        if standing:
            raise Refusal(
                409,
                "valence.podmanager.in_use",
                f"Pod manager {row['name']} has {len(standing)} nodes: delete them first.",
            )
        self.podmanagers.remove(row)
        return None, 204

    def _forget_podmanager(self, row: dict[str, Any], standing: list[dict[str, Any]]) -> _Handled:
        if row["status"] != "offline":
            detail = f"Something answers at {row['url']}: {row['name']} is not gone."
            raise Refusal(409, "valence.podmanager.reachable", detail)
        held = [
            node["uuid"]
            for node in standing
            if node["managed_by"] or node["state"] not in ("composed", "error")
        ]
        if held:
            detail = f"Nodes are in Ironic, or on their way: {', '.join(held)}."
            raise Refusal(409, "valence.podmanager.in_use", detail)
        for node in standing:
            self.nodes.remove(node)
        self.podmanagers.remove(row)
        told = [
            {field: node.get(field) for field in ("uuid", "name", "path")} for node in standing
        ]
        return {"uuid": row["uuid"], "name": row["name"], "nodes": told}, 200

    def _sync(self, body: dict[str, Any]) -> _Handled:
        return _assets.synced(self, body), 200

    def _create_flavor(self, body: dict[str, Any]) -> _Handled:
        _nodes.check_properties(body.get("properties"))
        return described(self.flavors.add({"description": None, **body}, unique=("name",))), 201

    def _delete_flavor(self, ident: str, query: dict[str, str]) -> _Handled:
        self.flavors.remove(self.flavors.get(ident))
        return None, 204

    def _create_node(self, body: dict[str, Any]) -> _Handled:
        return described(self._moves.compose(body)), 202

    def _delete_node(self, ident: str, query: dict[str, str]) -> _Handled:
        force = query.get("force") == "true"
        return described(self._moves.release(self.nodes.get(ident), force)), 202

    def _manage_node(self, body: dict[str, Any]) -> _Handled:
        return described(self._moves.manage(body)), 201

    def _act_on_node(self, ident: str, body: dict[str, Any]) -> _Handled:
        return described(self._moves.act(self.nodes.get(ident), body)), 200

    def _register(self, ident: str, body: dict[str, Any]) -> _Handled:
        row, status = self._moves.register(self.nodes.get(ident), body)
        return described(row), status

    def _unregister(self, ident: str, body: dict[str, Any]) -> _Handled:
        return described(self._moves.unregister(self.nodes.get(ident))), 202


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """Write a URL in one way, as the service does."""
    url = body.get("url")
    if not isinstance(url, str):
        return dict(body)
    parts = urllib.parse.urlsplit(url)
    port = None if parts.port == {"http": 80, "https": 443}.get(parts.scheme) else parts.port
    path = parts.path.rstrip("/").removesuffix("/redfish/v1")
    where = (parts.hostname or "") + (f":{port}" if port else "")
    return {**body, "url": f"{parts.scheme}://{where}{path}"}


_NOUN = "/v1/(podmanagers|systems|racks|pooled|flavors|nodes)"

_ROUTES: tuple[tuple[str, str, Callable[..., _Handled]], ...] = (
    ("GET", "", FakeValence._versions),
    ("GET", "/v1", FakeValence._v1),
    ("GET", _NOUN, FakeValence._list),
    ("GET", f"{_NOUN}/([^/]+)", FakeValence._get),
    ("PATCH", f"{_NOUN}/([^/]+)", FakeValence._update),
    ("POST", "/v1/podmanagers", FakeValence._create_podmanager),
    ("DELETE", "/v1/podmanagers/([^/]+)", FakeValence._delete_podmanager),
    ("POST", "/v1/pooled/sync", FakeValence._sync),
    ("POST", "/v1/flavors", FakeValence._create_flavor),
    ("DELETE", "/v1/flavors/([^/]+)", FakeValence._delete_flavor),
    ("POST", "/v1/nodes", FakeValence._create_node),
    ("POST", "/v1/nodes/manage", FakeValence._manage_node),
    ("POST", "/v1/nodes/([^/]+)/action", FakeValence._act_on_node),
    ("DELETE", "/v1/nodes/([^/]+)", FakeValence._delete_node),
    ("POST", "/v1/nodes/([^/]+)/register", FakeValence._register),
    ("POST", "/v1/nodes/([^/]+)/unregister", FakeValence._unregister),
)
