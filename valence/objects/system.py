# SPDX-License-Identifier: Apache-2.0

"""Systems: the computers of all pools, as the last refreshes read them."""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence.podmanagers import odata
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine

STATES = ("free", "used", "absent")


class System(base.Base):
    """A computer system of a pool. Refreshes and operations of Valence write it."""

    __tablename__ = "systems"
    __table_args__ = (sa.Index("ix_systems_created_at", "created_at", "uuid"),)

    #: Derived from its pod manager and its path.
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    podm_uuid: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("podmanagers.uuid", ondelete="CASCADE"), index=True
    )
    rack_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36), index=True)
    path: orm.Mapped[str] = orm.mapped_column(columns.ExactString(1024))
    chassis_path: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(1024))
    name: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255), index=True)
    state: orm.Mapped[str] = orm.mapped_column(sa.String(16))
    #: The composed node that holds it: its path, and its uuid if Valence manages it.
    node_path: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(1024))
    node_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36), index=True)
    redfish_uuid: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(64))
    serial_number: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    manufacturer: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    model: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    health: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(32))
    power_state: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(32))
    processor_count: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    processor_model: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    cores: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    memory_mib: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    #: Fields of :class:`valence.podmanagers.inventory.Details`.
    details: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)
    details_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    #: When it was last read, if the last refresh did not list it.
    unseen_since: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: When Valence allocated or released it: a refresh that started earlier is older.
    marked_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)


SYSTEMS = base.Repository(System, "system", "/v1/systems", errors.SystemNotFound)
page, get = SYSTEMS.page, SYSTEMS.get


@db_engine.retried
def mark_allocated(
    db: db_engine.Database, podm_uuid: str, path: str, node_uuid: str, node_path: str
) -> None:
    """Record that a node of Valence holds a system, without a refresh."""
    where = (System.podm_uuid == podm_uuid, System.path.in_(odata.spellings(path)))
    base.mark(db, System, where, state="used", node_uuid=node_uuid, node_path=node_path)


@db_engine.retried
def mark_free(db: db_engine.Database, node_uuid: str) -> None:
    """Record that a node of Valence holds no system any more."""
    where = (System.node_uuid == node_uuid, System.state == "used")
    base.mark(db, System, where, state="free", node_uuid=None, node_path=None)


@db_engine.retried
def shared_facts(
    db: db_engine.Database, podm_uuid: str, system_uuid: str | None, serial_number: str | None
) -> frozenset[str]:
    """Return which facts of a system other systems of its pod manager have, too.

    :returns: of ``system_uuid`` and ``serial_number`` those that tell nothing apart.
    """
    facts = {
        "system_uuid": (System.redfish_uuid, system_uuid),
        "serial_number": (System.serial_number, serial_number),
    }
    shared = set()
    with db.reader() as session:
        for fact, (column, value) in facts.items():
            same = sa.func.lower(column) == (value or "").lower()
            where = (System.podm_uuid == podm_uuid, same, System.state != "absent")
            count = sa.select(sa.func.count()).select_from(System).where(*where)
            if value is not None and (session.scalar(count) or 0) > 1:
                shared.add(fact)
    return frozenset(shared)


@db_engine.retried
def macs(db: db_engine.Database, podm_uuid: str, path: str) -> list[str]:
    """Return the MAC addresses of a system, as the last refreshes read them."""
    query = sa.select(System.details).where(System.podm_uuid == podm_uuid, System.path == path)
    with db.reader() as session:
        details = session.scalars(query).first() or {}
    return sorted(nic["mac"] for nic in details.get("nics", ()) if nic.get("mac"))


def of_nodes(*conditions: Any) -> Any:
    """Return a subquery: uuids of the nodes of Valence whose system meets the conditions."""
    return sa.select(System.node_uuid).where(System.node_uuid.is_not(None), *conditions)
