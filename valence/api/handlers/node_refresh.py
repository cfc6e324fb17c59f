# SPDX-License-Identifier: Apache-2.0

"""Reading a node from its pod manager, and recording whether its hardware still exists."""

from collections.abc import Callable
from typing import TypeVar

from valence import errors
from valence import podmanagers
from valence.api import call as api_call
from valence.flows import conflicts
from valence.flows import identify
from valence.objects import node as node_objects
from valence.objects import node_changes

T = TypeVar("T")


def refresh(call: api_call.Call, row: node_objects.Node) -> node_objects.Node:
    """Read a node from its pod manager, wherever it has it now, and record what has changed.

    Two requests, and a listing if the node is not at its path.
    """
    context = call.service.context
    try:
        row, hardware = _identify(call, row, lambda: identify.read(context, row))
    except errors.PodManagerNodeGone:
        return _record_missing(call, row)
    except errors.NodeIdentityConflict:
        return node_objects.get(context.db, row.uuid)
    if row.state == "missing":
        row = node_changes.record_presence(context.db, row, "composed")
    values = {"system_path": hardware.system_path, "power_state": hardware.power_state}
    if all(getattr(row, field) == value for field, value in values.items()):
        return row
    return node_changes.record(context.db, row, **values)


def verify(call: api_call.Call, row: node_objects.Node) -> node_objects.Node:
    """Return a row whose path is that of its machine now: two requests.

    What contradicts the row is recorded in it.

    :raises PodManagerNodeGone: it no longer exists.
    :raises NodeIdentityConflict: it is not certain which machine it is.
    """
    context = call.service.context
    try:
        return _identify(call, row, lambda: identify.verify(context, row))
    except errors.PodManagerNodeGone:
        _record_missing(call, row)
        raise


def controls(
    call: api_call.Call, row: node_objects.Node
) -> tuple[node_objects.Node, podmanagers.Controls]:
    """Return a row with its path now, and what the pod manager offers for the node.

    :raises ValenceError: as :func:`verify`.
    """
    row = verify(call, row)
    try:
        return row, request(call, row, lambda driver, path: driver.controls(path))
    except errors.PodManagerNodeGone as exc:
        raise identify.listed_and_gone(row) from exc


def request(
    call: api_call.Call, row: node_objects.Node, send: Callable[[podmanagers.Driver, str], T]
) -> T:
    """Call the driver of a node, and record the status of its pod manager.

    :param send: calls a method of the driver with the node's path.
    """
    drivers, podm_uuid = call.service.drivers, row.podm_uuid or ""
    try:
        result = send(drivers.get(podm_uuid), row.path or "")
    except errors.ValenceError as exc:
        drivers.record_status(podm_uuid, exc)
        raise
    drivers.record_status(podm_uuid)
    return result


def _identify(call: api_call.Call, row: node_objects.Node, search: Callable[[], T]) -> T:
    """Call a function of :mod:`valence.flows.identify`, and record a conflict in the row."""
    try:
        return request(call, row, lambda _driver, _path: search())
    except errors.NodeIdentityConflict as exc:
        conflicts.record(call.service.context, row, exc)
        raise


def _record_missing(call: api_call.Call, row: node_objects.Node) -> node_objects.Node:
    return (
        node_changes.record_presence(call.service.db, row, "missing")
        if row.state == "composed"
        else row
    )
