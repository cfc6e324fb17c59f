# SPDX-License-Identifier: Apache-2.0

"""Usage: how much of what pod managers have is used, and how much is free."""

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

#: state of a device -> the field of usage that counts it.
USE = {"free": "free", "allocated": "used"}


def _totals(total: int = 0, used: int = 0, free: int = 0) -> Totals:
    return {"total": total, "used": used, "free": free}


@db_engine.retried
def usage(db: db_engine.Database, podm_uuids: Sequence[str]) -> Mapping[str, dict[str, Any]]:
    """Count what pod managers have, how much of it is used, and how much is free.

    Four statements, for any number of pod managers. What is absent is not counted.

    :returns: uuid -> ``systems``, ``cores`` and ``memory_mib``, each with ``total``,
        ``used`` and ``free``; ``nodes`` of Valence, ``total`` and ``by_state``; pooled
        ``devices``, with ``total``, ``used`` and ``free``, and the same ``by_type``;
        and ``refreshed_at``, the time of the last refresh.
    """
    table = system_objects.System
    sums = {
        "systems": sa.func.count(),
        "cores": sa.func.coalesce(sa.func.sum(table.cores), 0),
        "memory_mib": sa.func.coalesce(sa.func.sum(table.memory_mib), 0),
    }
    statement = (
        sa.select(table.podm_uuid, table.state, *sums.values())
        .where(table.podm_uuid.in_(podm_uuids), table.state != "absent")
        .group_by(table.podm_uuid, table.state)
    )
    result: dict[str, dict[str, Any]] = {
        uuid: {**{name: _totals() for name in sums}, "nodes": {"total": 0, "by_state": {}}}
        for uuid in podm_uuids
    }
    with db.reader() as session:
        for row in session.execute(statement).all():
            uuid, state = row[:2]
            for name, total in zip(sums, map(int, row[2:]), strict=True):
                result[uuid][name][state] += total
                result[uuid][name]["total"] += total
        for uuid, state, count in session.execute(_nodes_on(podm_uuids)):
            result[uuid]["nodes"]["by_state"][state] = count
            result[uuid]["nodes"]["total"] += count
        statement = device_objects.counts(device_objects.Device.podm_uuid.in_(podm_uuids))
        counts: dict[str, list[tuple[str, str, int]]] = {uuid: [] for uuid in podm_uuids}
        for uuid, *count in session.execute(statement):
            counts[uuid].append((count[0], count[1], count[2]))
    inventories = inventory_objects.by_podm(db)
    for uuid, entry in result.items():
        inventory = inventories.get(uuid)
        entry |= {
            "devices": _devices(counts[uuid]),
            "refreshed_at": inventory.refreshed_at if inventory else None,
        }
    return result


def _nodes_on(podm_uuids: Sequence[str]) -> Any:
    table = node_objects.Node
    return (
        sa.select(table.podm_uuid, table.state, sa.func.count())
        .where(table.podm_uuid.in_(podm_uuids))
        .group_by(table.podm_uuid, table.state)
    )


def _devices(counts: Iterable[tuple[str, str, int]]) -> dict[str, Any]:
    by_type: dict[str, Totals] = {}
    for kind, state, count in counts:
        totals = by_type.setdefault(kind, _totals())
        totals[USE[state]] += count
        totals["total"] += count
    whole = {name: sum(totals[name] for totals in by_type.values()) for name in _totals()}
    return {**whole, "by_type": by_type}
