# SPDX-License-Identifier: Apache-2.0

"""Pooled devices, which belong to no system, as the last refreshes read them."""

from collections.abc import Collection
import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence.podmanagers import odata
from valence_conductor import waiting
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine

STATES = ("free", "allocated", "absent")


class Device(base.Base):
    """A pooled drive or accelerator. Refreshes and operations of Valence write it."""

    __tablename__ = "devices"
    __table_args__ = (sa.Index("ix_devices_created_at", "created_at", "uuid"),)

    #: Derived from its pod manager and its path.
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    podm_uuid: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("podmanagers.uuid", ondelete="CASCADE"), index=True
    )
    #: The API calls it ``resource_uri``.
    path: orm.Mapped[str] = orm.mapped_column(columns.ExactString(1024))
    type: orm.Mapped[str] = orm.mapped_column(columns.ExactString(64))
    state: orm.Mapped[str] = orm.mapped_column(sa.String(16))
    #: The composed node that holds it: its path, and its uuid if Valence manages it.
    node_path: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(1024))
    node_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36), index=True)
    pooled_group_id: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    #: The chassis or system that lists it.
    listed_by: orm.Mapped[str] = orm.mapped_column(columns.ExactString(1024))
    #: As :class:`valence.podmanagers.inventory.Device` has them, like the fingerprint.
    properties: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)
    fingerprint: orm.Mapped[str] = orm.mapped_column(sa.String(64))
    details_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    #: Notes of operators; Valence does not read them.
    extra: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON, default=dict)
    #: When it was last read, if the last refresh did not list it.
    unseen_since: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: When Valence allocated or released it: a refresh that started earlier is older.
    marked_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        columns.UTCDateTime, onupdate=waiting.now
    )


DEVICES = base.Repository(Device, "device", "/v1/pooled", errors.DeviceNotFound)
page, get = DEVICES.page, DEVICES.get


@db_engine.retried
def mark_allocated(
    db: db_engine.Database, podm_uuid: str, paths: Collection[str], node_uuid: str, node_path: str
) -> None:
    """Record that a node of Valence holds devices, without a refresh.

    :param paths: of all that the node holds; paths that are no devices are ignored.
    """
    spellings = {spelling for path in paths for spelling in odata.spellings(path)}
    where = (Device.podm_uuid == podm_uuid, Device.path.in_(spellings))
    base.mark(db, Device, where, state="allocated", node_uuid=node_uuid, node_path=node_path)


@db_engine.retried
def mark_free(db: db_engine.Database, node_uuid: str) -> None:
    """Record that a node of Valence holds no device any more."""
    where = (Device.node_uuid == node_uuid, Device.state == "allocated")
    base.mark(db, Device, where, state="free", node_uuid=None, node_path=None)


def counts(*conditions: Any) -> Any:
    """Return a query of pod manager, type, state and count; absent devices do not count."""
    key = (Device.podm_uuid, Device.type, Device.state)
    return (
        sa.select(*key, sa.func.count())
        .where(Device.state != "absent", *conditions)
        .group_by(*key)
    )
