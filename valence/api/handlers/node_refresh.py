# SPDX-License-Identifier: Apache-2.0

"""Reading a node from its pod manager, and recording whether its hardware still exists."""

from collections.abc import Callable
from typing import TypeVar

from valence import errors
from valence import podmanagers
from valence.api import call as api_call
from valence.objects import node as node_objects
from valence.objects import node_changes

T = TypeVar("T")


def refresh(call: api_call.Call, row: node_objects.Node) -> node_objects.Node:
    """Read a node from its pod manager: two requests, and a listing if it does not exist."""
    try:
        hardware = request(call, row, lambda driver, path: driver.read(path))
    except errors.PodManagerNodeGone:
        if _is_listed(call, row):
            raise
        return _record_missing(call, row)
    if not _is_same(row, hardware.name):
        return _record_missing(call, row)
    if row.state == "missing":
        row = node_changes.record_presence(call.service.db, row, "composed")
    values = {"system_path": hardware.system_path, "power_state": hardware.power_state}
    if all(getattr(row, field) == value for field, value in values.items()):
        return row
    return node_changes.record(call.service.db, row, **values)


def controls(call: api_call.Call, row: node_objects.Node) -> podmanagers.Controls:
    """Return what the pod manager offers for a node, if it is still the same node.

    :raises PodManagerNodeGone: it no longer exists, or another node has its path.
    """
    try:
        offered = request(call, row, lambda driver, path: driver.controls(path))
    except errors.PodManagerNodeGone:
        if not _is_listed(call, row):
            _record_missing(call, row)
        raise
    if not _is_same(row, offered.name):
        _record_missing(call, row)
        raise errors.PodManagerNodeGone(
            f"{row.path} of pod manager {row.podm_uuid} is {offered.name!r} now: node {row.uuid} "
            "no longer exists. Delete it."
        )
    return offered


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


def _record_missing(call: api_call.Call, row: node_objects.Node) -> node_objects.Node:
    return (
        node_changes.record_presence(call.service.db, row, "missing")
        if row.state == "composed"
        else row
    )


def _is_listed(call: api_call.Call, row: node_objects.Node) -> bool:
    """Return whether the pod manager lists the node; only a listing proves that it is gone."""
    return request(call, row, lambda driver, path: driver.exists(path))


def _is_same(row: node_objects.Node, name: str | None) -> bool:
    """Return whether the hardware at a node's path is that node: paths may be reused."""
    return name in (None, row.redfish_name)
