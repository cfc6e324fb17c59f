# SPDX-License-Identifier: Apache-2.0

"""The part of Ironic's API that the clients of this project use, as a table of routes."""

from collections.abc import Callable
from collections.abc import Mapping
import json
import re
from typing import Any

from tests.fake_ironic.nodes import IronicError
from tests.fake_ironic.nodes import Nodes

VERSIONS = {
    "X-OpenStack-Ironic-API-Minimum-Version": "1.1",
    "X-OpenStack-Ironic-API-Maximum-Version": "1.115",
    "X-OpenStack-Ironic-API-Version": "1.115",
}

#: (status, body) of a response; a body of None is empty.
Reply = tuple[int, Any]

Query = Mapping[str, str]


def respond(nodes: Nodes, method: str, path: str, query: Query, body: Any) -> Reply:
    """Handle a request; 501 for one that the fake does not implement."""
    for route_method, pattern, handle in ROUTES:
        match = re.fullmatch(pattern, path.rstrip("/"))
        if match and route_method == method:
            try:
                return handle(nodes, match.groups(), query, body)
            except IronicError as exc:
                return exc.status, error(str(exc))
    return 501, error(f"The fake Ironic has no {method} {path}.")


def error(message: str) -> dict[str, str]:
    """Return the body of an error as Ironic formats it: JSON in a string in JSON."""
    fault = {"faultcode": "Client", "faultstring": message, "debuginfo": None}
    return {"error_message": json.dumps(fault)}


def _root(_nodes: Nodes, _args: Any, _query: Query, _body: Any) -> Reply:
    version = {"id": "v1", "links": [], "status": "CURRENT"}
    version |= {"min_version": "1.1", "version": "1.115"}
    return 200, {"default_version": version, "versions": [version], "name": "Ironic"}


def _v1(_nodes: Nodes, _args: Any, _query: Query, _body: Any) -> Reply:
    return 200, {"id": "v1", "version": {"min_version": "1.1", "version": "1.115"}}


def _list_nodes(nodes: Nodes, _args: Any, query: Query, _body: Any) -> Reply:
    listed = list(nodes.nodes.values())[: int(query.get("limit", 0)) or 1000]
    return 200, {"nodes": [_fields(node, query) for node in listed]}


def _create_node(nodes: Nodes, _args: Any, _query: Query, body: Any) -> Reply:
    return 201, nodes.create(body)


def _read_node(nodes: Nodes, args: Any, query: Query, _body: Any) -> Reply:
    return 200, _fields(nodes.read(*args), query)


def _patch_node(nodes: Nodes, args: Any, _query: Query, body: Any) -> Reply:
    return 200, nodes.patch(nodes.get(*args), body)


def _delete_node(nodes: Nodes, args: Any, _query: Query, _body: Any) -> Reply:
    nodes.delete(nodes.get(*args))
    return 204, None


def _provision(nodes: Nodes, args: Any, _query: Query, body: Any) -> Reply:
    nodes.provision(nodes.get(*args), body["target"], body.get("configdrive"))
    return 202, None


def _set_maintenance(nodes: Nodes, args: Any, _query: Query, _body: Any) -> Reply:
    nodes.set_maintenance(nodes.get(*args), True)
    return 202, None


def _unset_maintenance(nodes: Nodes, args: Any, _query: Query, _body: Any) -> Reply:
    nodes.set_maintenance(nodes.get(*args), False)
    return 202, None


def _set_traits(nodes: Nodes, args: Any, _query: Query, body: Any) -> Reply:
    nodes.set_traits(nodes.get(*args), body["traits"])
    return 204, None


def _history(nodes: Nodes, args: Any, _query: Query, _body: Any) -> Reply:
    return 200, {"history": nodes.history.get(nodes.get(*args)["uuid"], [])}


def _list_ports(nodes: Nodes, _args: Any, query: Query, _body: Any) -> Reply:
    filters = {"address": query.get("address"), "node_uuid": query.get("node")}
    listed = [
        port
        for port in nodes.ports.values()
        if all(value is None or port[field] == value for field, value in filters.items())
    ]
    return 200, {"ports": listed}


def _create_port(nodes: Nodes, _args: Any, _query: Query, body: Any) -> Reply:
    return 201, nodes.create_port(body)


Handler = Callable[[Nodes, Any, Query, Any], Reply]

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "", _root),
    ("GET", "/v1", _v1),
    ("GET", "/v1/nodes(?:/detail)?", _list_nodes),
    ("POST", "/v1/nodes", _create_node),
    ("GET", "/v1/nodes/([^/]+)", _read_node),
    ("PATCH", "/v1/nodes/([^/]+)", _patch_node),
    ("DELETE", "/v1/nodes/([^/]+)", _delete_node),
    ("PUT", "/v1/nodes/([^/]+)/states/provision", _provision),
    ("PUT", "/v1/nodes/([^/]+)/maintenance", _set_maintenance),
    ("DELETE", "/v1/nodes/([^/]+)/maintenance", _unset_maintenance),
    ("PUT", "/v1/nodes/([^/]+)/traits", _set_traits),
    ("GET", "/v1/nodes/([^/]+)/history", _history),
    ("GET", "/v1/ports(?:/detail)?", _list_ports),
    ("POST", "/v1/ports", _create_port),
)


def _fields(node: dict[str, Any], query: Query) -> dict[str, Any]:
    names = query.get("fields")
    secrets = {key: "******" for key in node["driver_info"] if "password" in key}
    node = {**node, "driver_info": {**node["driver_info"], **secrets}}
    return {key: node.get(key) for key in names.split(",")} if names else node
