# SPDX-License-Identifier: Apache-2.0

"""The installation: which of all the Valences this database belongs to."""

import sqlalchemy as sa
from sqlalchemy import orm

from valence.objects import base
from valence_conductor.db import engine as db_engine


class Installation(base.Base):
    """The one row that tells this database from every other."""

    __tablename__ = "valence_installation"

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)


@db_engine.retried
def get(db: db_engine.Database) -> str:
    """Tell the uuid that this database was given when its tables were made."""
    with db.reader() as session:
        return session.scalars(sa.select(Installation.uuid)).one()
