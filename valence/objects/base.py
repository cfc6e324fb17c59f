# SPDX-License-Identifier: Apache-2.0

"""What all tables have in common: pages, look-ups by uuid or name, and unique fields."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import re
from typing import Any
from typing import Generic
from typing import TypeVar

from oslo_db import exception as db_errors
import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence import jsontext
from valence_conductor import waiting
from valence_conductor.db import columns as column_types
from valence_conductor.db import engine as db_engine

#: The table with the revision of this schema: several schemas may share a database.
VERSION_TABLE = "valence_version"

#: Rows in a page, unless the request sets a lower limit.
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
    """JSON that is copied into a response without being parsed."""

    impl = sa.Text
    cache_ok = True

    def process_result_value(
        self, value: str | None, dialect: sa.Dialect
    ) -> jsontext.Verbatim | None:
        """Return the stored text unparsed."""
        return None if value is None else jsontext.Verbatim(value)


def as_stored(column: Any) -> Any:
    """Return the cheapest expression that reads a column for a response.

    JSON is not parsed and serialised again, and times get no time zone object.
    """
    if isinstance(column.type, sa.JSON):
        return sa.type_coerce(sa.cast(column, sa.Text), Verbatim).label(column.name)
    if isinstance(column.type, column_types.UTCDateTime):
        return sa.type_coerce(column, column_types.MOMENT).label(column.name)
    return column


@dataclasses.dataclass(frozen=True)
class Query:
    """One page of a collection.

    :ivar filters: attribute -> the value it must have.
    :ivar conditions: further SQLAlchemy conditions.
    :ivar marker: uuid or name of the last row of the previous page.
    :ivar sort: attribute and direction.
    :ivar scope: like filters, for what the user may see; a row outside is no marker either.
    """

    filters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    conditions: tuple[Any, ...] = ()
    limit: int = PAGE
    marker: str | None = None
    sort: tuple[str, str] = ("created_at", "asc")
    scope: Mapping[str, str] = dataclasses.field(default_factory=dict)


#: uuids.UUID also takes hyphens in other places, and digits of other scripts.
UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

T = TypeVar("T")


def page(
    session: orm.Session,
    table: type[T],
    query: Query,
    fields: Sequence[str] | None = None,
    read: Callable[[Any], Any] = lambda column: column,
) -> tuple[Sequence[T], bool]:
    """Return a page of a table.

    Pages start behind the values of the marker, not at an offset, so that rows which
    are created or deleted between two requests do not shift them.

    :param fields: read only these, as named tuples instead of mapped objects: for a
        thousand rows that takes a third of the time.
    :param read: column -> the expression to read, such as :func:`as_stored`.
    :returns: the rows, and whether more follow.
    :raises RequestInvalid: the marker does not exist.
    """
    key, direction = query.sort
    mapped: Any = table
    order = (_sortable(table, key), mapped.uuid)
    statement: Any = sa.select(table)
    if fields is not None:
        statement = sa.select(*(read(mapped.__table__.c[field]) for field in fields))
    statement = statement.where(
        *(getattr(table, field) == value for field, value in query.filters.items()),
        *(getattr(table, field) == value for field, value in query.scope.items()),
        *query.conditions,
    )
    if query.marker is not None:
        statement = statement.where(_behind_marker(session, table, order, query))
    sorting = [column.desc() if direction == "desc" else column.asc() for column in order]
    statement = statement.order_by(*sorting).limit(query.limit + 1)
    rows: Any = (
        session.scalars(statement).all()
        if fields is None
        else session.connection().execute(statement).all()
    )
    return rows[: query.limit], len(rows) > query.limit


def find(session: orm.Session, table: type[Any], ident: str) -> Any:
    """Return the row with a uuid, or else the only row with that name; None if there is none.

    A name that several rows have identifies none of them.
    """
    if "\x00" in ident:  # PostgreSQL would raise; no row can have it
        return None
    uuid = as_uuid(ident)
    row = session.get(table, uuid) if uuid else None
    if row is not None or not hasattr(table, "name"):
        return row
    rows = session.scalars(sa.select(table).where(table.name == ident).limit(2)).all()
    return rows[0] if len(rows) == 1 else None


def as_uuid(text: str) -> str | None:
    """Return the canonical form of a uuid; None if the text is no uuid."""
    return text.lower() if UUID.fullmatch(text) else None


def duplicate_field(
    session: orm.Session, table: type[Any], values: Mapping[str, Any], fields: Collection[str]
) -> str | None:
    """Return the first of the fields whose value another row has already; None if none has.

    :param values: with the uuid of the row that they are meant for.
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


def mark(db: db_engine.Database, table: Any, where: Sequence[Any], **values: Any) -> None:
    """Update rows of hardware after an operation of Valence, and stamp them.

    A refresh that started before ``marked_at`` does not overwrite them.

    :param table: with a column ``marked_at``.
    """
    with db.writer() as session:
        session.execute(sa.update(table).where(*where).values(marked_at=waiting.now(), **values))


class Repository(Generic[T]):
    """Reads and writes the rows of one table, with the errors of its noun.

    Each module of this package publishes the methods that its noun supports as functions.

    :param table: with the columns uuid and created_at, and mostly name.
    :param noun: as error sentences call a row.
    :param path: of the collection in the API.
    :param not_found: raised for a uuid or name without a row.
    :param duplicate: raised for a unique field whose value another row has.
    """

    def __init__(
        self,
        table: type[T],
        noun: str,
        path: str,
        not_found: type[errors.ValenceError],
        duplicate: type[errors.ValenceError] = errors.ValenceError,
    ) -> None:
        self._table: Any = table
        self._noun = noun
        self._path = path
        self._not_found = not_found
        self._duplicate = duplicate

    @db_engine.retried
    def page(
        self, db: db_engine.Database, query: Query, fields: Sequence[str] | None = None
    ) -> tuple[Sequence[T], bool]:
        """Return a page of rows, or only some of their fields, and whether more follow."""
        with db.reader() as session:
            return page(session, self._table, query, fields)

    @db_engine.retried
    def find(self, db: db_engine.Database, ident: str) -> T | None:
        """Return the row with a uuid or a name of its own; None if there is none."""
        with db.reader() as session:
            row: T | None = find(session, self._table, ident)
            return row

    @db_engine.retried
    def get(self, db: db_engine.Database, ident: str) -> T:
        """Return the row with a uuid or a name of its own.

        :raises ValenceError: the noun's "not found": there is none.
        """
        with db.reader() as session:
            return self.load(session, ident)

    @db_engine.retried
    def create(self, db: db_engine.Database, values: Mapping[str, Any]) -> tuple[T, bool]:
        """Create a row; the same values with the same uuid again are the same row.

        :returns: the row, and whether it is new.
        :raises ValenceError: the noun's "duplicate": another row has its uuid or its name.
        """
        try:
            with db.writer() as session:
                existing = session.get(self._table, values["uuid"])
                if existing is not None and all(
                    getattr(existing, field) == value for field, value in values.items()
                ):
                    return existing, False
                self.check_unique(session, values, ("uuid", "name"))
                row: T = self._table(**values, created_at=waiting.now())
                session.add(row)
        except db_errors.DBDuplicateEntry as exc:
            raise self.duplicate("name", values["name"]) from exc
        return row, True

    @db_engine.retried
    def update(self, db: db_engine.Database, ident: str, changes: Mapping[str, Any]) -> T:
        """Change a row.

        :raises ValenceError: the noun's "not found", or its "duplicate": another row has
            the new name.
        """
        try:
            with db.writer() as session:
                row: Any = self.load(session, ident)
                self.check_unique(session, {**changes, "uuid": row.uuid}, ("name",))
                for field, value in changes.items():
                    setattr(row, field, value)
                row.updated_at = waiting.now()
        except db_errors.DBDuplicateEntry as exc:
            raise self.duplicate("name", changes.get("name")) from exc
        changed: T = row
        return changed

    @db_engine.retried
    def delete(self, db: db_engine.Database, ident: str) -> None:
        """Delete a row.

        :raises ValenceError: the noun's "not found": there is none.
        """
        with db.writer() as session:
            session.delete(self.load(session, ident))

    @db_engine.retried
    def refuse_duplicate(
        self, db: db_engine.Database, values: Mapping[str, Any], fields: Collection[str]
    ) -> None:
        """Raise if another row has the same value in one of the fields.

        :raises ValenceError: the noun's "duplicate".
        """
        with db.reader() as session:
            self.check_unique(session, values, fields)

    def check_unique(
        self, session: orm.Session, values: Mapping[str, Any], fields: Collection[str]
    ) -> None:
        """Do what :meth:`refuse_duplicate` does in the transaction of a session."""
        field = duplicate_field(session, self._table, values, fields)
        if field is not None:
            raise self.duplicate(field, values[field])

    def load(self, session: orm.Session, ident: str) -> T:
        """Do what :meth:`get` does in the transaction of a session."""
        row: T | None = find(session, self._table, ident)
        if row is None:
            raise self.not_found(ident)
        return row

    def not_found(self, ident: str) -> errors.ValenceError:
        """Return the error for a uuid or name without a row."""
        return self._not_found(self.not_found_message(ident))

    def not_found_message(self, ident: str) -> str:
        """Return the sentence for a uuid or name without a row."""
        name = self._table.__table__.c.get("name")
        ambiguous = name is not None and not name.unique
        rest = ", or several have that name: then use the uuid" if ambiguous else ""
        return f"There is no {self._noun} {ident!r}{rest}. GET {self._path} lists all."

    def duplicate(self, field: str, value: Any) -> errors.ValenceError:
        """Return the error for a field whose value another row has."""
        return self._duplicate(
            f"There is another {self._noun} with the {field} {value!r}. Choose another {field}, "
            f"or use that {self._noun}."
        )


def _sortable(table: type[Any], key: str) -> Any:
    column = getattr(table, key)
    return sa.func.coalesce(column, "") if key == "name" else column


def _behind_marker(session: orm.Session, table: type[Any], columns: Any, query: Query) -> Any:
    key, direction = query.sort
    marker = find(session, table, query.marker or "")
    if any(getattr(marker, field, None) != value for field, value in query.scope.items()):
        marker = None
    if marker is None:
        raise errors.RequestInvalid(
            f"The marker {query.marker!r} does not exist, or no longer. Start from the first page."
        )
    value = getattr(marker, key)
    values = (("" if value is None else value), marker.uuid)
    first, second = columns
    # The first condition is implied by the second, and lets the database use an index.
    if direction == "desc":
        return sa.and_(first <= values[0], sa.or_(first < values[0], second < values[1]))
    return sa.and_(first >= values[0], sa.or_(first > values[0], second > values[1]))
