# SPDX-License-Identifier: Apache-2.0

"""Tables of the plugin.

Only :mod:`valence_integration.db.instances` uses these classes; for the reason see
:mod:`valence_integration.objects`.
"""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from valence_conductor.db import columns


def _json() -> sa.JSON:
    return sa.JSON(none_as_null=True)


class Base(orm.DeclarativeBase):
    """Declarative base; the migrations must agree with its metadata."""


class InstanceRow(Base):
    """One requested server and the state of its operation.

    The columns have the meanings of the fields of
    :class:`valence_integration.objects.instance.Instance`.
    """

    __tablename__ = "instances"
    __table_args__ = (sa.Index("ix_instances_state", "state"),)

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=True)
    uuid: orm.Mapped[str] = orm.mapped_column(columns.ExactString(36), unique=True)
    name: orm.Mapped[str] = orm.mapped_column(columns.ExactString(255))
    project_id: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    user_id: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    state: orm.Mapped[str] = orm.mapped_column(sa.String(15))
    operation: orm.Mapped[str] = orm.mapped_column(sa.String(15))
    task: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    task_since: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    generation: orm.Mapped[int] = orm.mapped_column(sa.Integer)
    destroy_requested: orm.Mapped[bool] = orm.mapped_column(sa.Boolean)
    request_digest: orm.Mapped[str] = orm.mapped_column(sa.String(64))
    requirements: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(_json())
    flavor: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    deploy: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(_json())
    node_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    ironic_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    podm_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    fault: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(_json())
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: None, in rows older than the column, means not composed.
    composed: orm.Mapped[bool | None] = orm.mapped_column(sa.Boolean)
    conductor: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))


class InstallationRow(Base):
    """The single row that identifies this database: its uuid marks the plugin's resources."""

    __tablename__ = "valence_integration_installation"

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
