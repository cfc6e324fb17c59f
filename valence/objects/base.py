# SPDX-License-Identifier: Apache-2.0

"""What all tables have in common: times, pages, and errors of the database."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any
from typing import TypeVar
import uuid as uuids

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence import jsontext
from valence_conductor import waiting
from valence_conductor.db import columns as types
from valence_conductor.db.engine import Database

#: Where this schema keeps its revision, in a database that others may share.
VERSION_TABLE = "valence_version"

#: Rows in a page, unless fewer are asked for.
PAGE = 1000


class Base(orm.DeclarativeBase):
    """The tables of the service."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Verbatim(sa.types.TypeDecorator[jsontext.Verbatim]):
    """JSON that nobody looks into on its way to an answer."""

    impl = sa.Text
    cache_ok = True

    def process_result_value(
        self, value: str | None, dialect: sa.Dialect
    ) -> jsontext.Verbatim | None:
        """Give back what is written as it is."""
        return None if value is None else jsontext.Verbatim(value)


def as_stored(column: Any) -> Any:
    """Read a column for an answer, which says the same of it with less work.

    JSON is not taken apart to be put together again, and times are not told their zone.
    """
    if isinstance(column.type, sa.JSON):
        return sa.type_coerce(sa.cast(column, sa.Text), Verbatim).label(column.name)
    if isinstance(column.type, types.UTCDateTime):
        return sa.type_coerce(column, types.MOMENT).label(column.name)
    return column


@dataclasses.dataclass(frozen=True)
class Query:
    """Which rows of a collection are asked for.

    :ivar filters: attribute -> the value it must have.
    :ivar conditions: of SQLAlchemy, which a row must meet besides.
    :ivar marker: ident of the last row of the page before.
    :ivar sort: attribute and direction.
    :ivar scope: like filters; rows beyond it are not there, as a marker neither.
    """

    filters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    conditions: tuple[Any, ...] = ()
    limit: int = PAGE
    marker: str | None = None
    sort: tuple[str, str] = ("created_at", "asc")
    scope: Mapping[str, str] = dataclasses.field(default_factory=dict)


T = TypeVar("T")


def page(
    session: orm.Session,
    table: type[T],
    query: Query,
    fields: Sequence[str] | None = None,
    read: Callable[[Any], Any] = lambda column: column,
) -> tuple[Sequence[T], bool]:
    """Read a page of a table.

    Pages are found by the marker's values, not by counting: they hold when
    rows come and go between two requests.

    :param fields: read no more than these, as rows that only look like the
        table's: for a thousand of them that takes a third of the time.
    :param read: column -> what is read of it, such as :func:`as_stored`.
    :returns: the rows, and whether more follow.
    :raises RequestInvalid: there is no row like the marker.
    """
    key, direction = query.sort
    identity: Any = table
    order = (_sortable(table, key), identity.uuid)
    wanted: Any = sa.select(table)
    if fields is not None:
        wanted = sa.select(*(read(identity.__table__.c[field]) for field in fields))
    statement = wanted.where(
        *(getattr(table, field) == value for field, value in query.filters.items()),
        *(getattr(table, field) == value for field, value in query.scope.items()),
        *query.conditions,
    )
    if query.marker is not None:
        statement = statement.where(_behind(session, table, order, query))
    sorting = [column.desc() if direction == "desc" else column.asc() for column in order]
    statement = statement.order_by(*sorting).limit(query.limit + 1)
    rows: Any = (
        session.scalars(statement).all()
        if fields is None
        else session.connection().execute(statement).all()
    )
    return rows[: query.limit], len(rows) > query.limit


def mark(db: Database, table: Any, where: Sequence[Any], **values: Any) -> None:
    """Note who has something, without asking its pod manager.

    A refresh that began earlier knows less.

    :param table: with a column ``marked_at``.
    """
    with db.writer() as session:
        session.execute(sa.update(table).where(*where).values(marked_at=waiting.now(), **values))


def find(session: orm.Session, table: type[Any], ident: str) -> Any:
    """Find a row by uuid, or else by name if such rows have one; None when there is none.

    A name that several rows bear is nobody's.
    """
    if "\x00" in ident:  # no database has it, and PostgreSQL would not even look
        return None
    row = session.get(table, as_uuid(ident) or ident)
    if row is not None or not hasattr(table, "name"):
        return row
    named = session.scalars(sa.select(table).where(table.name == ident).limit(2)).all()
    return named[0] if len(named) == 1 else None


def as_uuid(text: str) -> str | None:
    """Write a uuid in its one canonical form; None for what is no uuid."""
    try:
        return str(uuids.UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None


def taken(
    session: orm.Session, table: type[Any], values: Mapping[str, Any], fields: Collection[str]
) -> str | None:
    """Tell the first of the fields whose value another row bears already.

    :param values: with the uuid of the row that they are for.
    """
    for field in fields:
        value = values.get(field)
        if value is None:
            continue
        statement = sa.select(table.uuid).where(getattr(table, field) == value)
        if field != "uuid" and values.get("uuid"):
            statement = statement.where(table.uuid != values["uuid"])
        if session.execute(statement.limit(1)).first() is not None:
            return field
    return None


def _sortable(table: type[Any], key: str) -> Any:
    column = getattr(table, key)
    return sa.func.coalesce(column, "") if key == "name" else column


def _behind(session: orm.Session, table: type[Any], columns: Any, query: Query) -> Any:
    key, direction = query.sort
    marker = find(session, table, query.marker or "")
    if any(getattr(marker, field, None) != value for field, value in query.scope.items()):
        marker = None
    if marker is None:
        raise errors.RequestInvalid(
            f"There is no row like the marker {query.marker!r} (any more). Start from the first "
            "page."
        )
    value = getattr(marker, key)
    values = (("" if value is None else value), marker.uuid)
    first, second = columns
    # The first condition says nothing new: it is what an index can be searched for.
    if direction == "desc":
        return sa.and_(first <= values[0], sa.or_(first < values[0], second < values[1]))
    return sa.and_(first >= values[0], sa.or_(first > values[0], second > values[1]))
