# SPDX-License-Identifier: Apache-2.0

"""Released nodes: which uuids were those of nodes of this database, and are no more.

A machine with the mark of a node that this database never released is no stray: the
database may have been restored from a backup that does not have the node yet, or be a copy of
another one, or an operator has stated that the node is gone.
"""

from collections.abc import Iterable
import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from valence.objects import base
from valence_conductor import waiting
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine

#: For how long a released node is remembered. What turns up later is reported, not deleted.
RETENTION = datetime.timedelta(days=400)


class ReleasedNode(base.Base):
    """A node whose row was deleted because its machine was given back, or was to be."""

    __tablename__ = "released_nodes"

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    released_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime, index=True)


def record(session: orm.Session, uuids: Iterable[str]) -> None:
    """Record that nodes are released, in the transaction that deletes their rows."""
    now = waiting.now()
    expired = ReleasedNode.released_at < now - RETENTION
    session.execute(sa.delete(ReleasedNode).where(expired))
    for uuid in uuids:
        session.merge(ReleasedNode(uuid=uuid, released_at=now))


def remove(session: orm.Session, uuid: str) -> None:
    """Delete the record of an earlier node with the same uuid."""
    session.execute(sa.delete(ReleasedNode).where(ReleasedNode.uuid == uuid))


@db_engine.retried
def is_recorded(db: db_engine.Database, uuid: str) -> bool:
    """Return whether a node of this database had a uuid, and was released."""
    with db.reader() as session:
        return session.get(ReleasedNode, uuid) is not None
