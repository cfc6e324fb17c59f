# SPDX-License-Identifier: Apache-2.0

"""Systems: the computers of all pools, as the last refreshes read them."""

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
    where = (System.podm_uuid == podm_uuid, System.path == path)
    base.mark(db, System, where, state="used", node_uuid=node_uuid, node_path=node_path)


@db_engine.retried
def mark_free(db: db_engine.Database, node_uuid: str) -> None:
    """Record that a node of Valence holds no system any more."""
    where = (System.node_uuid == node_uuid, System.state == "used")
    base.mark(db, System, where, state="free", node_uuid=None, node_path=None)


def of_nodes(*conditions: Any) -> Any:
    """Return a subquery: uuids of the nodes of Valence whose system meets the conditions."""
    return sa.select(System.node_uuid).where(System.node_uuid.is_not(None), *conditions)
