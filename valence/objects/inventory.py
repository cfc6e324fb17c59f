# SPDX-License-Identifier: Apache-2.0

"""Inventories: what the last refresh of each pod manager has read, and when.

Only a response that can be complete changes what is stored. What it does not list
stays as ``absent`` for a while: pod managers that restart list their systems again one
after the other.
"""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence.objects import device as device_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence.objects import system as system_objects
from valence.objects.inventory_writer import InventoryWriter
from valence.podmanagers import inventory as podm_inventory
from valence_conductor import waiting
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine

#: Characters of a path in a fault, and of its description.
MAX_PATH = 200
MAX_DETAIL = 2000


class Inventory(base.Base):
    """When the refreshes of a pod manager ran, and how the last one ended."""

    __tablename__ = "inventories"

    podm_uuid: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("podmanagers.uuid", ondelete="CASCADE"), primary_key=True
    )
    #: When the running refresh started: the claim of the process that set it. None: none runs.
    begun_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: When the last refresh ended, successful or not, and when the last successful one did.
    tried_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    refreshed_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: Why the last one failed, or what it could not read: ``code``, ``detail``, maybe ``reason``.
    fault: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(sa.JSON(none_as_null=True))
    #: Of the fastest request, seconds.
    latency: orm.Mapped[float | None] = orm.mapped_column(sa.Float)
    #: Path -> details of systems that are no computers.
    apart: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)


@db_engine.retried
def by_podm(db: db_engine.Database) -> Mapping[str, Inventory]:
    """Return the inventories of all pod managers that have one: uuid -> inventory."""
    with db.reader() as session:
        return {row.podm_uuid: row for row in session.scalars(sa.select(Inventory))}


@dataclasses.dataclass(frozen=True)
class Unavailable:
    """A pod manager that is not online, and the time of its last successful refresh."""

    uuid: str
    name: str
    status: str
    status_reason: str | None
    refreshed_at: datetime.datetime | None


@db_engine.retried
def list_unavailable(db: db_engine.Database, *conditions: Any) -> Mapping[str, Unavailable]:
    """Return the pod managers that are offline or degraded: uuid -> entry, ordered by name.

    :param conditions: on nodes; only pod managers with such a node are returned.
    """
    table = podmanager_objects.PodManager
    statement = (
        sa.select(
            table.uuid, table.name, table.status, table.status_reason, Inventory.refreshed_at
        )
        .outerjoin(Inventory, Inventory.podm_uuid == table.uuid)
        .where(
            table.status.in_(podmanager_objects.UNAVAILABLE),
            sa.exists().where(node_objects.Node.podm_uuid == table.uuid, *conditions),
        )
        .order_by(table.name)
    )
    with db.reader() as session:
        return {row.uuid: Unavailable(*row) for row in session.connection().execute(statement)}


@db_engine.retried
def claim(db: db_engine.Database, podm_uuid: str, before: datetime.datetime) -> bool:
    """Claim the refresh of a pod manager, unless another process has claimed it.

    :param before: a claim that is older has expired: its process is dead. So has one that is
        as far in the future, because the clock was set back.
    """
    now = waiting.now()
    expired = sa.or_(Inventory.begun_at < before, Inventory.begun_at > now + (now - before))
    due = sa.or_(Inventory.begun_at.is_(None), expired)
    statement = sa.update(Inventory).where(Inventory.podm_uuid == podm_uuid, due)
    with db.writer() as session:
        if session.get(podmanager_objects.PodManager, podm_uuid) is None:
            return False
        if session.get(Inventory, podm_uuid) is None:
            session.add(Inventory(podm_uuid=podm_uuid, begun_at=now, apart={}))
            return True
        return bool(getattr(session.execute(statement.values(begun_at=now)), "rowcount", 0))


@db_engine.retried
def release_claim(db: db_engine.Database, podm_uuid: str) -> None:
    """Release the claim of a refresh that this process does not finish."""
    statement = sa.update(Inventory).where(Inventory.podm_uuid == podm_uuid)
    with db.writer() as session:
        session.execute(statement.values(begun_at=None))


@db_engine.retried
def known_details(
    db: db_engine.Database, podm_uuid: str, since: datetime.datetime
) -> Mapping[str, podm_inventory.Details]:
    """Return the stored details of systems and pooled drives: path -> details.

    :param since: when any of them is older, none is returned. All are then read again
        together, which with ``$expand`` takes one request a collection.
    """
    system, device = system_objects.System, device_objects.Device
    system_query = sa.select(
        system.path, system.details_at, system.unseen_since, system.details
    ).where(system.podm_uuid == podm_uuid)
    drive_query = sa.select(
        *(device.path, device.details_at, device.unseen_since),
        *(device.fingerprint, device.properties),
    ).where(device.podm_uuid == podm_uuid, device.fingerprint != "")
    with db.reader() as session:
        inventory = session.get(Inventory, podm_uuid)
        rows = [
            (*row[:3], podm_inventory.Details(**row[3])) for row in session.execute(system_query)
        ]
        rows += [
            (*row[:3], podm_inventory.Details(row[3], drives=[row[4]]))
            for row in session.execute(drive_query)
        ]
    if any(details_at < since and unseen is None for _, details_at, unseen, _ in rows):
        return {}
    apart = inventory.apart if inventory else {}
    return {
        **{path: podm_inventory.Details(**details) for path, details in apart.items()},
        **{path: details for path, details_at, _, details in rows if details_at >= since},
    }


@db_engine.retried
def record_failure(db: db_engine.Database, podm_uuid: str, error: errors.ValenceError) -> None:
    """Record that a refresh failed; the stored inventory stays as it is."""
    values = {"tried_at": waiting.now(), "begun_at": None, "fault": _fault(error)}
    with db.writer() as session:
        session.execute(
            sa.update(Inventory).where(Inventory.podm_uuid == podm_uuid).values(**values)
        )


@db_engine.retried
def store(
    db: db_engine.Database,
    podm_uuid: str,
    reported: podm_inventory.Inventory,
    started_at: datetime.datetime,
    forget_after: float,
    cached: Collection[str] = (),
) -> None:
    """Store the inventory that a pod manager has reported.

    What it does not list becomes absent, and is deleted only later.

    :param started_at: when the refresh started.
    :param forget_after: seconds after which what is absent is deleted.
    :param cached: paths whose details the driver got from here: perhaps it did not read
        them again.
    :raises PodManagerFailed: it lists no system at all, though some are stored.
    """
    with db.writer() as session:
        row = session.get(Inventory, podm_uuid, with_for_update=True)
        if row is None:
            return  # the pod manager was deleted meanwhile
        writer = InventoryWriter(
            session, podm_uuid, reported, started_at, row.refreshed_at or started_at, cached
        )
        writer.refuse_empty()
        writer.save_racks()
        writer.save_systems()
        writer.save_devices()
        writer.delete_absent(waiting.now() - datetime.timedelta(seconds=forget_after))
        row.tried_at = row.refreshed_at = waiting.now()
        row.begun_at = None
        row.latency = reported.latency
        row.apart = {path: dataclasses.asdict(details) for path, details in reported.apart.items()}
        unread = sorted(reported.unread | writer.unkept)
        row.fault = _fault(_incomplete(unread)) if unread else None


def seen_at(row: Any, inventory: Inventory | None) -> datetime.datetime:
    """Return when a system, a rack or a device was last listed by its pod manager."""
    last = row.unseen_since or (inventory.refreshed_at if inventory else None)
    moment: datetime.datetime = last or row.created_at
    return moment


def _incomplete(unread: Sequence[str]) -> errors.ValenceError:
    some = ", ".join(path[:MAX_PATH] for path in unread[:5]) + (", ..." if unread[5:] else "")
    return errors.PodManagerFailed(
        f"{len(unread)} of the resources that it lists could not be read or stored ({some}). "
        "They are shown as they were last read; see the log of the pod manager."
    )


def _fault(error: errors.ValenceError) -> dict[str, Any]:
    fault = {"code": error.details["code"], "detail": error.detail[:MAX_DETAIL]}
    return fault | ({"reason": error.own_words} if error.own_words else {})
