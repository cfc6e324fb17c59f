# SPDX-License-Identifier: Apache-2.0

"""The fake service: its routes and handlers, and the methods for tests."""

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

from valenceclient.client import Client
from valenceclient.fault import Cleanup
from valenceclient.testing import _assets
from valenceclient.testing import _nodes
from valenceclient.testing import _wire
from valenceclient.testing._rows import page
from valenceclient.testing._rows import public_fields
from valenceclient.testing._rows import Refusal
from valenceclient.testing._store import Store

#: Default fields of a pod manager.
_DEFAULTS: Mapping[str, Any] = {
    "driver": "rsd",
    "username": None,
    "verify_ca": True,
    "ca": None,
    "client_cert": None,
    "enabled": True,
    "tags": [],
    "status": "online",
    "kept_facts": None,
    "limitations": [],
    "status_reason": None,
    "service_uuid": None,
}

#: (row or body, status)
_Result = tuple[Any, int]


class FakeValence(Store):
    """An in-memory Valence that has one pod manager, ``pod-1``, at the start.

    Its rows and settings are those of :class:`Store`; ``polls``: how many GETs of
    a node still show its operation running.
    """

    def __init__(self, polls: int = 1, url: str = "http://valence.test:8881") -> None:
        super().__init__(polls, url)
        self._moves = _nodes.NodeOperations(self)
        self._wire = _wire.Wire(self._answer)
        self.add_podmanager("pod-1")

    # Methods for tests.

    def client(self, **options: Any) -> Client:
        """Return a client of this service that does not pause between polls."""
        return Client(session=self.session(), **{"poll_interval": 0.0, **options})

    def session(self) -> ksa_session.Session:
        """Return a session that reaches this service and nothing else."""
        session = ksa_session.Session(auth=noauth.NoAuth(endpoint=self.url))
        self.mount(session)
        return session

    def mount(self, session: Any) -> None:
        """Route the requests of a session (keystoneauth's or requests') to ``url`` here."""
        session.mount(self.url, self._wire)

    @contextlib.contextmanager
    def intercept(self) -> Iterator[None]:
        """Route the requests of every session to ``url`` here, within the context."""
        original = requests.Session.get_adapter

        def get_adapter(session: requests.Session, url: str) -> Any:
            return self._wire if url.startswith(self.url) else original(session, url)

        with mock.patch.object(requests.Session, "get_adapter", get_adapter):
            yield

    @property
    def calls(self) -> list[_wire.Call]:
        """Every request that arrived, in order, including those whose response was lost."""
        return self._wire.calls

    def add_podmanager(self, name: str, **fields: Any) -> dict[str, Any]:
        """Add a pod manager and return it, as if it had been registered."""
        url = f"https://{name}.test"
        return self._create_podmanager({"name": name, "url": url, **fields})[0]

    def add_flavor(self, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Add a flavor and return it."""
        return self._create_flavor({"name": name, "properties": dict(properties)})[0]

    def add_rack(self, name: str, podm: str = "pod-1", **fields: Any) -> dict[str, Any]:
        """Add a rack and return its row, as if its pod manager had reported it."""
        return self.racks.add(_assets.rack(self.podmanagers.get(podm), name, fields))

    def add_system(self, name: str, podm: str = "pod-1", **fields: Any) -> dict[str, Any]:
        """Add a system and return its row, as if its pod manager had reported it."""
        return self.systems.add(_assets.system(self.podmanagers.get(podm), name, fields))

    def add_finding(self, kind: str, podm: str = "pod-1", **fields: Any) -> dict[str, Any]:
        """Add a finding and return its row, as if an audit had found it."""
        return self.findings.add(_assets.finding(self.podmanagers.get(podm), kind, fields))

    def add_device(self, kind: str, podm: str = "pod-1", **fields: Any) -> dict[str, Any]:
        """Add a pooled device and return its row, as if its pod manager had reported it."""
        return self.pooled.add(_assets.device(self.podmanagers.get(podm), kind, fields))

    def trouble(
        self, podm: str, code: str = "valence.podmanager.unreachable", detail: str = "Unreachable."
    ) -> None:
        """Add a pod manager to the ``errors`` of lists; its nodes are stale from now on."""
        self.troubles.append(_assets.trouble(self.podmanagers.get(podm), code, detail))

    def fail(
        self,
        operation: str,
        *,
        reason: str | None = None,
        code: str = "valence.podmanager.refused",
        detail: str | None = None,
        status: int = 409,
        cleanup: Cleanup | None = None,
        times: int = 1,
    ) -> None:
        """Make the next operations of this kind end in a fault.

        :param operation: compose, release, register or unregister.
        """
        detail = detail or f"The operation {operation} failed."
        self._moves.fail(operation, Refusal(status, code, detail, reason, cleanup), times)

    def lose(self, method: str, path: str, *, done: bool = True, times: int = 1) -> None:
        """Break the connection of the next matching requests.

        :param path: a regular expression.
        :param done: the service carries out the request and only its response is lost.
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
        """Answer the next matching requests like this instead.

        :param path: a regular expression.
        :param body: a str is sent as HTML, everything else as JSON.
        :param done: the service carries out the request all the same.
        """
        self._trouble(method, path, times, done, (status, body, headers or {}))

    def lose_hardware(self, ident: str) -> None:
        """Make a node missing, as if another client had deleted it on its pod manager."""
        self._moves.lose_hardware(ident)

    def contradict(self, ident: str) -> None:
        """Put a node into a conflict of facts, as if another machine were at its path."""
        self._moves.contradict(ident)

    def _trouble(
        self, method: str, path: str, times: int, done: bool, answer: _wire.Answer | None
    ) -> None:
        trouble = _wire.Trouble(method, re.compile(path), times, done, answer)
        self._wire.troubles.append(trouble)

    # The API.

    def _answer(self, method: str, path: str, query: dict[str, str], body: Any) -> _wire.Answer:
        headers = {"X-Openstack-Request-Id": f"req-{uuids.uuid4()}"}
        try:
            result, status = self._handle(method, path.rstrip("/"), query, body)
        except Refusal as refusal:
            error = {**refusal.form(), "request_id": headers["X-Openstack-Request-Id"]}
            return refusal.status, {"errors": [error]}, headers
        return status, result, headers

    def _handle(self, method: str, path: str, query: dict[str, str], body: Any) -> _Result:
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
            raise Refusal(405, "valence.request.method", f"{path} does not allow {method}.")
        raise Refusal(404, "valence.request.unknown_path", f"There is no {path}.")

    def _versions(self, query: dict[str, str]) -> _Result:
        return {"versions": [self._version()]}, 200

    def _v1(self, query: dict[str, str]) -> _Result:
        return {"version": self._version()}, 200

    def _version(self) -> dict[str, Any]:
        links = [{"rel": "self", "href": f"{self.url}/v1/"}]
        return {"id": "v1", "status": "CURRENT", "links": links}

    def _list(self, noun: str, query: dict[str, str]) -> _Result:
        rows = getattr(self, noun)
        if noun == "nodes":
            for row in list(rows.all()):
                self._moves.poll(row)
        if noun in ("systems", "racks", "pooled"):
            return _assets.list_page(self, noun, query), 200
        views = [_assets.view(self, noun, row) for row in rows.all()]
        body = page(noun, views, query, f"{self.url}/v1/{noun}")
        if noun == "nodes":
            podms = {row["podm_uuid"] for row in rows.all()}
            body["errors"] = [one for one in self.troubles if one["podm_id"] in podms]
        return body, 200

    def _get(self, noun: str, ident: str, query: dict[str, str]) -> _Result:
        row = getattr(self, noun).get(ident)
        if noun == "nodes":
            self._moves.poll(row)
            row = self.nodes.get(row["uuid"])
        return public_fields(_assets.view(self, noun, row)), 200

    def _update(self, noun: str, ident: str, body: dict[str, Any]) -> _Result:
        if noun != "podmanagers":
            return public_fields(getattr(self, noun).update(ident, body)), 200
        return public_fields(
            self.podmanagers.update(ident, _normalized(body), ("name", "url"))
        ), 200

    def _create_podmanager(self, body: dict[str, Any]) -> _Result:
        row = self.podmanagers.add({**_DEFAULTS, **_normalized(body)}, unique=("name", "url"))
        return public_fields(row), 201

    def _accept_identity(self, ident: str, body: dict[str, Any]) -> _Result:
        accepted = {"status": "online", "status_reason": None}
        row = self.podmanagers.update(ident, {**_normalized(body), **accepted}, ("url",))
        return public_fields(row), 200

    def _delete_podmanager(self, ident: str, query: dict[str, str]) -> _Result:
        row = self.podmanagers.get(ident)
        nodes = [node for node in self.nodes.all() if node["podm_uuid"] == row["uuid"]]
        if query.get("force") == "true":
            return self._forget_podmanager(row, nodes)
        if nodes:
            raise Refusal(
                409,
                "valence.podmanager.in_use",
                f"Pod manager {row['name']} has {len(nodes)} nodes: delete them first.",
            )
        self.podmanagers.remove(row)
        return None, 204

    def _forget_podmanager(self, row: dict[str, Any], nodes: list[dict[str, Any]]) -> _Result:
        if row["status"] != "offline":
            detail = f"A server answers at {row['url']}: {row['name']} still exists."
            raise Refusal(409, "valence.podmanager.reachable", detail)
        busy = [
            node["uuid"]
            for node in nodes
            if node["managed_by"] or node["state"] not in ("composed", "error")
        ]
        if busy:
            detail = f"Nodes are in Ironic, or have an operation running: {', '.join(busy)}."
            raise Refusal(409, "valence.podmanager.in_use", detail)
        for node in nodes:
            self.nodes.remove(node)
        self.podmanagers.remove(row)
        rows = [{field: node.get(field) for field in ("uuid", "name", "path")} for node in nodes]
        return {"uuid": row["uuid"], "name": row["name"], "nodes": rows}, 200

    def _sync(self, body: dict[str, Any]) -> _Result:
        return _assets.sync(self, body), 200

    def _create_flavor(self, body: dict[str, Any]) -> _Result:
        _nodes.check_properties(body.get("properties"))
        return public_fields(
            self.flavors.add({"description": None, **body}, unique=("name",))
        ), 201

    def _delete_flavor(self, ident: str, query: dict[str, str]) -> _Result:
        self.flavors.remove(self.flavors.get(ident))
        return None, 204

    def _create_node(self, body: dict[str, Any]) -> _Result:
        return public_fields(self._moves.compose(body)), 202

    def _delete_node(self, ident: str, query: dict[str, str]) -> _Result:
        force = query.get("force") == "true"
        return public_fields(self._moves.release(self.nodes.get(ident), force)), 202

    def _manage_node(self, body: dict[str, Any]) -> _Result:
        return public_fields(self._moves.manage(body)), 201

    def _act_on_node(self, ident: str, body: dict[str, Any]) -> _Result:
        return public_fields(self._moves.act(self.nodes.get(ident), body)), 200

    def _adopt_path(self, ident: str, body: dict[str, Any]) -> _Result:
        return public_fields(self._moves.adopt_path(self.nodes.get(ident), body)), 200

    def _forget_node(self, ident: str, body: dict[str, Any]) -> _Result:
        self._moves.forget(self.nodes.get(ident), body)
        return None, 204

    def _register(self, ident: str, body: dict[str, Any]) -> _Result:
        row, status = self._moves.register(self.nodes.get(ident), body)
        return public_fields(row), status

    def _unregister(self, ident: str, body: dict[str, Any]) -> _Result:
        return public_fields(self._moves.unregister(self.nodes.get(ident))), 202


def _normalized(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with its URL normalized, as the service stores it."""
    url = body.get("url")
    if not isinstance(url, str):
        return dict(body)
    parts = urllib.parse.urlsplit(url)
    port = None if parts.port == {"http": 80, "https": 443}.get(parts.scheme) else parts.port
    path = parts.path.rstrip("/").removesuffix("/redfish/v1")
    netloc = (parts.hostname or "") + (f":{port}" if port else "")
    return {**body, "url": f"{parts.scheme}://{netloc}{path}"}


_NOUN = "/v1/(podmanagers|systems|racks|pooled|flavors|nodes)"

_ROUTES: tuple[tuple[str, str, Callable[..., _Result]], ...] = (
    ("GET", "", FakeValence._versions),
    ("GET", "/v1", FakeValence._v1),
    ("GET", _NOUN, FakeValence._list),
    ("GET", "/v1/(findings)", FakeValence._list),
    ("GET", f"{_NOUN}/([^/]+)", FakeValence._get),
    ("PATCH", f"{_NOUN}/([^/]+)", FakeValence._update),
    ("POST", "/v1/podmanagers", FakeValence._create_podmanager),
    ("POST", "/v1/podmanagers/([^/]+)/accept-identity", FakeValence._accept_identity),
    ("DELETE", "/v1/podmanagers/([^/]+)", FakeValence._delete_podmanager),
    ("POST", "/v1/pooled/sync", FakeValence._sync),
    ("POST", "/v1/flavors", FakeValence._create_flavor),
    ("DELETE", "/v1/flavors/([^/]+)", FakeValence._delete_flavor),
    ("POST", "/v1/nodes", FakeValence._create_node),
    ("POST", "/v1/nodes/manage", FakeValence._manage_node),
    ("POST", "/v1/nodes/([^/]+)/action", FakeValence._act_on_node),
    ("POST", "/v1/nodes/([^/]+)/adopt_path", FakeValence._adopt_path),
    ("POST", "/v1/nodes/([^/]+)/forget", FakeValence._forget_node),
    ("DELETE", "/v1/nodes/([^/]+)", FakeValence._delete_node),
    ("POST", "/v1/nodes/([^/]+)/register", FakeValence._register),
    ("POST", "/v1/nodes/([^/]+)/unregister", FakeValence._unregister),
)
