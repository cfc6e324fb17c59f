# SPDX-License-Identifier: Apache-2.0

"""What is known of the pod managers when one of them is to be chosen."""

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
class _Known:
    """What a few statements tell of all pod managers together."""

    nodes: Mapping[str, int]
    composing: Mapping[str, int]
    free: Mapping[str, int]
    shapes: Mapping[str, Sequence[Mapping[str, Any]]]
    devices: Mapping[str, Mapping[str, int]]


def candidates(
    conf: cfg.ConfigOpts,
    db: db_engine.Database,
    podms: Sequence[podmanager_objects.PodManager],
    row: node_objects.Node,
) -> list[base.Candidate]:
    """Gather what is known of pod managers, with the same few statements for however many."""
    # First, so that a pod manager that counts as read has its systems in the database.
    kept = inventory_objects.by_podm(db)
    known = _read(db, row)
    young = waiting.now() - datetime.timedelta(seconds=conf.inventory.stale_after)
    return [_candidate(podm, kept.get(podm.uuid), known, young) for podm in podms]


def _candidate(
    podm: podmanager_objects.PodManager,
    kept: inventory_objects.Inventory | None,
    known: _Known,
    young: datetime.datetime,
) -> base.Candidate:
    load = known.nodes.get(podm.uuid, 0)
    if kept is None or kept.refreshed_at is None:
        return base.Candidate(podm, load)
    return base.Candidate(
        podm,
        load,
        fresh=kept.fault is None and kept.refreshed_at >= young,
        shapes=known.shapes.get(podm.uuid, ()),
        devices=known.devices.get(podm.uuid, {}),
        free=known.free.get(podm.uuid, 0) - known.composing.get(podm.uuid, 0),
        latency=kept.latency,
    )


@db_engine.retried
def _read(db: db_engine.Database, row: node_objects.Node) -> _Known:
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
        return _Known(
            nodes=node_objects.count_by_podm(db),
            composing=_counts(session, composing),
            free=_counts(session, free),
            shapes=_shapes(session, row.properties),
            devices=_devices(session),
        )


def _counts(session: Any, statement: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(statement)}


def _devices(session: Any) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for podm_uuid, kind, _state, count in session.execute(device_objects.counts()):
        kinds = found.setdefault(podm_uuid, {})
        kinds[kind] = kinds.get(kind, 0) + count
    return found


def _large_enough(properties: Mapping[str, Any]) -> list[Any]:
    wanted = (
        (system_objects.System.cores, (properties.get("processor") or {}).get("total_cores")),
        (system_objects.System.memory_mib, (properties.get("memory") or {}).get("capacity_mib")),
    )
    return [
        sa.or_(column.is_(None), column >= value) for column, value in wanted if value is not None
    ]


def _shapes(session: Any, properties: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Give the systems of each pod manager that a filter must look at.

    Most are of few kinds. One of each will do, unless it matters what is inside:
    there two of a kind may differ.
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
    if not _asks_for_parts(properties):
        one_of_each = (
            sa.select(sa.func.min(table.uuid)).where(table.state != "absent").group_by(*kind)
        )
        statement = statement.where(table.uuid.in_(one_of_each))
    found: dict[str, list[Mapping[str, Any]]] = {}
    for details, podm_uuid, cores, memory_mib, processor_count, _model in session.execute(
        statement
    ):
        found.setdefault(podm_uuid, []).append(
            {
                "cores": cores,
                "memory_mib": memory_mib,
                "processor_count": processor_count,
                **{key: details.get(key) for key in ("processors", "drives", "nics")},
            }
        )
    return found


def _asks_for_parts(properties: Mapping[str, Any]) -> bool:
    inside = set(properties.get("processor") or ()) - {"total_cores", "count"}
    return bool(inside or properties.get("network") or properties.get("pci_device"))
