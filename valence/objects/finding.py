# SPDX-License-Identifier: Apache-2.0

"""Findings: what the last complete audits left for an operator to look at."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import datetime

from oslo_db import exception as db_errors
import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence_conductor import waiting
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine

KINDS = (
    "composed-node",
    "ironic-node",
    "ironic-system",
    "missing-node",
    "identity-conflict",
    "unreleased-node",
)

#: How old ``last_seen_at`` becomes before a row is written for it alone.
SEEN_PRECISION = datetime.timedelta(minutes=5)

#: Characters that are stored of a path, and of a text.
PATH_MAX = 1024
TEXT_MAX = 16383


class Finding(base.Base):
    """A resource that no row owns, or a row that contradicts its pod manager.

    Only audits write it. It is deleted when a complete audit of its peer lacks it.
    """

    __tablename__ = "findings"
    __table_args__ = (sa.Index("ix_findings_first_seen_at", "first_seen_at", "uuid"),)

    #: Derived from what was found, the same at every audit.
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    #: None: an Ironic node of which no pod manager is known.
    podm_uuid: orm.Mapped[str | None] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("podmanagers.uuid", ondelete="CASCADE"), index=True
    )
    kind: orm.Mapped[str] = orm.mapped_column(sa.String(32))
    #: On the pod manager; of an Ironic node its uuid.
    path: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(PATH_MAX))
    #: The node that it names; that node need not exist.
    node_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36), index=True)
    detail: orm.Mapped[str] = orm.mapped_column(sa.Text)
    #: What an operator has to do.
    remedy: orm.Mapped[str] = orm.mapped_column(sa.Text)
    first_seen_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    last_seen_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)


FINDINGS = base.Repository(Finding, "finding", "/v1/findings", errors.RequestInvalid)
page = FINDINGS.page


def replace(
    db: db_engine.Database,
    findings: Iterable[Mapping[str, str | None]],
    kinds: Collection[str],
    podm_uuid: str | None = None,
) -> None:
    """Replace the findings of some kinds by those of a complete audit.

    Nothing is written if nothing has changed, except that ``last_seen_at`` is kept to within
    :data:`SEEN_PRECISION`.

    :param findings: the columns of each, without the times.
    :param podm_uuid: replace only those of this pod manager; None: of all.
    """
    # A pod manager is deleted, or another process audits: the next audit decides.
    with contextlib.suppress(db_errors.DBReferenceError, db_errors.DBDuplicateEntry):
        _replace(db, {str(values["uuid"]): values for values in findings}, kinds, podm_uuid)


@db_engine.retried
def _replace(
    db: db_engine.Database,
    findings: Mapping[str, Mapping[str, str | None]],
    kinds: Collection[str],
    podm_uuid: str | None,
) -> None:
    where: list[sa.ColumnElement[bool]] = [Finding.kind.in_(kinds)]
    if podm_uuid is not None:
        where.append(Finding.podm_uuid == podm_uuid)
    statement = sa.select(Finding).where(*where)
    with db.reader() as session:
        stored = {row.uuid: row for row in session.scalars(statement)}
    now = waiting.now()
    gone = stored.keys() - findings.keys()
    outdated = {
        uuid: values
        for uuid, values in findings.items()
        if uuid not in stored or _is_outdated(stored[uuid], values, now)
    }
    if not gone and not outdated:
        return
    with db.writer() as session:
        if gone:
            session.execute(sa.delete(Finding).where(Finding.uuid.in_(gone)))
        for uuid, values in outdated.items():
            row = session.get(Finding, uuid)
            if row is None:
                row = Finding(first_seen_at=now)
                session.add(row)
            for column, value in values.items():
                setattr(row, column, value)
            row.last_seen_at = now


def _is_outdated(row: Finding, values: Mapping[str, str | None], now: datetime.datetime) -> bool:
    is_changed = any(getattr(row, column) != value for column, value in values.items())
    return is_changed or now - row.last_seen_at >= SEEN_PRECISION


@db_engine.retried
def count(db: db_engine.Database) -> Mapping[Sequence[str], float]:
    """Count the findings: uuid of the pod manager, or an empty text, and kind -> number."""
    key = (Finding.podm_uuid, Finding.kind)
    statement = sa.select(*key, sa.func.count()).group_by(*key)
    with db.reader() as session:
        return {(row[0] or "", row[1]): row[2] for row in session.execute(statement)}
