# SPDX-License-Identifier: Apache-2.0

"""Flavors: named requirements of nodes."""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence_conductor.db import columns


class Flavor(base.Base):
    """Named requirements. Nodes copy them: a change or a deletion affects no node."""

    __tablename__ = "flavors"

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(columns.ExactString(255), unique=True)
    description: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    properties: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)


FLAVORS = base.Repository(
    Flavor, "flavor", "/v1/flavors", errors.FlavorNotFound, errors.FlavorDuplicate
)
page, get, create = FLAVORS.page, FLAVORS.get, FLAVORS.create
update, delete = FLAVORS.update, FLAVORS.delete
