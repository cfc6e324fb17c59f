# SPDX-License-Identifier: Apache-2.0

"""Nodes: compose, show, release, register, unregister."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import TypeVar
import uuid as uuids

from oslo_log import log as logging
import werkzeug

from valence import errors
from valence import ledger
from valence import podmanagers
from valence import policies
from valence import scheduler
from valence.api import call as api_call
from valence.api.handlers import freshness
from valence.api.handlers import manage as manage_node
from valence.objects import base
from valence.objects import flavor as flavor_objects
from valence.objects import inventory as inventory_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence.objects import system as system_objects
from valence_conductor import ids

LOG = logging.getLogger(__name__)

T = TypeVar("T")

PLURAL = "nodes"

#: Query parameters that are called otherwise in the table.
RENAMED = {"podm_id": "podm_uuid"}

#: Query parameters that ask what the node's system is like.
CONDITIONS: api_call.Conditions = {
    "rack_id": lambda value: _on_system(system_objects.System.rack_uuid == value),
    "min_cores": lambda value: _on_system(system_objects.System.cores >= value),
    "min_memory_mib": lambda value: _on_system(system_objects.System.memory_mib >= value),
}

#: Columns that tell whose a node is, and where it stands.
WHOSE = ("project_id", "podm_uuid")

#: Fields that the API shows as the row has them.
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
    "interfaces",
    "power_state",
    "managed_by",
    "ironic_uuid",
    "fault",
    "generation",
    "project_id",
    "user_id",
)
MOMENTS = ("task_since", "created_at", "updated_at")

#: What of a row is shown.
READ = (*PLAIN, *MOMENTS, "adopted_as")


def index(call: api_call.Call) -> werkzeug.Response:
    """List nodes."""
    everybodys = call.allowed("valence:node:list_all", None)
    scope = {} if everybodys else policies.owner(call.context.project_id)
    query = call.page_wanted(RENAMED, CONDITIONS, scope)
    rows, more = node_objects.page(call.service.db, query, READ)
    unwell = inventory_objects.list_unavailable(call.service.db, *_whose(query))
    above = call.href(PLURAL)
    views = [_shown(above, dict(zip(READ, row, strict=True)), unwell) for row in rows]
    troubles = freshness.unwell(call, unwell)
    return api_call.answer(freshness.answer_of(call, PLURAL, views, more, troubles))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a node; with refresh, as its pod manager has it now."""
    row = node_objects.get(call.service.db, ident)
    if call.query.get("refresh") and row.state in ("composed", "missing"):
        row = _refreshed(call, row)
    return api_call.answer(view(call, row))


def create(call: api_call.Call) -> werkzeug.Response:
    """Compose a node; the same request with the same uuid again is the same node."""
    service, asked = call.service, call.body
    uuid = base.as_uuid(asked.get("uuid", "")) or str(uuids.uuid4())
    owner = {"project_id": call.context.project_id, "user_id": call.context.user_id}
    fingerprint = node_objects.fingerprint({**asked, **owner})
    known = node_objects.find(service.db, uuid) if "uuid" in asked else None
    if known is not None:
        return _taken_on(call, node_objects.ensure_same_request(known, fingerprint))
    values = {**_requirements(call), "podm_asked": None, "podm_uuid": None}
    if "podm_id" in asked:
        podm = podmanager_objects.get(service.db, asked["podm_id"])
        values.update(podm_asked=podm.uuid, podm_uuid=podm.uuid)
    elif not podmanager_objects.page(service.db, base.Query(limit=1))[0]:
        raise scheduler.none_registered()
    row, new = node_changes.create(
        service.db,
        {
            "uuid": uuid,
            "name": asked.get("name"),
            "description": asked.get("description"),
            "fingerprint": fingerprint,
            "request_id": call.context.request_id,
            **owner,
            **values,
        },
    )
    if new:
        service.submit(ledger.job_of(row))
    return _taken_on(call, row)


def manage(call: api_call.Call) -> werkzeug.Response:
    """Take on a node that a pod manager has already."""
    row = manage_node.take_on(call.service, call.body, call.context.request_id)
    shown = view(call, row)
    return api_call.answer(shown, 201, {"Location": shown["links"][0]["href"]})


def update(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Change the name or the description of a node."""
    row = node_objects.get(call.service.db, ident)
    return api_call.answer(view(call, node_changes.update(call.service.db, row, call.body)))


def action(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Reset a node, or say what it boots from."""
    row = node_objects.get(call.service.db, ident)
    if row.managed_by is not None:
        raise errors.NodeRegistered(
            f"Node {row.uuid} is registered in Ironic as {row.ironic_uuid}, which switches it and "
            "says what it boots from. Ask Ironic, or unregister it first."
        )
    _refuse_unless(row, ("composed",))
    ((name, wanted),) = call.body.items()
    ACTIONS[name](call, row, wanted)
    return api_call.answer(view(call, _refreshed(call, row)))


def delete(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Release a node; one that is being composed is cancelled and given back."""
    service = call.service
    row = node_objects.get(service.db, ident)
    if row.state == "releasing" and not row.is_cleanup_release:
        return _taken_on(call, row)
    lost = row.state in ("missing", "error")
    if row.managed_by is not None and not (lost and call.query.get("force")):
        way = "DELETE it with ?force=true: its hardware is gone" if lost else "Unregister it first"
        raise errors.NodeRegistered(
            f"Node {row.uuid} is registered in Ironic as {row.ironic_uuid}. {way}."
        )
    if row.state == "composing" or row.is_cleanup_release:
        return _taken_on(call, node_changes.record(service.db, row, release_requested=True))
    _refuse_unless(row, ("composed", "missing", "error"))
    return _begin(call, row, "release", release_requested=True)


def register(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Register a node in Ironic."""
    asked = dict(call.body)
    row = node_objects.get(call.service.db, ident)
    uuid = base.as_uuid(asked.get("uuid", ""))
    if row.state == "registering" and uuid == base.as_uuid(
        (row.registration or {}).get("uuid", "")
    ):
        return _taken_on(call, row)
    _refuse_unless(row, ("composed",))
    unfinished = (row.fault or {}).get("operation") == "register"
    if row.managed_by is not None and not unfinished:
        if uuid == row.ironic_uuid:
            return _taken_on(call, row)
        raise errors.NodeRegistered(
            f"Node {row.uuid} is registered in Ironic as {row.ironic_uuid} already. Use that one, "
            "or unregister it first."
        )
    if row.managed_by is not None and uuid not in (None, row.ironic_uuid):
        raise errors.NodeRegistered(
            f"Ironic may still have node {row.uuid} as {row.ironic_uuid}. Unregister it, or "
            "register it with that uuid."
        )
    call.service.ironic.ping()
    fresh = ids.derive_uuid("ironic", row.uuid, row.generation + 1)
    ironic_uuid = row.ironic_uuid if row.managed_by else (uuid or fresh)
    return _begin(call, row, "register", ironic_uuid=ironic_uuid, registration=asked)


def unregister(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Have Ironic forget a node; it stays composed."""
    row = node_objects.get(call.service.db, ident)
    if row.state == "unregistering":
        return _taken_on(call, row)
    if row.managed_by is None:
        raise errors.NodeNotRegistered(
            f"Node {row.uuid} is not registered in Ironic: there is nothing to undo."
        )
    _refuse_unless(row, ("composed", "missing"))
    call.service.ironic.ping()
    return _begin(call, row, "unregister")


def view(call: api_call.Call, row: node_objects.Node) -> Mapping[str, Any]:
    """Give a node as the API shows it."""
    podm = row.podm_uuid
    unwell = [podm] if podm and podmanager_objects.is_unavailable(call.service.db, podm) else []
    return _shown(call.href(PLURAL), {field: getattr(row, field) for field in READ}, unwell)


def _shown(above: str, fields: dict[str, Any], unwell: Collection[str]) -> Mapping[str, Any]:
    """Make a row's fields those that the API shows.

    :param above: URL of all nodes.
    :param unwell: uuids of the pod managers that are not online.
    """
    fields["podm_id"] = fields["podm_uuid"]
    fields["adopted"] = fields.pop("adopted_as") is not None
    fields["stale"] = fields["podm_uuid"] in unwell
    fields["links"] = [{"rel": "self", "href": f"{above}/{fields['uuid']}"}]
    return fields


def _whose(query: base.Query) -> list[Any]:
    """Give the conditions of a listing that say whose nodes, and on which pod manager.

    What else it asks for, such as a state, may have changed where nobody can look.
    """
    said = [*query.filters.items(), *query.scope.items()]
    return [getattr(node_objects.Node, field) == value for field, value in said if field in WHOSE]


def _on_system(condition: Any) -> Any:
    return node_objects.Node.uuid.in_(system_objects.of_nodes(condition))


def _requirements(call: api_call.Call) -> dict[str, Any]:
    """Find what is to be composed; a flavor is copied, and may change afterwards."""
    if "properties" in call.body:
        return {"flavor_id": None, "properties": call.body["properties"]}
    flavor = flavor_objects.get(call.service.db, call.body["flavor_id"])
    return {"flavor_id": flavor.uuid, "properties": flavor.properties}


def _begin(
    call: api_call.Call, row: node_objects.Node, operation: str, **values: Any
) -> werkzeug.Response:
    service = call.service
    begun = node_changes.begin(
        service.db, row, operation, request_id=call.context.request_id, **values
    )
    service.submit(ledger.job_of(begun))
    return _taken_on(call, begun)


def _taken_on(call: api_call.Call, row: node_objects.Node) -> werkzeug.Response:
    """Answer 202 while there is something to do for a node, and 200 when it is done."""
    shown = view(call, row)
    status = 202 if row.state in node_objects.OPERATION_OF_STATE else 200
    return api_call.answer(shown, status, {"Location": shown["links"][0]["href"]})


def _refuse_unless(row: node_objects.Node, states: tuple[str, ...]) -> None:
    if row.state not in states:
        raise errors.NodeBusy(
            f"Node {row.uuid} is {row.state}; this needs it to be {' or '.join(states)}. Wait "
            "until it is, or delete it if it is in error."
        )


def _refreshed(call: api_call.Call, row: node_objects.Node) -> node_objects.Node:
    """Read a node from its pod manager: two requests, and a listing when it is gone."""
    try:
        seen = _ask(call, row, lambda driver, path: driver.read(path))
    except errors.PodManagerNodeGone:
        if _is_listed(call, row):
            raise
        return _missing(call, row)
    if not _is_ours(row, seen.name):
        return _missing(call, row)
    if row.state == "missing":
        row = node_changes.record_presence(call.service.db, row, "composed")
    found = {"system_path": seen.system_path, "power_state": seen.power_state}
    if all(getattr(row, field) == value for field, value in found.items()):
        return row
    return node_changes.record(call.service.db, row, **found)


def _missing(call: api_call.Call, row: node_objects.Node) -> node_objects.Node:
    """Note that the hardware of a node is gone."""
    return (
        node_changes.record_presence(call.service.db, row, "missing")
        if row.state == "composed"
        else row
    )


def _is_listed(call: api_call.Call, row: node_objects.Node) -> bool:
    """Tell whether a pod manager lists a node, which alone says that it is there."""
    return _ask(call, row, lambda driver, path: driver.exists(path))


def _is_ours(row: node_objects.Node, name: str | None) -> bool:
    """Tell whether what is at the path of a node is that node: a path can be given again."""
    return name in (None, row.redfish_name)


def _ask(
    call: api_call.Call, row: node_objects.Node, ask: Callable[[podmanagers.Driver, str], T]
) -> T:
    """Ask the pod manager of a node, and note how it answers."""
    drivers, podm_uuid = call.service.drivers, row.podm_uuid or ""
    try:
        answer = ask(drivers.get(podm_uuid), row.path or "")
    except errors.ValenceError as exc:
        drivers.record_status(podm_uuid, exc)
        raise
    drivers.record_status(podm_uuid)
    return answer


def _reset(call: api_call.Call, row: node_objects.Node, wanted: Mapping[str, str]) -> None:
    controls = _controls(call, row)
    if controls.reset_target is None:
        raise errors.RequestInvalid(f"The pod manager offers no Reset of node {row.uuid}.")
    _must_be_offered("Reset.Type", wanted["Type"], controls.reset_types)
    _ask(call, row, lambda driver, _path: driver.reset(controls, wanted["Type"]))
    LOG.info("Node %s is reset (%s)", row.uuid, wanted["Type"])


def _boot(call: api_call.Call, row: node_objects.Node, wanted: Mapping[str, str]) -> None:
    offered = _controls(call, row).boot
    override = {}
    for word, value in {"Enabled": "Once", **wanted}.items():
        name = f"BootSourceOverride{word}"
        _must_be_offered(f"Boot.{word}", value, offered.get(name, ()))
        override[name] = value
    _ask(call, row, lambda driver, path: driver.set_boot(path, override))
    LOG.info("Node %s boots from %s (%s)", row.uuid, wanted["Target"], override)


#: What may be asked of a composed node.
ACTIONS: Mapping[str, Callable[[api_call.Call, node_objects.Node, Mapping[str, str]], None]] = {
    "Reset": _reset,
    "Boot": _boot,
}


def _controls(call: api_call.Call, row: node_objects.Node) -> podmanagers.Controls:
    """Look what a node offers, and see that it is the node, and not its path's next one.

    :raises PodManagerNodeGone: it is not.
    """
    try:
        controls = _ask(call, row, lambda driver, path: driver.controls(path))
    except errors.PodManagerNodeGone:
        if not _is_listed(call, row):
            _missing(call, row)
        raise
    if not _is_ours(row, controls.name):
        _missing(call, row)
        raise errors.PodManagerNodeGone(
            f"{row.path} of pod manager {row.podm_uuid} is {controls.name!r} now: node {row.uuid} "
            "is gone. Delete it."
        )
    return controls


def _must_be_offered(what: str, value: str, offered: Sequence[str] | None) -> None:
    """Refuse a word that a pod manager does not offer; one that says nothing decides itself."""
    if offered is not None and value not in offered:
        words = f"It offers {', '.join(offered)}." if offered else "It offers none."
        raise errors.RequestInvalid(
            f"body.{what}: the pod manager does not offer {value!r} for this node. {words}"
        )
