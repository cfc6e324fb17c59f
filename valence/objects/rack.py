# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""Racks: where the systems stand."""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence.objects import system as systems
from valence_conductor import columns
from valence_conductor import database


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


@database.retried
def page(db: database.Database, query: base.Query) -> tuple[Sequence[Rack], bool]:
    """Read a page of racks, and whether more follow."""
    with db.reader() as session:
        return base.page(session, Rack, query)


@database.retried
def get(db: database.Database, ident: str) -> Rack:
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


@database.retried
def contents(db: database.Database, uuids: Collection[str]) -> Mapping[str, Mapping[str, int]]:
    """Count the systems in racks by state."""
    table = systems.System
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
