# SPDX-License-Identifier: Apache-2.0

"""Usage: what pod managers have, what of it is used, and what is free."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from valence.objects import device as device_objects
from valence.objects import inventory as inventory_objects
from valence.objects import node as node_objects
from valence.objects import system as system_objects
from valence_conductor.db import engine as db_engine

Totals = dict[str, int]

#: state of a device -> how usage calls it.
USE = {"free": "free", "allocated": "used"}


def _totals(total: int = 0, used: int = 0, free: int = 0) -> Totals:
    return {"total": total, "used": used, "free": free}


@db_engine.retried
def usage(db: db_engine.Database, uuids_wanted: Sequence[str]) -> Mapping[str, dict[str, Any]]:
    """Count what pod managers have, what of it is used, and what is free.

    Four statements, however many they are. What is absent counts as neither.

    :returns: uuid -> ``systems``, ``cores`` and ``memory_mib``, each with ``total``,
        ``used`` and ``free``; ``nodes`` of ours, ``total`` and ``by_state``; pooled
        ``devices``, with ``total``, ``used`` and ``free``, and the same ``by_type``;
        and when all that was ``refreshed_at``.
    """
    table = system_objects.System
    counted = {
        "systems": sa.func.count(),
        "cores": sa.func.coalesce(sa.func.sum(table.cores), 0),
        "memory_mib": sa.func.coalesce(sa.func.sum(table.memory_mib), 0),
    }
    statement = (
        sa.select(table.podm_uuid, table.state, *counted.values())
        .where(table.podm_uuid.in_(uuids_wanted), table.state != "absent")
        .group_by(table.podm_uuid, table.state)
    )
    found: dict[str, dict[str, Any]] = {
        uuid: {**{name: _totals() for name in counted}, "nodes": {"total": 0, "by_state": {}}}
        for uuid in uuids_wanted
    }
    with db.reader() as session:
        for row in session.execute(statement).all():
            uuid, state = row[:2]
            for name, total in zip(counted, map(int, row[2:]), strict=True):
                found[uuid][name][state] += total
                found[uuid][name]["total"] += total
        for uuid, state, count in session.execute(_nodes_on(uuids_wanted)):
            found[uuid]["nodes"]["by_state"][state] = count
            found[uuid]["nodes"]["total"] += count
        pooled = device_objects.counts(device_objects.Device.podm_uuid.in_(uuids_wanted))
        counts: dict[str, list[tuple[str, str, int]]] = {uuid: [] for uuid in uuids_wanted}
        for uuid, *count in session.execute(pooled):
            counts[uuid].append((count[0], count[1], count[2]))
    known = inventory_objects.by_podm(db)
    for uuid, one in found.items():
        kept = known.get(uuid)
        one |= {
            "devices": _devices(counts[uuid]),
            "refreshed_at": kept.refreshed_at if kept else None,
        }
    return found


def _nodes_on(uuids_wanted: Sequence[str]) -> Any:
    table = node_objects.Node
    return (
        sa.select(table.podm_uuid, table.state, sa.func.count())
        .where(table.podm_uuid.in_(uuids_wanted))
        .group_by(table.podm_uuid, table.state)
    )


def _devices(counts: Iterable[tuple[str, str, int]]) -> dict[str, Any]:
    by_type: dict[str, Totals] = {}
    for kind, state, count in counts:
        totals = by_type.setdefault(kind, _totals())
        totals[USE[state]] += count
        totals["total"] += count
    whole = {name: sum(one[name] for one in by_type.values()) for name in _totals()}
    return {**whole, "by_type": by_type}
