# SPDX-License-Identifier: Apache-2.0

"""Nodes: compose, adopt, show, change, release, register, unregister."""

from collections.abc import Collection
from collections.abc import Mapping
from typing import Any
import uuid as uuids

import werkzeug

from valence import errors
from valence import ledger
from valence import policies
from valence import scheduler
from valence.api import call as api_call
from valence.api.handlers import freshness as freshness_handlers
from valence.api.handlers import manage as manage_handlers
from valence.api.handlers import node_action
from valence.api.handlers import node_identity
from valence.api.handlers import node_refresh
from valence.objects import base as objects_base
from valence.objects import flavor as flavor_objects
from valence.objects import inventory as inventory_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence.objects import system as system_objects
from valence_conductor import ids

PLURAL = "nodes"

#: query parameter -> column, where the names differ
RENAMED = {"podm_id": "podm_uuid"}

#: Filters by the properties of the node's system.
CONDITIONS: api_call.Conditions = {
    "rack_id": lambda value: _on_system(system_objects.System.rack_uuid == value),
    "min_cores": lambda value: _on_system(system_objects.System.cores >= value),
    "min_memory_mib": lambda value: _on_system(system_objects.System.memory_mib >= value),
}

#: Columns that determine the owner of a node, and its pod manager.
OWNER_COLUMNS = ("project_id", "podm_uuid")

#: Fields that the API shows as they are in the row.
PLAIN = (
    "uuid",
    "name",
    "description",
    "state",
    "task",
    "podm_uuid",
    "flavor_id",
    "properties",
    "path",
    "system_path",
    "identity",
    "interfaces",
    "power_state",
    "managed_by",
    "ironic_uuid",
    "fault",
    "generation",
    "project_id",
    "user_id",
)
TIMES = ("task_since", "created_at", "updated_at")

#: Columns that a view is made of.
READ = (*PLAIN, *TIMES, "adopted_as")


def index(call: api_call.Call) -> werkzeug.Response:
    """List nodes."""
    all_projects = call.allowed("valence:node:list_all", None)
    scope = {} if all_projects else policies.owner(call.context.project_id)
    query = call.page_query(RENAMED, CONDITIONS, scope)
    rows, more = node_objects.page(call.service.db, query, READ)
    unavailable = inventory_objects.list_unavailable(call.service.db, *_owner_conditions(query))
    collection = call.href(PLURAL)
    views = [_view(collection, dict(zip(READ, row, strict=True)), unavailable) for row in rows]
    podm_errors = freshness_handlers.unavailable_errors(call, unavailable)
    return api_call.json_response(freshness_handlers.page(call, PLURAL, views, more, podm_errors))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a node; with refresh, as its pod manager has it now."""
    row = node_objects.get(call.service.db, ident)
    if call.query.get("refresh") and row.state in ("composed", "missing"):
        row = node_refresh.refresh(call, row)
    return api_call.json_response(view(call, row))


def create(call: api_call.Call) -> werkzeug.Response:
    """Compose a node; the same request with the same uuid again is the same node."""
    service, request = call.service, call.body
    uuid = objects_base.as_uuid(request.get("uuid", "")) or str(uuids.uuid4())
    owner = {"project_id": call.context.project_id, "user_id": call.context.user_id}
    fingerprint = node_objects.fingerprint({**request, **owner})
    existing = node_objects.find(service.db, uuid) if "uuid" in request else None
    if existing is not None:
        return _accepted(call, node_objects.ensure_same_request(existing, fingerprint))
    values = {**_requirements(call), "podm_asked": None, "podm_uuid": None}
    if "podm_id" in request:
        podm = podmanager_objects.get(service.db, request["podm_id"])
        values.update(podm_asked=podm.uuid, podm_uuid=podm.uuid)
    elif not podmanager_objects.page(service.db, objects_base.Query(limit=1))[0]:
        raise scheduler.none_registered()
    row, new = node_changes.create(
        service.db,
        {
            "uuid": uuid,
            "name": request.get("name"),
            "description": request.get("description"),
            "fingerprint": fingerprint,
            "request_id": call.context.request_id,
            **owner,
            **values,
        },
    )
    if new:
        service.submit(ledger.job_of(row))
    return _accepted(call, row)


def manage(call: api_call.Call) -> werkzeug.Response:
    """Adopt a node that exists on a pod manager already."""
    row = manage_handlers.adopt(call.service, call.body, call.context.request_id)
    body = view(call, row)
    return api_call.json_response(body, 201, {"Location": body["links"][0]["href"]})


def update(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Change the name or the description of a node."""
    row = node_objects.get(call.service.db, ident)
    return api_call.json_response(view(call, node_changes.update(call.service.db, row, call.body)))


def action(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Reset a node, or set from what it boots."""
    row = node_objects.get(call.service.db, ident)
    if row.managed_by is not None:
        raise errors.NodeRegistered(
            f"Node {row.uuid} is registered in Ironic as {row.ironic_uuid}, which controls its "
            "power and its boot source. Use Ironic for that, or unregister the node first."
        )
    _require_state(row, ("composed",))
    ((name, arguments),) = call.body.items()
    node_action.ACTIONS[name](call, row, arguments)
    return api_call.json_response(view(call, node_refresh.refresh(call, row)))


def delete(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Release a node; the composition of an unfinished one is cancelled."""
    service = call.service
    row = node_objects.get(service.db, ident)
    if row.state == "releasing" and not row.is_cleanup_release:
        return _accepted(call, row)
    lost = row.state in ("missing", "error")
    if row.managed_by is not None and not (lost and call.query.get("force")):
        hint = (
            "Its hardware is gone: DELETE it with ?force=true" if lost else "Unregister it first"
        )
        raise errors.NodeRegistered(
            f"Node {row.uuid} is registered in Ironic as {row.ironic_uuid}. {hint}."
        )
    if row.state == "composing" or row.is_cleanup_release:
        return _accepted(call, node_changes.record(service.db, row, release_requested=True))
    _require_state(row, ("composed", "missing", "error"))
    return _begin(call, row, "release", release_requested=True)


def register(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Register a node in Ironic."""
    registration = dict(call.body)
    row = node_objects.get(call.service.db, ident)
    uuid = objects_base.as_uuid(registration.get("uuid", ""))
    if row.state == "registering" and uuid == objects_base.as_uuid(
        (row.registration or {}).get("uuid", "")
    ):
        return _accepted(call, row)
    _require_state(row, ("composed",))
    unfinished = (row.fault or {}).get("operation") == "register"
    if row.managed_by is not None and not unfinished:
        if uuid == row.ironic_uuid:
            return _accepted(call, row)
        raise errors.NodeRegistered(
            f"Node {row.uuid} is already registered in Ironic as {row.ironic_uuid}. Use that "
            "one, or unregister it first."
        )
    if row.managed_by is not None and uuid not in (None, row.ironic_uuid):
        raise errors.NodeRegistered(
            f"Ironic may still have node {row.uuid} as {row.ironic_uuid}. Unregister it, or "
            "register it with that uuid."
        )
    call.service.ironic.ping()
    if row.managed_by is None:
        row = node_refresh.verify(call, row)
    derived = ids.derive_uuid("ironic", row.uuid, row.generation + 1)
    ironic_uuid = row.ironic_uuid if row.managed_by else (uuid or derived)
    return _begin(call, row, "register", ironic_uuid=ironic_uuid, registration=registration)


def unregister(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Delete a node in Ironic; it stays composed."""
    row = node_objects.get(call.service.db, ident)
    if row.state == "unregistering":
        return _accepted(call, row)
    if row.managed_by is None:
        raise errors.NodeNotRegistered(
            f"Node {row.uuid} is not registered in Ironic, so it cannot be unregistered."
        )
    _require_state(row, ("composed", "missing"))
    call.service.ironic.ping()
    return _begin(call, row, "unregister")


def adopt_path(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Record that a node is what is at a path of its pod manager now."""
    row = node_objects.get(call.service.db, ident)
    row = node_identity.adopt_path(call, row, call.body["path"])
    return api_call.json_response(view(call, row))


def forget(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Delete the row of a node that is gone."""
    node_identity.forget(call, node_objects.get(call.service.db, ident))
    return api_call.json_response(status=204)


def view(call: api_call.Call, row: node_objects.Node) -> Mapping[str, Any]:
    """Return a node as the API shows it."""
    podm, db = row.podm_uuid, call.service.db
    unavailable = [podm] if podm and podmanager_objects.is_unavailable(db, podm) else []
    return _view(call.href(PLURAL), {field: getattr(row, field) for field in READ}, unavailable)


def _view(
    collection: str, fields: dict[str, Any], unavailable: Collection[str]
) -> Mapping[str, Any]:
    """Turn the columns of a row into the fields that the API shows.

    :param collection: URL of all nodes.
    :param unavailable: uuids of the pod managers that are not online.
    """
    fields["podm_id"] = fields["podm_uuid"]
    fields["adopted"] = fields.pop("adopted_as") is not None
    fields["stale"] = fields["podm_uuid"] in unavailable
    fields["links"] = [{"rel": "self", "href": f"{collection}/{fields['uuid']}"}]
    return fields


def _owner_conditions(query: objects_base.Query) -> list[Any]:
    """Return the conditions of a listing on the owner and on the pod manager of nodes.

    Other filters are left out: a state, for example, may have changed on a pod manager that
    is unavailable.
    """
    filters = [*query.filters.items(), *query.scope.items()]
    return [
        getattr(node_objects.Node, column) == value
        for column, value in filters
        if column in OWNER_COLUMNS
    ]


def _on_system(condition: Any) -> Any:
    return node_objects.Node.uuid.in_(system_objects.of_nodes(condition))


def _requirements(call: api_call.Call) -> dict[str, Any]:
    """Return what to compose; a flavor is copied, since it may change afterwards."""
    if "properties" in call.body:
        return {"flavor_id": None, "properties": call.body["properties"]}
    flavor = flavor_objects.get(call.service.db, call.body["flavor_id"])
    return {"flavor_id": flavor.uuid, "properties": flavor.properties}


def _begin(
    call: api_call.Call, row: node_objects.Node, operation: str, **values: Any
) -> werkzeug.Response:
    service = call.service
    row = node_changes.begin(
        service.db, row, operation, request_id=call.context.request_id, **values
    )
    service.submit(ledger.job_of(row))
    return _accepted(call, row)


def _accepted(call: api_call.Call, row: node_objects.Node) -> werkzeug.Response:
    """Return 202 while an operation on the node is unfinished, and 200 when there is none."""
    body = view(call, row)
    status = 202 if row.state in node_objects.OPERATION_OF_STATE else 200
    return api_call.json_response(body, status, {"Location": body["links"][0]["href"]})


def _require_state(row: node_objects.Node, states: tuple[str, ...]) -> None:
    if row.state not in states:
        raise errors.NodeBusy(
            f"Node {row.uuid} is {row.state}, and this operation requires it to be "
            f"{' or '.join(states)}. Wait until it is, or delete it if it is in error."
        )
