# SPDX-License-Identifier: Apache-2.0

"""The candidates of a request: pod managers with what the database has about them."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
from typing import Any

from oslo_config import cfg
import sqlalchemy as sa

from valence.objects import device as device_objects
from valence.objects import inventory as inventory_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence.objects import system as system_objects
from valence.scheduler import base
from valence_conductor import waiting
from valence_conductor.db import engine as db_engine


@dataclasses.dataclass(frozen=True)
class _Totals:
    """Numbers and systems of all pod managers, by uuid."""

    nodes: Mapping[str, int]
    composing: Mapping[str, int]
    free: Mapping[str, int]
    shapes: Mapping[str, Sequence[Mapping[str, Any]]]
    devices: Mapping[str, Mapping[str, int]]


def gather(
    conf: cfg.ConfigOpts,
    db: db_engine.Database,
    podms: Sequence[podmanager_objects.PodManager],
    row: node_objects.Node,
) -> list[base.Candidate]:
    """Return the candidates, with the same few statements for any number of pod managers."""
    # Read first, so that the systems of every inventory that counts as fresh are stored.
    inventories = inventory_objects.by_podm(db)
    totals = _read(db, row)
    fresh_since = waiting.now() - datetime.timedelta(seconds=conf.inventory.stale_after)
    return [_candidate(podm, inventories.get(podm.uuid), totals, fresh_since) for podm in podms]


def _candidate(
    podm: podmanager_objects.PodManager,
    inventory: inventory_objects.Inventory | None,
    totals: _Totals,
    fresh_since: datetime.datetime,
) -> base.Candidate:
    nodes = totals.nodes.get(podm.uuid, 0)
    if inventory is None or inventory.refreshed_at is None:
        return base.Candidate(podm, nodes)
    return base.Candidate(
        podm,
        nodes,
        fresh=inventory.fault is None and inventory.refreshed_at >= fresh_since,
        shapes=totals.shapes.get(podm.uuid, ()),
        devices=totals.devices.get(podm.uuid, {}),
        free=totals.free.get(podm.uuid, 0) - totals.composing.get(podm.uuid, 0),
        latency=inventory.latency,
    )


@db_engine.retried
def _read(db: db_engine.Database, row: node_objects.Node) -> _Totals:
    node, system = node_objects.Node, system_objects.System
    composing = (
        sa.select(node.podm_uuid, sa.func.count())
        .where(node.state == "composing", node.podm_uuid.is_not(None), node.uuid != row.uuid)
        .group_by(node.podm_uuid)
    )
    free = (
        sa.select(system.podm_uuid, sa.func.count())
        .where(system.state == "free", *_large_enough(row.properties))
        .group_by(system.podm_uuid)
    )
    with db.reader() as session:
        return _Totals(
            nodes=node_objects.count_by_podm(db),
            composing=_counts(session, composing),
            free=_counts(session, free),
            shapes=_shapes(session, row.properties),
            devices=_devices(session),
        )


def _counts(session: Any, statement: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(statement)}


def _devices(session: Any) -> dict[str, dict[str, int]]:
    result: dict[str, dict[str, int]] = {}
    for podm_uuid, kind, _state, count in session.execute(device_objects.counts()):
        kinds = result.setdefault(podm_uuid, {})
        kinds[kind] = kinds.get(kind, 0) + count
    return result


def _large_enough(properties: Mapping[str, Any]) -> list[Any]:
    minima = (
        (system_objects.System.cores, (properties.get("processor") or {}).get("total_cores")),
        (system_objects.System.memory_mib, (properties.get("memory") or {}).get("capacity_mib")),
    )
    return [
        sa.or_(column.is_(None), column >= value) for column, value in minima if value is not None
    ]


def _shapes(session: Any, properties: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the systems of each pod manager that filters must examine.

    Most systems are of few kinds, and one of each kind is enough; but two of a kind may
    have different parts, so that a request for parts needs all.
    """
    table = system_objects.System
    kind = (
        table.podm_uuid,
        table.cores,
        table.memory_mib,
        table.processor_count,
        table.processor_model,
    )
    statement = sa.select(table.details, *kind).where(table.state != "absent")
    if not _requests_parts(properties):
        one_of_each = (
            sa.select(sa.func.min(table.uuid)).where(table.state != "absent").group_by(*kind)
        )
        statement = statement.where(table.uuid.in_(one_of_each))
    result: dict[str, list[Mapping[str, Any]]] = {}
    for details, podm_uuid, cores, memory_mib, processor_count, _model in session.execute(
        statement
    ):
        result.setdefault(podm_uuid, []).append(
            {
                "cores": cores,
                "memory_mib": memory_mib,
                "processor_count": processor_count,
                **{key: details.get(key) for key in ("processors", "drives", "nics")},
            }
        )
    return result


def _requests_parts(properties: Mapping[str, Any]) -> bool:
    parts = set(properties.get("processor") or ()) - {"total_cores", "count"}
    return bool(parts or properties.get("network") or properties.get("pci_device"))
