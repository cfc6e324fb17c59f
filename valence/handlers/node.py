# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""Nodes: compose, show, release, register, unregister."""

from collections.abc import Mapping
from typing import Any
import uuid as uuids

import werkzeug

from valence import calls
from valence import errors
from valence import ledger
from valence import scheduler
from valence.objects import base
from valence.objects import flavor as flavors
from valence.objects import node as nodes
from valence.objects import podmanager as podmanagers
from valence.objects import system as systems
from valence_conductor import identity

PLURAL = "nodes"

#: Query parameters that are called otherwise in the table.
RENAMED = {"podm_id": "podm_uuid"}

#: Query parameters that ask what the node's system is like.
CONDITIONS: calls.Conditions = {
    "rack_id": lambda value: _on_system(systems.System.rack_uuid == value),
    "min_cores": lambda value: _on_system(systems.System.cores >= value),
    "min_memory_mib": lambda value: _on_system(systems.System.memory_mib >= value),
}

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
)
MOMENTS = ("task_since", "created_at", "updated_at")

#: What of a row is shown.
READ = (*PLAIN, *MOMENTS)


def index(call: calls.Call) -> werkzeug.Response:
    """List nodes."""
    query = call.page_wanted(RENAMED, CONDITIONS)
    rows, more = nodes.page(call.service.db, query, READ)
    views = [_shown(call, dict(zip(READ, row, strict=True))) for row in rows]
    return calls.answer(call.page(PLURAL, views, more))


def show(call: calls.Call, ident: str) -> werkzeug.Response:
    """Show a node; with refresh, as its pod manager has it now."""
    row = nodes.get(call.service.db, ident)
    if call.query.get("refresh") and row.state == "composed":
        row = _refreshed(call, row)
    return calls.answer(view(call, row))


def create(call: calls.Call) -> werkzeug.Response:
    """Compose a node; the same request with the same uuid again is the same node."""
    service, asked = call.service, call.body
    uuid = base.as_uuid(asked.get("uuid", "")) or str(uuids.uuid4())
    fingerprint = nodes.fingerprint(asked)
    known = nodes.find(service.db, uuid) if "uuid" in asked else None
    if known is not None:
        return _taken_on(call, nodes.same(known, fingerprint))
    values = {**_requirements(call), "podm_asked": None, "podm_uuid": None}
    if "podm_id" in asked:
        podm = podmanagers.get(service.db, asked["podm_id"])
        values.update(podm_asked=podm.uuid, podm_uuid=podm.uuid)
    elif not podmanagers.page(service.db, base.Query(limit=1))[0]:
        raise scheduler.nobody_there()
    row, new = nodes.create(
        service.db,
        {
            "uuid": uuid,
            "name": asked.get("name"),
            "description": asked.get("description"),
            "fingerprint": fingerprint,
            "request_id": call.context.request_id,
            **values,
        },
    )
    if new:
        service.submit(ledger.job_of(row))
    return _taken_on(call, row)


def delete(call: calls.Call, ident: str) -> werkzeug.Response:
    """Release a node; one that is being composed is cancelled and given back."""
    service = call.service
    row = nodes.get(service.db, ident)
    if row.managed_by is not None:
        raise errors.NodeRegistered(
            f"Node {row.uuid} is registered in Ironic as {row.ironic_uuid}. Unregister it first."
        )
    if row.state == "releasing":
        return _taken_on(call, row)
    if row.state == "composing":
        return _taken_on(call, nodes.record(service.db, row, release_requested=True))
    _refuse_unless(row, ("composed", "error"))
    return _begin(call, row, "release")


def register(call: calls.Call, ident: str) -> werkzeug.Response:
    """Register a node in Ironic."""
    asked = dict(call.body)
    row = nodes.get(call.service.db, ident)
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
    fresh = identity.derive("ironic", row.uuid, row.generation + 1)
    ironic_uuid = row.ironic_uuid if row.managed_by else (uuid or fresh)
    return _begin(call, row, "register", ironic_uuid=ironic_uuid, registration=asked)


def unregister(call: calls.Call, ident: str) -> werkzeug.Response:
    """Have Ironic forget a node; it stays composed."""
    row = nodes.get(call.service.db, ident)
    if row.state == "unregistering":
        return _taken_on(call, row)
    if row.managed_by is None:
        raise errors.NodeNotRegistered(
            f"Node {row.uuid} is not registered in Ironic: there is nothing to undo."
        )
    _refuse_unless(row, ("composed",))
    call.service.ironic.ping()
    return _begin(call, row, "unregister")


def view(call: calls.Call, row: nodes.Node) -> Mapping[str, Any]:
    """Give a node as the API shows it."""
    return _shown(call, {field: getattr(row, field) for field in READ})


def _shown(call: calls.Call, fields: dict[str, Any]) -> Mapping[str, Any]:
    for field in MOMENTS:
        fields[field] = calls.moment(fields[field])
    fields["podm_id"] = fields["podm_uuid"]
    fields["links"] = [{"rel": "self", "href": call.href(PLURAL, fields["uuid"])}]
    return fields


def _on_system(condition: Any) -> Any:
    return nodes.Node.uuid.in_(systems.of_nodes(condition))


def _requirements(call: calls.Call) -> dict[str, Any]:
    """Find what is to be composed; a flavor is copied, and may change afterwards."""
    if "properties" in call.body:
        return {"flavor_id": None, "properties": call.body["properties"]}
    flavor = flavors.get(call.service.db, call.body["flavor_id"])
    return {"flavor_id": flavor.uuid, "properties": flavor.properties}


def _begin(call: calls.Call, row: nodes.Node, operation: str, **values: Any) -> werkzeug.Response:
    service = call.service
    begun = nodes.begin(service.db, row, operation, request_id=call.context.request_id, **values)
    service.submit(ledger.job_of(begun))
    return _taken_on(call, begun)


def _taken_on(call: calls.Call, row: nodes.Node) -> werkzeug.Response:
    """Answer 202 while there is something to do for a node, and 200 when it is done."""
    shown = view(call, row)
    status = 202 if row.state in nodes.ASKED_IN else 200
    return calls.answer(shown, status, {"Location": shown["links"][0]["href"]})


def _refuse_unless(row: nodes.Node, states: tuple[str, ...]) -> None:
    if row.state not in states:
        raise errors.NodeBusy(
            f"Node {row.uuid} is {row.state}; this needs it to be {' or '.join(states)}. Wait "
            "until it is, or delete it if it is in error."
        )


def _refreshed(call: calls.Call, row: nodes.Node) -> nodes.Node:
    """Read a node from its pod manager: two requests at the most."""
    drivers = call.service.drivers
    podm_uuid, path = row.podm_uuid or "", row.path or ""
    try:
        seen = drivers.to(podm_uuid).read(path)
    except errors.ValenceError as exc:
        drivers.note(podm_uuid, exc)
        raise
    drivers.note(podm_uuid)
    found = {"system_path": seen.system_path, "power_state": seen.power_state}
    if all(getattr(row, field) == value for field, value in found.items()):
        return row
    return nodes.record(call.service.db, row, **found)
