# SPDX-License-Identifier: Apache-2.0

"""The table of instances."""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from valence_conductor.db import columns


def _json() -> sa.JSON:
    return sa.JSON(none_as_null=True)


class Base(orm.DeclarativeBase):
    """Whose metadata the migrations must agree with."""


class InstanceRow(Base):
    """One server that somebody asked for, and where it stands.

    The columns mean what the fields of
    :class:`valence_integration.objects.instance.Instance` mean.
    """

    __tablename__ = "instances"
    __table_args__ = (sa.Index("ix_instances_state", "state"),)

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=True)
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), unique=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(255))
    project_id: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    user_id: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    state: orm.Mapped[str] = orm.mapped_column(sa.String(15))
    operation: orm.Mapped[str] = orm.mapped_column(sa.String(15))
    task: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    task_since: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    generation: orm.Mapped[int] = orm.mapped_column(sa.Integer)
    destroy_requested: orm.Mapped[bool] = orm.mapped_column(sa.Boolean)
    request_digest: orm.Mapped[str] = orm.mapped_column(sa.String(64))
    requirements: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(_json())
    flavor: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    deploy: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(_json())
    node_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    ironic_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    podm_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    fault: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(_json())
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: None in a row that is older than the column: not composed.
    composed: orm.Mapped[bool | None] = orm.mapped_column(sa.Boolean)
    conductor: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))


class InstallationRow(Base):
    """The one row that tells this database from every other."""

    __tablename__ = "valence_integration_installation"

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
