# SPDX-License-Identifier: Apache-2.0

"""Devices: what is pooled and belongs to no system, as pod managers last told of it."""

from collections.abc import Collection
from collections.abc import Sequence
import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence_conductor import waiting
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine

STATES = ("free", "allocated", "absent")


class Device(base.Base):
    """A pooled drive or accelerator. Written by refreshes, and by what we do ourselves."""

    __tablename__ = "devices"
    __table_args__ = (sa.Index("ix_devices_created_at", "created_at", "uuid"),)

    #: Made of its pod manager and its path.
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    podm_uuid: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("podmanagers.uuid", ondelete="CASCADE"), index=True
    )
    #: The API calls it ``resource_uri``.
    path: orm.Mapped[str] = orm.mapped_column(sa.String(1024))
    type: orm.Mapped[str] = orm.mapped_column(sa.String(64))
    state: orm.Mapped[str] = orm.mapped_column(sa.String(16))
    #: The composed node that has it, on its pod manager, and whether that is one of ours.
    node_path: orm.Mapped[str | None] = orm.mapped_column(sa.String(1024))
    node_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36), index=True)
    pooled_group_id: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    #: The chassis or system that lists it.
    listed_by: orm.Mapped[str] = orm.mapped_column(sa.String(1024))
    #: As :class:`valence.podmanagers.inventory.Device` has them, like the fingerprint.
    properties: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)
    fingerprint: orm.Mapped[str] = orm.mapped_column(sa.String(64))
    details_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    #: Of those who look after it; nobody here reads it.
    extra: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON, default=dict)
    #: When it was seen last, if the last refresh did not see it.
    unseen_since: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: When we took it or gave it back ourselves: a refresh that began earlier knows less.
    marked_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        columns.UTCDateTime, onupdate=waiting.now
    )


@db_engine.retried
def page(
    db: db_engine.Database, query: base.Query, fields: Sequence[str] | None = None
) -> tuple[Sequence[Device], bool]:
    """Read a page of devices, or only some fields of theirs, and whether more follow."""
    with db.reader() as session:
        return base.page(session, Device, query, fields)


@db_engine.retried
def get(db: db_engine.Database, uuid: str) -> Device:
    """Read a device by uuid: it has no name.

    :raises DeviceNotFound: there is none.
    """
    with db.reader() as session:
        found: Device | None = base.find(session, Device, uuid)
    if found is None:
        raise errors.DeviceNotFound(
            f"There is no device {uuid!r}. GET /v1/pooled lists those there are."
        )
    return found


@db_engine.retried
def mark_allocated(
    db: db_engine.Database, podm_uuid: str, paths: Collection[str], node_uuid: str, node_path: str
) -> None:
    """Note that a node of ours has devices, without asking its pod manager.

    :param paths: of all that it has; those that are no devices do not matter.
    """
    where = (Device.podm_uuid == podm_uuid, Device.path.in_(paths))
    base.mark(db, Device, where, state="allocated", node_uuid=node_uuid, node_path=node_path)


@db_engine.retried
def mark_free(db: db_engine.Database, node_uuid: str) -> None:
    """Note that a node of ours has no device any more."""
    where = (Device.node_uuid == node_uuid, Device.state == "allocated")
    base.mark(db, Device, where, state="free", node_uuid=None, node_path=None)


def counts(*conditions: Any) -> Any:
    """Select how many there are: pod manager, type, state, count. What is absent is not."""
    key = (Device.podm_uuid, Device.type, Device.state)
    return (
        sa.select(*key, sa.func.count())
        .where(Device.state != "absent", *conditions)
        .group_by(*key)
    )
