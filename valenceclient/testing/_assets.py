# SPDX-License-Identifier: Apache-2.0

"""What the fake reports of pod managers: systems, racks, devices, usage and troubles."""

from collections.abc import Mapping
import datetime
from typing import Any
import uuid as uuids

from valenceclient.testing import _rows
from valenceclient.testing._store import Store

_ASSET_DEFAULTS: Mapping[str, Any] = {
    "manufacturer": "Fake",
    "model": "Fake",
    "serial_number": None,
    "health": "OK",
    "age": 0,
    "stale": False,
}

_SYSTEM_DEFAULTS: Mapping[str, Any] = {
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

_DEVICE_DEFAULTS: Mapping[str, Any] = {
    "state": "free",
    "node_id": None,
    "node_path": None,
    "pooled_group_id": "Drawer1",
    "properties": {},
    "extra": {},
    "age": 0,
    "stale": False,
}

#: state of a device -> the count of usage that includes it.
_USAGE_COUNTS = {"free": "free", "allocated": "used"}

#: query parameter -> the field that must be at least as large.
_MINIMUMS = {"min_cores": "cores", "min_memory_mib": "memory_mib"}


def system(podm: Mapping[str, Any], name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a system."""
    return {**_asset(podm, name, "Systems"), **_SYSTEM_DEFAULTS, **fields}


def rack(podm: Mapping[str, Any], name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a rack."""
    return {**_asset(podm, name, "Chassis"), "chassis_type": "Rack", **fields}


def finding(podm: Mapping[str, Any], kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a finding."""
    now = datetime.datetime.now(datetime.UTC).isoformat()
    return {
        "uuid": str(uuids.uuid4()),
        "kind": kind,
        "podm_id": podm["uuid"],
        "path": None,
        "node_id": None,
        "detail": "An audit found it.",
        "remedy": "Look at it.",
        "first_seen_at": now,
        "last_seen_at": now,
        **fields,
    }


def device(podm: Mapping[str, Any], kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a pooled device."""
    uri = f"/redfish/v1/Chassis/Drawer1/Drives/{uuids.uuid4().hex[:8]}"
    origin = {"podm_id": podm["uuid"], "resource_uri": uri, "seen_at": _rows.now()}
    return {**origin, "type": kind, **_DEVICE_DEFAULTS, **fields}


def trouble(podm: Mapping[str, Any], code: str, detail: str) -> dict[str, Any]:
    """Return an entry of ``errors``."""
    return {
        "podm_id": podm["uuid"],
        "podm_name": podm["name"],
        "code": code,
        "detail": detail,
        "refreshed_at": _rows.now(),
        "age": 0,
    }


def sync(store: Store, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response of a sync: which pod managers were read, and the troubles."""
    podms = store.podmanagers
    requested = [podms.get(body["podm_id"])] if "podm_id" in body else podms.all()
    requested_uuids = [podm["uuid"] for podm in requested]
    troubles = [entry for entry in store.troubles if entry["podm_id"] in requested_uuids]
    failed = {entry["podm_id"] for entry in troubles}
    return {"synced": [uuid for uuid in requested_uuids if uuid not in failed], "errors": troubles}


def list_page(store: Store, noun: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of systems, racks or devices, with the troubles."""
    filters = dict(query)
    minimums = {_MINIMUMS[name]: int(filters.pop(name)) for name in query if name in _MINIMUMS}
    rows = [
        view(store, noun, row)
        for row in getattr(store, noun).all()
        if all((row.get(field) or 0) >= value for field, value in minimums.items())
    ]
    return {
        **_rows.page(noun, rows, filters, f"{store.url}/v1/{noun}"),
        "errors": store.troubles,
    }


def view(store: Store, noun: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the fields that are computed from other rows."""
    if noun == "podmanagers":
        return {**row, "usage": _usage(store, row)}
    if noun == "nodes":
        troubled = {entry["podm_id"] for entry in store.troubles}
        return {**row, "stale": row["podm_uuid"] in troubled}
    return {**row, "systems": _system_counts(store, row)} if noun == "racks" else row


def _system_counts(store: Store, row: Mapping[str, Any]) -> dict[str, int]:
    """Count the systems in a rack."""
    states = [one["state"] for one in store.systems.all() if one["rack_id"] == row["uuid"]]
    counts = {state: states.count(state) for state in ("used", "free", "absent")}
    return {"total": len(states), **counts}


def _usage(store: Store, podm: Mapping[str, Any]) -> dict[str, Any]:
    """Count the resources of a pod manager."""
    systems = [one for one in store.systems.all() if one["podm_id"] == podm["uuid"]]
    nodes = [one["state"] for one in store.nodes.all() if one["podm_uuid"] == podm["uuid"]]
    sizes = {"systems": None, "cores": "cores", "memory_mib": "memory_mib"}
    return {
        **{name: _totals(systems, field) for name, field in sizes.items()},
        "nodes": {"total": len(nodes), "by_state": {s: nodes.count(s) for s in nodes}},
        "devices": _device_counts(store, podm),
        "refreshed_at": _rows.now() if systems else None,
    }


def _device_counts(store: Store, podm: Mapping[str, Any]) -> dict[str, Any]:
    by_type: dict[str, dict[str, int]] = {}
    all_types = {"total": 0, "used": 0, "free": 0}
    for one in store.pooled.all():
        if one["podm_id"] == podm["uuid"] and one["state"] in _USAGE_COUNTS:
            of_type = by_type.setdefault(one["type"], dict.fromkeys(all_types, 0))
            for counts in (all_types, of_type):
                counts["total"] += 1
                counts[_USAGE_COUNTS[one["state"]]] += 1
    return {**all_types, "by_type": by_type}


def _totals(systems: list[dict[str, Any]], field: str | None) -> dict[str, int]:
    sums = {
        state: sum(one[field] if field else 1 for one in systems if one["state"] == state)
        for state in ("used", "free")
    }
    return {"total": sum(sums.values()), **sums}


def _asset(podm: Mapping[str, Any], name: str, collection: str) -> dict[str, Any]:
    return {
        "name": name,
        "podm_id": podm["uuid"],
        "path": f"/redfish/v1/{collection}/{uuids.uuid4().hex[:8]}",
        **_ASSET_DEFAULTS,
        "seen_at": _rows.now(),
    }
