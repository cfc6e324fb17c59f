# SPDX-License-Identifier: Apache-2.0

"""Flavors: what to compose, under a name."""

from collections.abc import Mapping
from collections.abc import Sequence
import datetime
from typing import Any

from oslo_db import exception as db_errors
import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence_conductor import waiting
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine


class Flavor(base.Base):
    """What to compose, under a name. Nodes copy it: changing it changes no node."""

    __tablename__ = "flavors"

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(255), unique=True)
    description: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    properties: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)


@db_engine.retried
def page(db: db_engine.Database, query: base.Query) -> tuple[Sequence[Flavor], bool]:
    """Read a page of flavors, and whether more follow."""
    with db.reader() as session:
        return base.page(session, Flavor, query)


@db_engine.retried
def get(db: db_engine.Database, ident: str) -> Flavor:
    """Read a flavor by uuid or name.

    :raises FlavorNotFound: there is none.
    """
    with db.reader() as session:
        return _find(session, ident)


@db_engine.retried
def create(db: db_engine.Database, values: Mapping[str, Any]) -> tuple[Flavor, bool]:
    """Create a flavor, or find that exactly this one was created before.

    :returns: the flavor, and whether it is new.
    :raises FlavorDuplicate: its uuid or its name stands for another.
    """
    try:
        with db.writer() as session:
            same = session.get(Flavor, values["uuid"])
            if same is not None and all(getattr(same, key) == values[key] for key in values):
                return same, False
            _refuse_duplicate(session, values, ("uuid", "name"))
            flavor = Flavor(**values, created_at=waiting.now())
            session.add(flavor)
    except db_errors.DBDuplicateEntry as exc:
        raise _duplicate("name", values["name"]) from exc
    return flavor, True


@db_engine.retried
def update(db: db_engine.Database, ident: str, changes: Mapping[str, Any]) -> Flavor:
    """Change a flavor.

    :raises FlavorNotFound: there is none.
    :raises FlavorDuplicate: another has the new name.
    """
    try:
        with db.writer() as session:
            flavor = _find(session, ident)
            _refuse_duplicate(session, {**changes, "uuid": flavor.uuid}, ("name",))
            for field, value in changes.items():
                setattr(flavor, field, value)
            flavor.updated_at = waiting.now()
    except db_errors.DBDuplicateEntry as exc:
        raise _duplicate("name", changes.get("name")) from exc
    return flavor


@db_engine.retried
def delete(db: db_engine.Database, ident: str) -> None:
    """Delete a flavor; nodes that were composed from it stay.

    :raises FlavorNotFound: there is none.
    """
    with db.writer() as session:
        session.delete(_find(session, ident))


def _find(session: orm.Session, ident: str) -> Flavor:
    found: Flavor | None = base.find(session, Flavor, ident)
    if found is None:
        raise errors.FlavorNotFound(
            f"There is no flavor {ident!r}. GET /v1/flavors lists those there are."
        )
    return found


def _refuse_duplicate(
    session: orm.Session, values: Mapping[str, Any], fields: tuple[str, ...]
) -> None:
    field = base.taken(session, Flavor, values, fields)
    if field is not None:
        raise _duplicate(field, values[field])


def _duplicate(field: str, value: Any) -> errors.FlavorDuplicate:
    return errors.FlavorDuplicate(
        f"There is another flavor with the {field} {value!r}. Choose another {field}, or use "
        "that flavor."
    )
