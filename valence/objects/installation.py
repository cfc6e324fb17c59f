# SPDX-License-Identifier: Apache-2.0

"""The installation: the identity of this Valence among those that share pod managers."""

import sqlalchemy as sa
from sqlalchemy import orm

from valence.objects import base
from valence_conductor.db import engine as db_engine


class Installation(base.Base):
    """The only row of its table: the uuid of this installation."""

    __tablename__ = "valence_installation"

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)


@db_engine.retried
def get(db: db_engine.Database) -> str:
    """Return the uuid that the migrations gave this database."""
    with db.reader() as session:
        return session.scalars(sa.select(Installation.uuid)).one()
