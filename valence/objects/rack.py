# SPDX-License-Identifier: Apache-2.0

"""Racks: the chassis that contain the systems."""

from collections.abc import Collection
from collections.abc import Mapping
import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence.objects import system as system_objects
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine


class Rack(base.Base):
    """A rack, or any chassis outside a rack. Only refreshes write it."""

    __tablename__ = "racks"

    #: Derived from its pod manager and its path.
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    podm_uuid: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("podmanagers.uuid", ondelete="CASCADE"), index=True
    )
    path: orm.Mapped[str] = orm.mapped_column(columns.ExactString(1024))
    name: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255), index=True)
    chassis_type: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(64))
    manufacturer: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    model: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    serial_number: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    health: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(32))
    #: When it was last read, if the last refresh did not list it.
    unseen_since: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)


RACKS = base.Repository(Rack, "rack", "/v1/racks", errors.RackNotFound)
page, get = RACKS.page, RACKS.get


@db_engine.retried
def contents(db: db_engine.Database, uuids: Collection[str]) -> Mapping[str, Mapping[str, int]]:
    """Count the systems of racks: uuid of a rack -> state -> count."""
    table = system_objects.System
    statement = (
        sa.select(table.rack_uuid, table.state, sa.func.count())
        .where(table.rack_uuid.in_(uuids))
        .group_by(table.rack_uuid, table.state)
    )
    counts: dict[str, dict[str, int]] = {uuid: {} for uuid in uuids}
    with db.reader() as session:
        for uuid, state, count in session.execute(statement):
            if uuid is not None:
                counts[uuid][state] = count
    return counts
