# SPDX-License-Identifier: Apache-2.0

"""What is recorded of the identity of pod managers, and of an address that has another's."""

from collections.abc import Sequence
from typing import Any

from oslo_log import log as logging
import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import installation as installation_objects
from valence.objects import podmanager as podmanager_objects
from valence.objects import system as system_objects
from valence.podmanagers import service_identity
from valence_conductor import waiting
from valence_conductor.db import engine as db_engine

LOG = logging.getLogger(__name__)


def values_of(observed: service_identity.Service) -> dict[str, Any]:
    """Return the columns of a pod manager whose systems no refresh has stored yet."""
    systems = [[system.uuid, system.serial] for system in observed.systems]
    return {"service_uuid": observed.uuid, "known_systems": systems}


@db_engine.retried
def get(db: db_engine.Database, row: podmanager_objects.PodManager) -> service_identity.Service:
    """Return what is known of a pod manager, with its systems."""
    with db.reader() as session:
        return load(session, [row])[row.uuid]


def load(
    session: orm.Session, rows: Sequence[podmanager_objects.PodManager]
) -> dict[str, service_identity.Service]:
    """Return what is known of pod managers, with their systems: uuid -> identity.

    Systems that are absent count, unless they are listed at another path by now.
    """
    table = system_objects.System
    statement = sa.select(
        table.podm_uuid, table.state, table.redfish_uuid, table.serial_number
    ).where(table.podm_uuid.in_([row.uuid for row in rows if row.known_systems is None]))
    present: dict[str, list[service_identity.System]] = {row.uuid: [] for row in rows}
    absent: dict[str, list[service_identity.System]] = {row.uuid: [] for row in rows}
    for uuid, state, redfish_uuid, serial in session.execute(statement):
        systems = absent if state == "absent" else present
        systems[uuid].append(service_identity.System.of(redfish_uuid, serial))
    for row in rows:
        facts = {fact for system in present[row.uuid] for fact in vars(system).items()}
        present[row.uuid] += [
            system for system in absent[row.uuid] if facts.isdisjoint(_facts(system))
        ]
        present[row.uuid] += [
            service_identity.System.of(*pair) for pair in row.known_systems or ()
        ]
    return {
        row.uuid: service_identity.Service(row.service_uuid, tuple(present[row.uuid]))
        for row in rows
    }


@db_engine.retried
def find_same(
    db: db_engine.Database, observed: service_identity.Service, uuid: str
) -> podmanager_objects.PodManager | None:
    """Return the first registered pod manager that a service is; None: it is none of them.

    :param uuid: of the pod manager for which the service answers: it does not count.
    """
    with db.reader() as session:
        return _find_same(session, observed, uuid)


def is_earlier(one: podmanager_objects.PodManager, other: podmanager_objects.PodManager) -> bool:
    """Return whether a pod manager was registered before another."""
    return (one.created_at, one.uuid) < (other.created_at, other.uuid)


def refuse_same(session: orm.Session, observed: service_identity.Service, uuid: str) -> None:
    """Require that a service is no other registered pod manager.

    Only one transaction at a time does so: of two that register the same pod manager by
    two addresses, the second finds the row of the first.

    :param session: of a transaction that has read nothing yet, except with locks.
    :raises PodManagerDuplicate: it is; the error names the first.
    """
    session.execute(sa.select(installation_objects.Installation.uuid).with_for_update())
    first = _find_same(session, observed, uuid)
    if first is not None:
        raise errors.PodManagerDuplicate(
            f"The service there is pod manager {first.name!r} ({first.uuid}), which is registered "
            f"at {first.url}: they have the same UUID or the same systems. Use that one, or "
            "change its URL with PATCH.",
            podm_uuid=first.uuid,
            podm_name=first.name,
        )


@db_engine.retried
def record(db: db_engine.Database, row: podmanager_objects.PodManager, uuid: str | None) -> None:
    """Record that a pod manager was recognized, under this UUID; it is in use again.

    :param row: as it was when it was compared; nothing is recorded if it has changed.
    """
    values: dict[str, Any] = {"service_uuid": uuid}
    if row.status == podmanager_objects.MISMATCHED:
        values |= {"status": "online", "status_reason": None, "status_since": waiting.now()}
    if not _update(db, row, values):
        return
    if row.service_uuid not in (None, uuid):
        LOG.info("Pod manager %s has a new UUID: %s -> %s", row.uuid, row.service_uuid, uuid)
    if row.status == podmanager_objects.MISMATCHED:
        LOG.info("Pod manager %s answers at %s again: mismatched -> online", row.uuid, row.url)


@db_engine.retried
def record_mismatch(
    db: db_engine.Database, row: podmanager_objects.PodManager, reason: str
) -> None:
    """Record that a pod manager is out of use, because another service has its address.

    :param row: as it was when it was compared; nothing is recorded if it has changed.
    """
    if (row.status, row.status_reason) == (podmanager_objects.MISMATCHED, reason):
        return
    values: dict[str, Any] = {"status": podmanager_objects.MISMATCHED, "status_reason": reason}
    if row.status != podmanager_objects.MISMATCHED:
        values["status_since"] = waiting.now()
    if _update(db, row, values) and row.status != podmanager_objects.MISMATCHED:
        LOG.warning("Pod manager %s: %s -> mismatched (%s)", row.uuid, row.status, reason)


@db_engine.retried
def record_refreshed(db: db_engine.Database, podm_uuid: str) -> None:
    """Record that the systems of a pod manager are stored: they replace those known before."""
    table = podmanager_objects.PodManager
    where = (table.uuid == podm_uuid, table.known_systems.is_not(None))
    with db.reader() as session:
        if session.execute(sa.select(table.uuid).where(*where)).first() is None:
            return
    with db.writer() as session:
        session.execute(sa.update(table).where(*where).values(known_systems=None))


def replace(session: orm.Session, observed: service_identity.Service, uuid: str) -> None:
    """Delete the systems of a pod manager that was replaced; the next refresh stores others.

    :param observed: what answers in its place.
    :raises PodManagerDuplicate: that is another registered pod manager.
    """
    refuse_same(session, observed, uuid)
    table = system_objects.System
    session.execute(sa.delete(table).where(table.podm_uuid == uuid))
    LOG.warning("Pod manager %s was replaced: its UUID is %s now", uuid, observed.uuid)


def _update(
    db: db_engine.Database, row: podmanager_objects.PodManager, values: dict[str, Any]
) -> bool:
    """Update a row, unless an operator has changed its address or its identity meanwhile."""
    table = podmanager_objects.PodManager
    recorded = table.service_uuid
    is_unchanged = recorded.is_(None) if row.service_uuid is None else recorded == row.service_uuid
    where = (table.uuid == row.uuid, table.url == row.url, is_unchanged)
    with db.writer() as session:
        result = session.execute(sa.update(table).where(*where).values(**values))
    return bool(getattr(result, "rowcount", 0))


def _facts(system: service_identity.System) -> set[tuple[str, str]]:
    return {item for item in vars(system).items() if item[1] is not None}


def _find_same(
    session: orm.Session, observed: service_identity.Service, uuid: str
) -> podmanager_objects.PodManager | None:
    table = podmanager_objects.PodManager
    order = (table.created_at, table.uuid)
    rows = session.scalars(sa.select(table).where(table.uuid != uuid).order_by(*order)).all()
    known = load(session, rows)
    return next(
        (row for row in rows if service_identity.compare(known[row.uuid], observed).is_same), None
    )
