# SPDX-License-Identifier: Apache-2.0

"""Systems: the computers of all pools, as their pod managers last told of them."""

from collections.abc import Sequence
import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine

STATES = ("free", "used", "absent")


class System(base.Base):
    """A computer system of a pool. Written by refreshes, and by what we do ourselves."""

    __tablename__ = "systems"
    __table_args__ = (sa.Index("ix_systems_created_at", "created_at", "uuid"),)

    #: Made of its pod manager and its path.
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    podm_uuid: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("podmanagers.uuid", ondelete="CASCADE"), index=True
    )
    rack_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36), index=True)
    path: orm.Mapped[str] = orm.mapped_column(sa.String(1024))
    chassis_path: orm.Mapped[str | None] = orm.mapped_column(sa.String(1024))
    name: orm.Mapped[str | None] = orm.mapped_column(sa.String(255), index=True)
    state: orm.Mapped[str] = orm.mapped_column(sa.String(16))
    #: The composed node that has it, on its pod manager, and whether that is one of ours.
    node_path: orm.Mapped[str | None] = orm.mapped_column(sa.String(1024))
    node_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36), index=True)
    redfish_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    serial_number: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    manufacturer: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    model: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    health: orm.Mapped[str | None] = orm.mapped_column(sa.String(32))
    power_state: orm.Mapped[str | None] = orm.mapped_column(sa.String(32))
    processor_count: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    processor_model: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    cores: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    memory_mib: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    #: Fields of :class:`valence.podmanagers.inventory.Details`.
    details: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)
    details_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    #: When it was seen last, if the last refresh did not see it.
    unseen_since: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: When we took it or gave it back ourselves: a refresh that began earlier knows less.
    marked_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)


@db_engine.retried
def page(
    db: db_engine.Database, query: base.Query, fields: Sequence[str] | None = None
) -> tuple[Sequence[System], bool]:
    """Read a page of systems, or only some fields of theirs, and whether more follow."""
    with db.reader() as session:
        return base.page(session, System, query, fields)


@db_engine.retried
def get(db: db_engine.Database, ident: str) -> System:
    """Read a system by uuid, or by a name that it alone has.

    :raises SystemNotFound: there is none.
    """
    with db.reader() as session:
        found: System | None = base.find(session, System, ident)
    if found is None:
        raise errors.SystemNotFound(
            f"There is no system {ident!r}, or several bear that name: then use the uuid. GET "
            "/v1/systems lists those there are."
        )
    return found


@db_engine.retried
def mark_allocated(
    db: db_engine.Database, podm_uuid: str, path: str, node_uuid: str, node_path: str
) -> None:
    """Note that a node of ours has a system, without asking its pod manager."""
    where = (System.podm_uuid == podm_uuid, System.path == path)
    base.mark(db, System, where, state="used", node_uuid=node_uuid, node_path=node_path)


@db_engine.retried
def mark_free(db: db_engine.Database, node_uuid: str) -> None:
    """Note that a node of ours has no system any more."""
    where = (System.node_uuid == node_uuid, System.state == "used")
    base.mark(db, System, where, state="free", node_uuid=None, node_path=None)


def of_nodes(*conditions: Any) -> Any:
    """Give the uuids of the nodes of ours that have a system like this, as a subquery."""
    return sa.select(System.node_uuid).where(System.node_uuid.is_not(None), *conditions)
