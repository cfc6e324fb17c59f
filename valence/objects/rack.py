# SPDX-License-Identifier: Apache-2.0

"""Racks: where the systems stand."""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence.objects import system as system_objects
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine


class Rack(base.Base):
    """A rack, or whatever chassis stands on its own. Written by refreshes alone."""

    __tablename__ = "racks"

    #: Made of its pod manager and its path.
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    podm_uuid: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("podmanagers.uuid", ondelete="CASCADE"), index=True
    )
    path: orm.Mapped[str] = orm.mapped_column(sa.String(1024))
    name: orm.Mapped[str | None] = orm.mapped_column(sa.String(255), index=True)
    chassis_type: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    manufacturer: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    model: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    serial_number: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    health: orm.Mapped[str | None] = orm.mapped_column(sa.String(32))
    #: When it was seen last, if the last refresh did not see it.
    unseen_since: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)


@db_engine.retried
def page(db: db_engine.Database, query: base.Query) -> tuple[Sequence[Rack], bool]:
    """Read a page of racks, and whether more follow."""
    with db.reader() as session:
        return base.page(session, Rack, query)


@db_engine.retried
def get(db: db_engine.Database, ident: str) -> Rack:
    """Read a rack by uuid, or by a name that it alone has.

    :raises RackNotFound: there is none.
    """
    with db.reader() as session:
        found: Rack | None = base.find(session, Rack, ident)
    if found is None:
        raise errors.RackNotFound(
            f"There is no rack {ident!r}, or several bear that name: then use the uuid. GET "
            "/v1/racks lists those there are."
        )
    return found


@db_engine.retried
def contents(db: db_engine.Database, uuids: Collection[str]) -> Mapping[str, Mapping[str, int]]:
    """Count the systems in racks by state."""
    table = system_objects.System
    statement = (
        sa.select(table.rack_uuid, table.state, sa.func.count())
        .where(table.rack_uuid.in_(uuids))
        .group_by(table.rack_uuid, table.state)
    )
    found: dict[str, dict[str, int]] = {uuid: {} for uuid in uuids}
    with db.reader() as session:
        for uuid, state, count in session.execute(statement):
            if uuid is not None:
                found[uuid][state] = count
    return found
