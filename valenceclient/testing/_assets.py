# SPDX-License-Identifier: Apache-2.0

"""What the fake knows of pods: what they have, and what is wrong with who tells of it."""

from collections.abc import Mapping
from typing import Any
from typing import TYPE_CHECKING
import uuid as uuids

from valenceclient.testing import _rows

if TYPE_CHECKING:
    from valenceclient.testing._service import FakeValence

_FRESH: Mapping[str, Any] = {
    "manufacturer": "Fake",
    "model": "Fake",
    "serial_number": None,
    "health": "OK",
    "age": 0,
    "stale": False,
}

_SYSTEM: Mapping[str, Any] = {
    "rack_id": None,
    "state": "free",
    "node_id": None,
    "node_path": None,
    "chassis_path": None,
    "redfish_uuid": None,
    "power_state": "Off",
    "processor_count": 2,
    "processor_model": "Fake",
    "cores": 16,
    "memory_mib": 65536,
    "processors": [],
    "drives": [],
    "nics": [],
}

_DEVICE: Mapping[str, Any] = {
    "state": "free",
    "node_id": None,
    "node_path": None,
    "pooled_group_id": "Drawer1",
    "properties": {},
    "extra": {},
    "age": 0,
    "stale": False,
}

#: state of a device -> how usage calls it.
_USE = {"free": "free", "allocated": "used"}

#: Query parameter -> the field that must be as large.
_LEAST = {"min_cores": "cores", "min_memory_mib": "memory_mib"}


def system(podm: Mapping[str, Any], name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Make the row of a system."""
    return {**_kept(podm, name, "Systems"), **_SYSTEM, **fields}


def rack(podm: Mapping[str, Any], name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Make the row of a rack."""
    return {**_kept(podm, name, "Chassis"), "chassis_type": "Rack", **fields}


def device(podm: Mapping[str, Any], kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Make the row of a pooled device."""
    uri = f"/redfish/v1/Chassis/Drawer1/Drives/{uuids.uuid4().hex[:8]}"
    told = {"podm_id": podm["uuid"], "resource_uri": uri, "seen_at": _rows.now()}
    return {**told, "type": kind, **_DEVICE, **fields}


def synced(service: "FakeValence", body: Mapping[str, Any]) -> dict[str, Any]:
    """Tell who could be read, and who is in trouble."""
    known = service.podmanagers
    asked = [known.get(body["podm_id"])] if "podm_id" in body else known.all()
    uuids_asked = [podm["uuid"] for podm in asked]
    troubles = [one for one in service.troubles if one["podm_id"] in uuids_asked]
    ill = {one["podm_id"] for one in troubles}
    return {"synced": [uuid for uuid in uuids_asked if uuid not in ill], "errors": troubles}


def trouble(podm: Mapping[str, Any], code: str, detail: str) -> dict[str, Any]:
    """Make an entry of ``errors``."""
    known = {"refreshed_at": _rows.now(), "age": 0}
    named = {"podm_id": podm["uuid"], "podm_name": podm["name"]}
    return {**named, "code": code, "detail": detail, **known}


def listed(service: "FakeValence", noun: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of systems, racks or devices, with the troubles beside it."""
    wanted = dict(query)
    least = {_LEAST[name]: int(wanted.pop(name)) for name in query if name in _LEAST}
    rows = [
        service._shown(noun, row)
        for row in getattr(service, noun).all()
        if all((row.get(field) or 0) >= value for field, value in least.items())
    ]
    return {
        **_rows.page(noun, rows, wanted, f"{service.url}/v1/{noun}"),
        "errors": service.troubles,
    }


def contents(service: "FakeValence", row: Mapping[str, Any]) -> dict[str, int]:
    """Count the systems in a rack."""
    states = [one["state"] for one in service.systems.all() if one["rack_id"] == row["uuid"]]
    counts = {state: states.count(state) for state in ("used", "free", "absent")}
    return {"total": len(states), **counts}


def usage(service: "FakeValence", podm: Mapping[str, Any]) -> dict[str, Any]:
    """Count what a pod manager has."""
    found = [one for one in service.systems.all() if one["podm_id"] == podm["uuid"]]
    nodes = [one["state"] for one in service.nodes.all() if one["podm_uuid"] == podm["uuid"]]
    sizes = {"systems": None, "cores": "cores", "memory_mib": "memory_mib"}
    return {
        **{name: _totals(found, field) for name, field in sizes.items()},
        "nodes": {"total": len(nodes), "by_state": {s: nodes.count(s) for s in nodes}},
        "devices": _pooled(service, podm),
        "refreshed_at": _rows.now() if found else None,
    }


def _pooled(service: "FakeValence", podm: Mapping[str, Any]) -> dict[str, Any]:
    by_type: dict[str, dict[str, int]] = {}
    whole = {"total": 0, "used": 0, "free": 0}
    for one in service.pooled.all():
        if one["podm_id"] == podm["uuid"] and one["state"] in _USE:
            for totals in (whole, by_type.setdefault(one["type"], dict.fromkeys(whole, 0))):
                totals["total"] += 1
                totals[_USE[one["state"]]] += 1
    return {**whole, "by_type": by_type}


def _totals(found: list[dict[str, Any]], field: str | None) -> dict[str, int]:
    sums = {
        state: sum(one[field] if field else 1 for one in found if one["state"] == state)
        for state in ("used", "free")
    }
    return {"total": sum(sums.values()), **sums}


def _kept(podm: Mapping[str, Any], name: str, place: str) -> dict[str, Any]:
    return {
        "name": name,
        "podm_id": podm["uuid"],
        "path": f"/redfish/v1/{place}/{uuids.uuid4().hex[:8]}",
        **_FRESH,
        "seen_at": _rows.now(),
    }
