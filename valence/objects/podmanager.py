# SPDX-License-Identifier: Apache-2.0

"""Pod managers: where they are, how to get in, and how they are."""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import datetime
from typing import Any

from oslo_db import exception as db_errors
from oslo_log import log as logging
import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import base
from valence.objects import node as node_objects
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine
from valence_conductor.db import state_log

LOG = logging.getLogger(__name__)

#: What those are that do not answer as they should.
UNWELL = ("degraded", "offline")

#: Nodes that an answer names; of the others it tells how many there are.
SAID = 10


class PodManager(base.Base):
    """A pod manager. Its password is encrypted, and leaves only to its driver."""

    __tablename__ = "podmanagers"

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(255), unique=True)
    url: orm.Mapped[str] = orm.mapped_column(sa.String(512), unique=True)
    driver: orm.Mapped[str] = orm.mapped_column(sa.String(64))
    username: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    password_encrypted: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    #: A boolean, or the path of a file with certificates of authorities.
    verify_ca: orm.Mapped[bool | str] = orm.mapped_column(sa.JSON)
    #: Certificates of the authorities to trust instead, in PEM.
    ca: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    #: Whether nodes are composed on it; those that stand there are looked after anyway.
    enabled: orm.Mapped[bool] = orm.mapped_column(sa.Boolean, default=True)
    tags: orm.Mapped[list[str]] = orm.mapped_column(sa.JSON, default=list)
    #: online, degraded, offline, unknown
    status: orm.Mapped[str] = orm.mapped_column(sa.String(16))
    status_reason: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    status_since: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)


@db_engine.retried
def page(db: db_engine.Database, query: base.Query) -> tuple[Sequence[PodManager], bool]:
    """Read a page of pod managers, and whether more follow."""
    with db.reader() as session:
        return base.page(session, PodManager, query)


@db_engine.retried
def find(db: db_engine.Database, ident: str) -> PodManager | None:
    """Read a pod manager by uuid or name; None when there is none."""
    with db.reader() as session:
        found: PodManager | None = base.find(session, PodManager, ident)
        return found


@db_engine.retried
def get(db: db_engine.Database, ident: str) -> PodManager:
    """Read a pod manager by uuid or name.

    :raises PodManagerNotFound: there is none.
    """
    with db.reader() as session:
        return _find(session, ident)


@db_engine.retried
def is_unavailable(db: db_engine.Database, uuid: str) -> bool:
    """Tell whether a pod manager does not answer as it should."""
    table = PodManager.__table__.c
    statement = sa.select(table.status).where(table.uuid == uuid)
    with db.reader() as session:
        return session.connection().execute(statement).scalar() in UNWELL


@db_engine.retried
def refuse_duplicate(
    db: db_engine.Database, values: Mapping[str, Any], fields: Collection[str]
) -> None:
    """See that no other pod manager has the same in these fields.

    :raises PodManagerDuplicate: one has.
    """
    with db.reader() as session:
        _refuse_duplicate(session, values, fields)


@db_engine.retried
def create(db: db_engine.Database, values: Mapping[str, Any]) -> PodManager:
    """Create a pod manager that was found to be online.

    :raises PodManagerDuplicate: another has its name, URL or uuid.
    """
    now = waiting.now()
    try:
        with db.writer() as session:
            _refuse_duplicate(session, values, ("uuid", "name", "url"))
            row = PodManager(**values, status="online", status_since=now, created_at=now)
            session.add(row)
    except db_errors.DBDuplicateEntry as exc:
        raise _duplicate("name, URL or uuid", values["name"]) from exc
    LOG.info("Pod manager %s (%s) is known, at %s", row.uuid, row.name, row.url)
    return row


@db_engine.retried
def update(
    db: db_engine.Database, seen: PodManager, changes: Mapping[str, Any], *, online: bool = False
) -> PodManager:
    """Change a pod manager.

    :param seen: its row as the changes were checked against.
    :param online: whether it has just been found to be so.
    :raises PodManagerNotFound: there is none any more.
    :raises PodManagerDuplicate: another has the new name or URL.
    :raises Superseded: somebody else has changed it since.
    """
    try:
        with db.writer() as session:
            row = session.get(PodManager, seen.uuid, with_for_update=True)
            if row is None:
                raise _not_found(seen.uuid)
            if row.updated_at != seen.updated_at:
                raise conductor_errors.Superseded(f"pod manager {row.uuid} was changed meanwhile")
            _refuse_duplicate(session, {**changes, "uuid": row.uuid}, ("name", "url"))
            for field, value in {**changes, **(_online(row) if online else {})}.items():
                setattr(row, field, value)
            row.updated_at = waiting.now()
    except db_errors.DBDuplicateEntry as exc:
        raise _duplicate("name or URL", changes.get("name") or changes.get("url")) from exc
    LOG.info("Pod manager %s (%s) is changed: %s", row.uuid, row.name, ", ".join(sorted(changes)))
    return row


@db_engine.retried
def delete(db: db_engine.Database, ident: str) -> str:
    """Forget a pod manager on which no node stands.

    :returns: its uuid.
    :raises PodManagerNotFound: there is none.
    :raises PodManagerInUse: nodes stand on it.
    """
    try:
        with db.writer() as session:
            row = _find(session, ident)
            standing = node_objects.list_on_podm(session, row.uuid)
            if standing:
                raise _in_use(row.name, standing)
            session.delete(row)
    except db_errors.DBReferenceError as exc:
        raise _in_use(ident, []) from exc
    LOG.info("Pod manager %s (%s) is forgotten", row.uuid, row.name)
    return row.uuid


@db_engine.retried
def forget(db: db_engine.Database, uuid: str) -> Sequence[node_objects.Node]:
    """Forget a pod manager that is gone for good, and the nodes that were on it.

    All in one transaction: no operation begins on one of them meanwhile.

    :returns: the nodes that are forgotten.
    :raises PodManagerNotFound: there is none.
    :raises PodManagerInUse: a node is in Ironic, or something is being done for it.
    """
    try:
        with db.writer() as session:
            row = _find(session, uuid)
            standing = node_objects.list_on_podm(session, row.uuid)
            held = [
                node for node in standing if node.managed_by or node.state in node_objects.ASKED_IN
            ]
            if held:
                raise _held(row.name, held)
            for node in standing:
                session.delete(node)
            session.flush()
            session.delete(row)
    except db_errors.DBReferenceError as exc:
        raise _in_use(uuid, []) from exc
    for node in standing:
        state_log.log_state_change(
            "Node", node.uuid, node.state, state_log.GONE, generation=node.generation
        )
    LOG.warning(
        "Pod manager %s (%s) is forgotten though gone, with %d nodes that stood on it",
        row.uuid,
        row.name,
        len(standing),
    )
    return standing


@db_engine.retried
def list_secrets(db: db_engine.Database) -> Sequence[tuple[str, str, str]]:
    """List uuid, name and encrypted password of every pod manager that has one."""
    columns = (PodManager.uuid, PodManager.name, PodManager.password_encrypted)
    statement = sa.select(*columns).where(PodManager.password_encrypted.is_not(None))
    with db.reader() as session:
        return [(row[0], row[1], str(row[2])) for row in session.execute(statement)]


@db_engine.retried
def replace_secret(db: db_engine.Database, uuid: str, old: str, new: str) -> bool:
    """Store a password encrypted anew; False: somebody else has changed it meanwhile."""
    where = sa.and_(PodManager.uuid == uuid, PodManager.password_encrypted == old)
    statement = sa.update(PodManager).where(where).values(password_encrypted=new)
    with db.writer() as session:
        # update returns a CursorResult, which the annotations of execute do not say.
        written: Any = session.execute(statement)
        return bool(written.rowcount)


def count_by_state(db: db_engine.Database) -> Mapping[str, int]:
    """Count the pod managers by status; a status that none has is left out."""
    statement = sa.select(PodManager.status, sa.func.count()).group_by(PodManager.status)
    with db.reader() as session:
        return {row[0]: row[1] for row in session.execute(statement)}


@db_engine.retried
def record_status(db: db_engine.Database, uuid: str, status: str, reason: str | None) -> None:
    """Note how a pod manager is, if that is news."""
    with db.reader() as session:
        row = session.get(PodManager, uuid)
    if row is None or (row.status, row.status_reason) == (status, reason):
        return
    values: dict[str, Any] = {"status": status, "status_reason": reason}
    if row.status != status:
        values["status_since"] = waiting.now()
    with db.writer() as session:
        session.execute(sa.update(PodManager).where(PodManager.uuid == uuid).values(**values))
    if row.status != status:
        LOG.info("Pod manager %s: %s -> %s (%s)", uuid, row.status, status, reason or "answers")


def _find(session: orm.Session, ident: str) -> PodManager:
    found: PodManager | None = base.find(session, PodManager, ident)
    if found is None:
        raise _not_found(ident)
    return found


def _not_found(ident: str) -> errors.PodManagerNotFound:
    return errors.PodManagerNotFound(
        f"There is no pod manager {ident!r}. GET /v1/podmanagers lists those there are."
    )


def _online(row: PodManager) -> dict[str, Any]:
    """Give what to write of a pod manager that has just answered."""
    news = {} if row.status == "online" else {"status": "online", "status_since": waiting.now()}
    return {"status_reason": None, **news}


def _refuse_duplicate(
    session: orm.Session, values: Mapping[str, Any], fields: Collection[str]
) -> None:
    field = base.taken(session, PodManager, values, fields)
    if field is not None:
        raise _duplicate(field, values[field])


def _duplicate(field: str, value: Any) -> errors.PodManagerDuplicate:
    return errors.PodManagerDuplicate(
        f"There is another pod manager with this {field} ({value}). Change that one, or choose "
        f"another {field}."
    )


def _in_use(name: str, standing: Sequence[node_objects.Node]) -> errors.PodManagerInUse:
    return errors.PodManagerInUse(
        f"Nodes stand on pod manager {name!r}: {_listed(standing) or 'new ones'}. Delete them "
        "first, then the pod manager.",
        nodes=[node.uuid for node in standing[:SAID]],
    )


def _held(name: str, held: Sequence[node_objects.Node]) -> errors.PodManagerInUse:
    return errors.PodManagerInUse(
        f"Nodes of pod manager {name!r} are registered in Ironic, or something is being done for "
        f"them: {_listed(held)}. Unregister them, or wait until they are in error; then the pod "
        "manager can be forgotten with them.",
        nodes=[node.uuid for node in held[:SAID]],
    )


def _listed(standing: Sequence[node_objects.Node]) -> str:
    """Name nodes as people know them, with what holds them."""
    said = [f"{node.name or node.uuid} ({', '.join(_marks(node))})" for node in standing[:SAID]]
    return ", ".join(said) + (f" and {len(standing) - SAID} more" if len(standing) > SAID else "")


def _marks(node: node_objects.Node) -> Sequence[str]:
    named = [node.uuid] if node.name else []
    return [*named, node.state, *(["in Ironic"] if node.managed_by else [])]
