# SPDX-License-Identifier: Apache-2.0

"""Pod managers: their addresses, their credentials and their status."""

from collections.abc import Callable
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
from valence.objects import released_node
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine
from valence_conductor.db import state_log

LOG = logging.getLogger(__name__)

#: The status of a pod manager whose address another service has: see
#: :mod:`valence.objects.podmanager_identity`.
MISMATCHED = "mismatched"

#: The status of pod managers that do not answer as they should.
UNAVAILABLE = ("degraded", "offline", MISMATCHED)

#: Checks a pod manager in the transaction that writes its row.
Check = Callable[[orm.Session], None]

#: Characters of the reason of a status.
MAX_REASON = 2000

#: Nodes that an error sentence names; it counts the others.
MAX_NAMED = 10


class PodManager(base.Base):
    """A pod manager. Its password is encrypted; only its driver gets it in clear."""

    __tablename__ = "podmanagers"

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(columns.ExactString(255), unique=True)
    url: orm.Mapped[str] = orm.mapped_column(columns.ExactString(512), unique=True)
    driver: orm.Mapped[str] = orm.mapped_column(columns.ExactString(64))
    username: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    password_encrypted: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    #: A boolean, or the path of a file with the certificates of authorities.
    verify_ca: orm.Mapped[bool | str] = orm.mapped_column(sa.JSON)
    #: Certificates of the authorities to trust instead, in PEM.
    ca: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    #: The certificate that it demands of its clients, in PEM, and its key, encrypted.
    client_cert: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    client_key_encrypted: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    #: Whether new nodes are composed on it; its existing nodes are managed in any case.
    enabled: orm.Mapped[bool] = orm.mapped_column(sa.Boolean, default=True)
    tags: orm.Mapped[list[str]] = orm.mapped_column(sa.JSON, default=list)
    #: Which facts of a node it keeps, as its nodes have shown: ``name`` and ``description``,
    #: each ``whole``, ``part`` or ``no``. None: it has composed no node yet.
    kept_facts: orm.Mapped[dict[str, str] | None] = orm.mapped_column(sa.JSON(none_as_null=True))
    #: What it cannot compose, each with ``section`` and ``reason`` as
    #: :class:`valence.podmanagers.limitation.Limitation`. None: unknown.
    limitations: orm.Mapped[list[dict[str, Any]] | None] = orm.mapped_column(
        sa.JSON(none_as_null=True)
    )
    #: UUID of its service root, as it was last reported; None: unknown, or it has none.
    service_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    #: UUID and serial number of the systems by which it is known, until a refresh stores them.
    known_systems: orm.Mapped[list[list[str | None]] | None] = orm.mapped_column(
        sa.JSON(none_as_null=True)
    )
    #: online, degraded, offline, mismatched, unknown
    status: orm.Mapped[str] = orm.mapped_column(sa.String(16))
    status_reason: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    status_since: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)


#: What is encrypted.
SECRETS = (PodManager.password_encrypted, PodManager.client_key_encrypted)

PODMANAGERS = base.Repository(
    PodManager,
    "pod manager",
    "/v1/podmanagers",
    errors.PodManagerNotFound,
    errors.PodManagerDuplicate,
)
page, find, get = PODMANAGERS.page, PODMANAGERS.find, PODMANAGERS.get
refuse_duplicate = PODMANAGERS.refuse_duplicate


@db_engine.retried
def is_unavailable(db: db_engine.Database, uuid: str) -> bool:
    """Return whether a pod manager does not answer as it should."""
    table = PodManager.__table__.c
    statement = sa.select(table.status).where(table.uuid == uuid)
    with db.reader() as session:
        return session.connection().execute(statement).scalar() in UNAVAILABLE


@db_engine.retried
def record_kept_facts(db: db_engine.Database, uuid: str, kept: Mapping[str, str]) -> None:
    """Record which facts of a node a pod manager keeps, as its latest node shows."""
    with db.writer() as session:
        row = session.get(PodManager, uuid)
        if row is None or row.kept_facts == kept:
            return
        row.kept_facts = dict(kept)
    LOG.info(
        "Pod manager %s keeps of the Name of a node: %s; of its Description: %s",
        uuid,
        kept["name"],
        kept["description"],
    )


@db_engine.retried
def create(
    db: db_engine.Database, values: Mapping[str, Any], check: Check | None = None
) -> PodManager:
    """Create a pod manager that has just answered: it is online.

    :param check: called in the transaction; raises if the row must not be written.
    :raises PodManagerDuplicate: another has its name, URL or uuid.
    """
    now = waiting.now()
    try:
        with db.writer() as session:
            if check is not None:
                check(session)
            PODMANAGERS.check_unique(session, values, ("uuid", "name", "url"))
            row = PodManager(**values, status="online", status_since=now, created_at=now)
            session.add(row)
    except db_errors.DBDuplicateEntry as exc:
        raise PODMANAGERS.duplicate("name, URL or uuid", values["name"]) from exc
    LOG.info("Registered pod manager %s (%s) at %s", row.uuid, row.name, row.url)
    return row


@db_engine.retried
def update(
    db: db_engine.Database,
    checked: PodManager,
    changes: Mapping[str, Any],
    *,
    online: bool = False,
    check: Check | None = None,
) -> PodManager:
    """Change a pod manager.

    :param checked: its row as it was when the changes were checked.
    :param online: whether it has just answered with these changes, as the one that it is.
    :param check: called in the transaction; raises if the row must not be written.
    :raises PodManagerNotFound: it was deleted meanwhile.
    :raises PodManagerDuplicate: another has the new name or URL.
    :raises Superseded: another request changed it meanwhile.
    """
    try:
        with db.writer() as session:
            row = session.get(PodManager, checked.uuid, with_for_update=True)
            if row is None:
                raise PODMANAGERS.not_found(checked.uuid)
            if row.updated_at != checked.updated_at:
                raise conductor_errors.Superseded(f"pod manager {row.uuid} was changed meanwhile")
            if check is not None:
                check(session)
            PODMANAGERS.check_unique(session, {**changes, "uuid": row.uuid}, ("name", "url"))
            for field, value in {**changes, **(_online(row) if online else {})}.items():
                setattr(row, field, value)
            row.updated_at = waiting.now()
    except db_errors.DBDuplicateEntry as exc:
        value = changes.get("name") or changes.get("url")
        raise PODMANAGERS.duplicate("name or URL", value) from exc
    LOG.info("Changed pod manager %s (%s): %s", row.uuid, row.name, ", ".join(sorted(changes)))
    return row


@db_engine.retried
def delete(db: db_engine.Database, ident: str) -> str:
    """Delete a pod manager that has no nodes.

    :returns: its uuid.
    :raises PodManagerNotFound: there is none.
    :raises PodManagerInUse: it has nodes.
    """
    try:
        with db.writer() as session:
            row = PODMANAGERS.load(session, ident)
            nodes = node_objects.list_on_podm(session, row.uuid)
            if nodes:
                raise _in_use(row.name, nodes)
            session.delete(row)
    except db_errors.DBReferenceError as exc:
        raise _in_use(ident, []) from exc
    LOG.info("Deleted pod manager %s (%s)", row.uuid, row.name)
    return row.uuid


@db_engine.retried
def forget(db: db_engine.Database, uuid: str) -> Sequence[node_objects.Node]:
    """Delete a pod manager that is gone for good, together with the rows of its nodes.

    All in one transaction, so that no operation starts on one of them meanwhile.

    :returns: the nodes whose rows were deleted.
    :raises PodManagerNotFound: there is none.
    :raises PodManagerInUse: a node is in Ironic, or an operation on it is running.
    """
    try:
        with db.writer() as session:
            row = PODMANAGERS.load(session, uuid)
            nodes = node_objects.list_on_podm(session, row.uuid)
            busy = [
                node
                for node in nodes
                if node.managed_by or node.state in node_objects.OPERATION_OF_STATE
            ]
            if busy:
                raise _in_operation(row.name, busy)
            for node in nodes:
                session.delete(node)
            released_node.record(session, [node.uuid for node in nodes])
            session.flush()
            session.delete(row)
    except db_errors.DBReferenceError as exc:
        raise _in_use(uuid, []) from exc
    for node in nodes:
        state_log.log_state_change(
            "Node", node.uuid, node.state, state_log.GONE, generation=node.generation
        )
    LOG.warning(
        "Deleted unreachable pod manager %s (%s) by force, with the rows of its %d nodes",
        row.uuid,
        row.name,
        len(nodes),
    )
    return nodes


@db_engine.retried
def merge(db: db_engine.Database, uuid: str, into: str) -> Sequence[node_objects.Node]:
    """Delete a pod manager that is registered twice; its nodes belong to the other row.

    :returns: the nodes.
    :raises PodManagerNotFound: there is none.
    :raises PodManagerInUse: an operation on a node is running.
    """
    try:
        with db.writer() as session:
            row = PODMANAGERS.load(session, uuid)
            nodes = node_objects.list_on_podm(session, row.uuid)
            busy = [node for node in nodes if node.state in node_objects.OPERATION_OF_STATE]
            if busy:
                raise _in_operation(row.name, busy)
            for node in nodes:
                node.podm_uuid = into
            session.flush()
            session.delete(row)
    except db_errors.DBReferenceError as exc:
        raise _in_use(uuid, []) from exc
    LOG.warning("Merged pod manager %s with its %d nodes into %s", uuid, len(nodes), into)
    return nodes


@db_engine.retried
def list_secrets(db: db_engine.Database) -> Sequence[tuple[str, str, str]]:
    """List uuid, name and an encrypted secret of every pod manager, for each secret."""
    statement = sa.union_all(
        *(
            sa.select(PodManager.uuid, PodManager.name, column).where(column.is_not(None))
            for column in SECRETS
        )
    )
    with db.reader() as session:
        return [(row[0], row[1], str(row[2])) for row in session.execute(statement)]


@db_engine.retried
def replace_secret(db: db_engine.Database, uuid: str, old: str, new: str) -> bool:
    """Store a secret that was encrypted again; False: it was changed meanwhile."""
    with db.writer() as session:
        count = 0
        for column in SECRETS:
            where = sa.and_(PodManager.uuid == uuid, column == old)
            statement = sa.update(PodManager).where(where).values({column: new})
            # An update returns a CursorResult, which the annotation of execute omits.
            result: Any = session.execute(statement)
            count += result.rowcount
        return bool(count)


@db_engine.retried
def list_all(db: db_engine.Database) -> Sequence[PodManager]:
    """List every pod manager, by name."""
    with db.reader() as session:
        return session.scalars(sa.select(PodManager).order_by(PodManager.name)).all()


@db_engine.retried
def count_by_status(db: db_engine.Database) -> Mapping[str, int]:
    """Count the pod managers by status; without the statuses that none has."""
    statement = sa.select(PodManager.status, sa.func.count()).group_by(PodManager.status)
    with db.reader() as session:
        return {row[0]: row[1] for row in session.execute(statement)}


@db_engine.retried
def record_status(db: db_engine.Database, uuid: str, status: str, reason: str | None) -> None:
    """Record the status of a pod manager, if it or its reason has changed.

    That of a mismatched one stays: its address answers for another.

    :param reason: may contain what the pod manager has written: it is cut.
    """
    reason = reason and reason[:MAX_REASON]
    with db.reader() as session:
        row = session.get(PodManager, uuid)
    if (
        row is None
        or row.status == MISMATCHED
        or (row.status, row.status_reason) == (status, reason)
    ):
        return
    values: dict[str, Any] = {"status": status, "status_reason": reason}
    if row.status != status:
        values["status_since"] = waiting.now()
    with db.writer() as session:
        where = (PodManager.uuid == uuid, PodManager.status != MISMATCHED)
        session.execute(sa.update(PodManager).where(*where).values(**values))
    if row.status != status:
        LOG.info("Pod manager %s: %s -> %s (%s)", uuid, row.status, status, reason or "answers")


def _online(row: PodManager) -> dict[str, Any]:
    """Return the values to write of a pod manager that has just answered."""
    change = {} if row.status == "online" else {"status": "online", "status_since": waiting.now()}
    return {"status_reason": None, **change}


def _in_use(name: str, nodes: Sequence[node_objects.Node]) -> errors.PodManagerInUse:
    return errors.PodManagerInUse(
        f"Pod manager {name!r} still has nodes: {_names(nodes) or 'new ones'}. Delete them first, "
        "then the pod manager.",
        nodes=[node.uuid for node in nodes[:MAX_NAMED]],
    )


def _in_operation(name: str, nodes: Sequence[node_objects.Node]) -> errors.PodManagerInUse:
    return errors.PodManagerInUse(
        f"Nodes of pod manager {name!r} are registered in Ironic, or an operation on them is "
        f"running: {_names(nodes)}. Unregister them, or wait until they are in error; then delete "
        "the pod manager together with them.",
        nodes=[node.uuid for node in nodes[:MAX_NAMED]],
    )


def _names(nodes: Sequence[node_objects.Node]) -> str:
    """Return the names or uuids of nodes, each with its state and its registration."""
    names = [f"{node.name or node.uuid} ({', '.join(_notes(node))})" for node in nodes[:MAX_NAMED]]
    more = f" and {len(nodes) - MAX_NAMED} more" if len(nodes) > MAX_NAMED else ""
    return ", ".join(names) + more


def _notes(node: node_objects.Node) -> Sequence[str]:
    uuid = [node.uuid] if node.name else []
    return [*uuid, node.state, *(["in Ironic"] if node.managed_by else [])]
