# SPDX-License-Identifier: Apache-2.0

# Longer than 400 lines: whatever reads or writes the rows of nodes is here, so that every
# write can be seen to be compare-and-set.

"""Nodes: machines composed from a pool, and how far each has come.

The row is the truth about a node; whatever is done elsewhere for it is recorded
here before it is done. Every write says which generation and which state of the
row it is meant for.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import datetime
import hashlib
import json
from typing import Any

from oslo_db import exception as db_errors
import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence import ownership
from valence.objects import base
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine
from valence_conductor.db import state_log
from valence_conductor.db import transitions

STATES = transitions.Transitions(
    {
        "composing": {"composed", "error", "releasing"},
        "composed": {"registering", "unregistering", "releasing", "missing"},
        "missing": {"composed", "unregistering", "releasing"},
        "registering": {"composed"},
        "unregistering": {"composed"},
        "releasing": {"error"},  # or the row goes
        "error": {"releasing"},
    }
)

#: operation -> the state in which a row asks for it
OPERATIONS = {
    "compose": "composing",
    "register": "registering",
    "unregister": "unregistering",
    "release": "releasing",
}

#: The other way round.
ASKED_IN = {state: operation for operation, state in OPERATIONS.items()}

#: What of a request makes it the same request.
ASKED = ("name", "description", "podm_id", "flavor_id", "properties", "project_id")


class Node(base.Base):
    """A composed machine, or one on its way to or from being one."""

    __tablename__ = "nodes"
    __table_args__ = (
        sa.Index("ix_nodes_state", "state", "state_since"),
        sa.Index("ix_nodes_created_at", "created_at", "uuid"),
    )

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    name: orm.Mapped[str | None] = orm.mapped_column(sa.String(255), unique=True)
    description: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    #: Attempt of the user; a recovery never changes it.
    generation: orm.Mapped[int] = orm.mapped_column(sa.Integer)
    state: orm.Mapped[str] = orm.mapped_column(sa.String(16))
    state_since: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    task: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    task_since: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: Of the request that began the operation.
    request_id: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    #: Who asked for the node, and the project that it belongs to; None: nobody said.
    project_id: orm.Mapped[str | None] = orm.mapped_column(sa.String(255), index=True)
    user_id: orm.Mapped[str | None] = orm.mapped_column(sa.String(255))
    #: Digest of the request that created the node.
    fingerprint: orm.Mapped[str] = orm.mapped_column(sa.String(64))
    flavor_id: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    properties: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)
    #: The pod manager that the request names; None: the scheduler chooses.
    podm_asked: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    #: The pod manager that has, or may have, something of ours.
    podm_uuid: orm.Mapped[str | None] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("podmanagers.uuid"), index=True
    )
    #: An answer to Allocate was lost, or may be: what bears the node's name is ours too.
    allocating: orm.Mapped[bool] = orm.mapped_column(sa.Boolean, default=False)
    path: orm.Mapped[str | None] = orm.mapped_column(sa.String(1024))
    system_path: orm.Mapped[str | None] = orm.mapped_column(sa.String(1024))
    interfaces: orm.Mapped[list[dict[str, Any]]] = orm.mapped_column(sa.JSON, default=list)
    power_state: orm.Mapped[str | None] = orm.mapped_column(sa.String(32))
    #: Redfish Name of a node that Valence did not compose, but took on; None: it did.
    adopted_as: orm.Mapped[str | None] = orm.mapped_column(sa.String(1024))
    #: ``ironic`` from before Ironic is asked to take the node in until it has forgotten it.
    managed_by: orm.Mapped[str | None] = orm.mapped_column(sa.String(16))
    ironic_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    #: The body of the request to register.
    registration: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(sa.JSON(none_as_null=True))
    fault: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(sa.JSON(none_as_null=True))
    #: It was deleted while it was being composed, or given back because that failed.
    release_requested: orm.Mapped[bool] = orm.mapped_column(sa.Boolean, default=False)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)

    @property
    def redfish_name(self) -> str:
        """The Name that the node bears on its pod manager, by which it is found again."""
        return self.adopted_as or ownership.node_name(self.uuid)

    @property
    def is_cleanup_release(self) -> bool:
        """Whether it is released because it could not be composed, and nobody deleted it."""
        return self.state == "releasing" and self.fault is not None and not self.release_requested


def fingerprint(request: Mapping[str, Any]) -> str:
    """Digest what a request to compose asks for and in which project, its uuid apart."""
    asked = {key: request[key] for key in ASKED if request.get(key) is not None}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


@db_engine.retried
def page(
    db: db_engine.Database, query: base.Query, fields: Sequence[str]
) -> tuple[Sequence[Any], bool]:
    """Read some fields of a page of nodes as they are stored, and whether more follow.

    :returns: rows of the fields, in their order.
    """
    with db.reader() as session:
        return base.page(session, Node, query, fields, base.as_stored)


@db_engine.retried
def find(db: db_engine.Database, ident: str) -> Node | None:
    """Read a node by uuid or name; None when there is none."""
    with db.reader() as session:
        found: Node | None = base.find(session, Node, ident)
        return found


def get(db: db_engine.Database, ident: str) -> Node:
    """Read a node by uuid or name.

    :raises NodeNotFound: there is none.
    """
    found = find(db, ident)
    if found is None:
        raise errors.NodeNotFound(not_found_message(ident))
    return found


def not_found_message(ident: str) -> str:
    """Say that there is no such node."""
    return f"There is no node {ident!r}. GET /v1/nodes lists those there are."


def get_expected(db: db_engine.Database, uuid: str, generation: int, state: str) -> Node:
    """Read the row of a flow under way, as long as it still asks for that flow.

    :raises Superseded: it does not.
    """
    row = find(db, uuid)
    if row is None or (row.generation, row.state) != (generation, state):
        raise conductor_errors.Superseded(
            f"node {uuid} is not in generation {generation} and {state} any more"
        )
    return row


@db_engine.retried
def pending(db: db_engine.Database) -> Sequence[Node]:
    """List the nodes in a transitional state, oldest first."""
    where = Node.state.in_(ASKED_IN)
    with db.reader() as session:
        return session.scalars(sa.select(Node).where(where).order_by(Node.state_since)).all()


@db_engine.retried
def list_unreleased(db: db_engine.Database) -> Sequence[Node]:
    """List the nodes in error for which a pod manager may still hold something."""
    held = sa.or_(Node.path.is_not(None), Node.allocating)
    where = sa.and_(Node.state == "error", Node.podm_uuid.is_not(None), held)
    with db.reader() as session:
        return session.scalars(sa.select(Node).where(where).order_by(Node.state_since)).all()


@db_engine.retried
def list_all(db: db_engine.Database) -> Sequence[Node]:
    """Read every node."""
    with db.reader() as session:
        return session.scalars(sa.select(Node)).all()


@db_engine.retried
def count_by_podm(db: db_engine.Database) -> Mapping[str, int]:
    """Count the nodes on each pod manager that has any."""
    statement = sa.select(Node.podm_uuid, sa.func.count()).group_by(Node.podm_uuid)
    with db.reader() as session:
        return {uuid: count for uuid, count in session.execute(statement) if uuid}


@db_engine.retried
def count_by_state(db: db_engine.Database) -> Mapping[str, int]:
    """Count the nodes by state; states without a node are 0."""
    statement = sa.select(Node.state, sa.func.count()).group_by(Node.state)
    with db.reader() as session:
        counted = {row[0]: row[1] for row in session.execute(statement)}
    return {state: counted.get(state, 0) for state in STATES.table}


def list_on_podm(session: orm.Session, podm_uuid: str) -> Sequence[Node]:
    """Read the nodes on a pod manager, oldest first, so that nobody else changes them."""
    statement = sa.select(Node).where(Node.podm_uuid == podm_uuid).order_by(Node.created_at)
    return session.scalars(statement.with_for_update()).all()


@db_engine.retried
def create(db: db_engine.Database, values: Mapping[str, Any]) -> tuple[Node, bool]:
    """Create a node that asks to be composed, or find that this very one was asked for.

    :param values: with its uuid and the fingerprint of its request.
    :returns: the node, and whether it is new.
    :raises NodeDuplicate: its uuid stands for another request, or its name for
        another node.
    :raises PodManagerNotFound: its pod manager was forgotten meanwhile.
    """
    now = waiting.now()
    try:
        with db.writer() as session:
            known = session.get(Node, values["uuid"])
            if known is not None:
                return ensure_same_request(known, values["fingerprint"]), False
            if base.taken(session, Node, values, ("name",)):
                raise _name_taken(values["name"])
            fresh = {"generation": 1, "state": "composing", "state_since": now, "created_at": now}
            row = Node(**fresh, **values)
            session.add(row)
    except db_errors.DBDuplicateEntry as exc:
        known = find(db, values["uuid"])
        if known is None:
            raise _name_taken(values["name"]) from exc
        return ensure_same_request(known, values["fingerprint"]), False
    except db_errors.DBReferenceError as exc:
        raise errors.PodManagerNotFound(
            f"Pod manager {values['podm_uuid']} was forgotten just now. Choose another."
        ) from exc
    state_log.log_state_change(
        "Node", row.uuid, state_log.NEW, row.state, generation=1, request_id=row.request_id
    )
    return row, True


@db_engine.retried
def adopt(db: db_engine.Database, values: Mapping[str, Any]) -> Node:
    """Create a composed node that stands for one that is there already.

    :param values: with its uuid, podm_uuid, path and adopted_as.
    :raises NodeDuplicate: a node stands at its path, or has its uuid or its name.
    """
    now = waiting.now()
    fresh = {"generation": 1, "state": "composed", "state_since": now, "created_at": now}
    standing = sa.select(Node.uuid).where(
        Node.podm_uuid == values["podm_uuid"], Node.path == values["path"]
    )
    try:
        with db.writer() as session:
            known = session.scalars(standing).first()
            if known is not None or session.get(Node, values["uuid"]) is not None:
                raise _known(values, known or values["uuid"])
            if base.taken(session, Node, values, ("name",)):
                raise _name_taken(values["name"])
            row = Node(**fresh, **values)
            session.add(row)
    except db_errors.DBDuplicateEntry as exc:
        if find(db, values["uuid"]) is None:
            raise _name_taken(values["name"]) from exc
        raise _known(values, values["uuid"]) from exc
    state_log.log_state_change(
        "Node", row.uuid, state_log.NEW, row.state, generation=1, request_id=row.request_id
    )
    return row


def _known(values: Mapping[str, Any], uuid: str) -> errors.NodeDuplicate:
    return errors.NodeDuplicate(f"{values['path']} is known: it is node {uuid}.")


def ensure_same_request(known: Node, asked: str) -> Node:
    """See that a node was asked for by the same request.

    :raises NodeDuplicate: it was not.
    """
    if known.fingerprint != asked:
        raise errors.NodeDuplicate(
            f"Node {known.uuid} was asked for with other values. Repeat a request as it was, or "
            "choose another uuid."
        )
    return known


def begin(db: db_engine.Database, row: Node, operation: str, **values: Any) -> Node:
    """Let a node ask for an operation: a new generation of its row.

    :raises Superseded: the row is not what it was when it was read.
    :raises IllegalTransition: its state does not allow the operation.
    """
    state = OPERATIONS[operation]
    STATES.check(row.state, state)
    fresh = {"state": state, "state_since": waiting.now(), "generation": row.generation + 1}
    _write(db, row, {**fresh, "task": None, "task_since": None, "fault": None, **values})
    asked_by = values.get("request_id")
    state_log.log_state_change(
        "Node", row.uuid, row.state, state, generation=row.generation + 1, request_id=asked_by
    )
    return get(db, row.uuid)


def record(db: db_engine.Database, row: Node, **values: Any) -> Node:
    """Record something of a row that stays in its state.

    :raises Superseded: the row is not what it was when it was read.
    """
    _write(db, row, values)
    return get_expected(db, row.uuid, row.generation, row.state)


def update(db: db_engine.Database, row: Node, values: Mapping[str, Any]) -> Node:
    """Change what a row says of a node for people: its name and its description.

    :raises NodeDuplicate: another node has that name.
    :raises Superseded: the row is not what it was when it was read.
    """
    name = values.get("name")
    other = find(db, name) if name else None
    if other is not None and other.uuid != row.uuid:
        raise _name_taken(name)
    try:
        return record(db, row, **values)
    except db_errors.DBDuplicateEntry as exc:
        raise _name_taken(name) from exc


def record_presence(db: db_engine.Database, row: Node, state: str) -> Node:
    """Note that the hardware of a node was seen to be gone, or to be there again.

    :param state: ``missing`` or ``composed``.
    :raises Superseded: the row is not what it was when it was read.
    """
    STATES.check(row.state, state)
    _write(db, row, {"state": state, "state_since": waiting.now()})
    state_log.log_state_change("Node", row.uuid, row.state, state, generation=row.generation)
    return get_expected(db, row.uuid, row.generation, state)


@db_engine.retried
def settle(
    db: db_engine.Database,
    uuid: str,
    generation: int,
    state: str,
    decide: Callable[[Node], Mapping[str, Any] | None],
) -> None:
    """End a row's transition.

    :param decide: gives the values to write, the new state among them, or None
        for a row that goes. It sees the row as nobody else can change it.
    :raises Superseded: the row is not in this generation and state.
    """
    with db.writer() as session:
        row = session.get(Node, uuid, with_for_update=True)
        if row is None or (row.generation, row.state) != (generation, state):
            raise conductor_errors.Superseded(f"node {uuid} was settled already")
        request_id, values = row.request_id, decide(row)
        if values is None:
            session.delete(row)
        else:
            STATES.check(state, values["state"])
            fresh = {"state_since": waiting.now(), "task": None, "task_since": None}
            _cas(session, uuid, generation, state, {**fresh, **values})
    ended = {"state": state_log.GONE, "generation": generation, **(values or {})}
    state_log.log_state_change(
        "Node",
        uuid,
        state,
        ended["state"],
        generation=ended["generation"],
        request_id=request_id,
    )


@db_engine.retried
def _write(db: db_engine.Database, row: Node, values: Mapping[str, Any]) -> None:
    with db.writer() as session:
        _cas(session, row.uuid, row.generation, row.state, values)


def _cas(
    session: orm.Session, uuid: str, generation: int, state: str, values: Mapping[str, Any]
) -> None:
    written = {"updated_at": waiting.now(), **values}
    transitions.compare_and_set(
        session, Node, uuid=uuid, generation=generation, state=state, values=written
    )


def _name_taken(name: Any) -> errors.NodeDuplicate:
    return errors.NodeDuplicate(
        f"There is another node with the name {name!r}. Choose another name, or use that node."
    )
