# SPDX-License-Identifier: Apache-2.0

"""Nodes: the table, its states, and its queries.

The row is the truth about a node: what an operation is about to change elsewhere is
recorded here first. :mod:`valence.objects.node_changes` writes the rows.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import datetime
import hashlib
import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence import ownership
from valence.objects import base
from valence_conductor import errors as conductor_errors
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine
from valence_conductor.db import transitions

STATES = transitions.Transitions(
    {
        "composing": {"composed", "error", "releasing"},
        "composed": {"registering", "unregistering", "releasing", "missing"},
        "missing": {"composed", "unregistering", "releasing"},
        "registering": {"composed"},
        "unregistering": {"composed"},
        "releasing": {"error"},  # or the row is deleted
        "error": {"releasing"},
    }
)

#: operation -> the state of a row that requests it
OPERATIONS = {
    "compose": "composing",
    "register": "registering",
    "unregister": "unregistering",
    "release": "releasing",
}

#: transitional state -> the operation that it requests
OPERATION_OF_STATE = {state: operation for operation, state in OPERATIONS.items()}

#: Fields of a request to compose that make two requests the same.
REQUEST_FIELDS = ("name", "description", "podm_id", "flavor_id", "properties", "project_id")


class Node(base.Base):
    """A composed machine, or one that is being composed or released."""

    __tablename__ = "nodes"
    __table_args__ = (
        sa.Index("ix_nodes_state", "state", "state_since"),
        sa.Index("ix_nodes_created_at", "created_at", "uuid"),
    )

    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    name: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255), unique=True)
    description: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    #: Counts the operations that users started; a recovery does not change it.
    generation: orm.Mapped[int] = orm.mapped_column(sa.Integer)
    state: orm.Mapped[str] = orm.mapped_column(sa.String(16))
    state_since: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    task: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    task_since: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: Of the request that started the operation.
    request_id: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    #: Owner and the user who created the node; None without authentication.
    project_id: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255), index=True)
    user_id: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(255))
    #: Digest of the request that created the node, see :func:`fingerprint`.
    fingerprint: orm.Mapped[str] = orm.mapped_column(sa.String(64))
    flavor_id: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    properties: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)
    #: The pod manager that the request names; None: the scheduler chooses.
    podm_asked: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    #: The pod manager that holds, or may hold, hardware for the node.
    podm_uuid: orm.Mapped[str | None] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("podmanagers.uuid"), index=True
    )
    #: A response to Allocate was lost, or may be: any node with this name belongs to the row.
    allocating: orm.Mapped[bool] = orm.mapped_column(sa.Boolean, default=False)
    path: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(1024))
    system_path: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(1024))
    interfaces: orm.Mapped[list[dict[str, Any]]] = orm.mapped_column(sa.JSON, default=list)
    power_state: orm.Mapped[str | None] = orm.mapped_column(sa.String(32))
    #: The facts by which the machine is recognized, see :mod:`valence.flows.machine`.
    #: None: none was read yet.
    identity: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(sa.JSON(none_as_null=True))
    #: Redfish Name of a node that Valence adopted; None: Valence composed it.
    adopted_as: orm.Mapped[str | None] = orm.mapped_column(columns.ExactString(1024))
    #: ``ironic`` from before the node is created in Ironic until after it is deleted there.
    managed_by: orm.Mapped[str | None] = orm.mapped_column(sa.String(16))
    ironic_uuid: orm.Mapped[str | None] = orm.mapped_column(sa.String(36))
    #: Digest of how Ironic reaches the machine, see :mod:`valence.flows.ironic_access`.
    #: None: unknown.
    ironic_access: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    #: The body of the request to register.
    registration: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(sa.JSON(none_as_null=True))
    fault: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(sa.JSON(none_as_null=True))
    #: The user deleted it, be it while it was composed or released after a failure.
    release_requested: orm.Mapped[bool] = orm.mapped_column(sa.Boolean, default=False)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(columns.UTCDateTime)
    updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)

    @property
    def redfish_name(self) -> str:
        """The Name of the node on its pod manager, by which it is found again."""
        return self.adopted_as or ownership.node_name(self.uuid)

    @property
    def is_cleanup_release(self) -> bool:
        """Whether it is released because composing it failed, and no user deleted it."""
        return self.state == "releasing" and self.fault is not None and not self.release_requested


NODES = base.Repository(Node, "node", "/v1/nodes", errors.NodeNotFound, errors.NodeDuplicate)
find, get, not_found_message = NODES.find, NODES.get, NODES.not_found_message


def fingerprint(request: Mapping[str, Any]) -> str:
    """Return a digest of a request to compose, its uuid excepted."""
    values = {key: request[key] for key in REQUEST_FIELDS if request.get(key) is not None}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def with_cleanup(
    fault: Mapping[str, Any], result: str, detail: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """Return the fault of a failed operation with how far its clean-up has come.

    :param result: ``pending`` while the node is released, ``done`` when everything was
        undone, ``failed`` when a pod manager may still hold hardware, or Ironic the node.
    :param detail: why the clean-up failed.
    :param code: of the error with which it failed, if that is known.
    """
    cleanup = {"result": result, "detail": detail}
    return {**fault, "cleanup": cleanup | ({"code": code} if code else {})}


def ensure_same_request(existing: Node, digest: str) -> Node:
    """Return a node if it was created by the same request.

    :param digest: :func:`fingerprint` of the request.
    :raises NodeDuplicate: another request created it.
    """
    if existing.fingerprint != digest:
        raise errors.NodeDuplicate(
            f"Node {existing.uuid} was created by a request with other values. Repeat that "
            "request unchanged, or choose another uuid."
        )
    return existing


@db_engine.retried
def page(
    db: db_engine.Database, query: base.Query, fields: Sequence[str]
) -> tuple[Sequence[Any], bool]:
    """Return some fields of a page of nodes as they are stored, and whether more follow.

    :returns: rows of the fields, in their order.
    """
    with db.reader() as session:
        return base.page(session, Node, query, fields, base.as_stored)


def get_expected(db: db_engine.Database, uuid: str, generation: int, state: str) -> Node:
    """Return the row of a running flow, as long as the row still requests that flow.

    :raises Superseded: the row has another generation or state, or was deleted.
    """
    row = find(db, uuid)
    if row is None or (row.generation, row.state) != (generation, state):
        raise conductor_errors.Superseded(
            f"node {uuid} is no longer {state} in generation {generation}"
        )
    return row


@db_engine.retried
def pending(db: db_engine.Database) -> Sequence[Node]:
    """List the nodes in a transitional state, oldest first."""
    where = Node.state.in_(OPERATION_OF_STATE)
    with db.reader() as session:
        return session.scalars(sa.select(Node).where(where).order_by(Node.state_since)).all()


@db_engine.retried
def list_unreleased(db: db_engine.Database) -> Sequence[Node]:
    """List the nodes in error for which a pod manager may still hold hardware."""
    may_hold = sa.or_(Node.path.is_not(None), Node.allocating)
    where = sa.and_(Node.state == "error", Node.podm_uuid.is_not(None), may_hold)
    with db.reader() as session:
        return session.scalars(sa.select(Node).where(where).order_by(Node.state_since)).all()


@db_engine.retried
def list_unidentified(db: db_engine.Database, podm_uuid: str) -> Sequence[Node]:
    """List the composed nodes of a pod manager of which no facts are recorded."""
    where = (Node.podm_uuid == podm_uuid, Node.state == "composed", Node.path.is_not(None))
    statement = sa.select(Node).where(*where, Node.identity.is_(sa.null()))
    with db.reader() as session:
        return session.scalars(statement.order_by(Node.created_at)).all()


@db_engine.retried
def list_registered(db: db_engine.Database, podm_uuid: str) -> Sequence[Node]:
    """List the composed nodes of a pod manager that are in Ironic."""
    where = (Node.podm_uuid == podm_uuid, Node.state == "composed", Node.managed_by == "ironic")
    statement = sa.select(Node).where(*where, Node.path.is_not(None))
    with db.reader() as session:
        return session.scalars(statement.order_by(Node.created_at)).all()


@db_engine.retried
def count_conflicts(db: db_engine.Database) -> int:
    """Count the nodes whose facts contradict each other."""
    statement = sa.select(Node.fault).where(Node.fault.is_not(sa.null()))
    with db.reader() as session:
        faults = session.scalars(statement).all()
    return sum((fault or {}).get("code") == errors.NodeIdentityConflict.code for fault in faults)


@db_engine.retried
def list_all(db: db_engine.Database) -> Sequence[Node]:
    """List every node."""
    with db.reader() as session:
        return session.scalars(sa.select(Node)).all()


def list_on_podm(session: orm.Session, podm_uuid: str) -> Sequence[Node]:
    """List the nodes on a pod manager, oldest first, and lock their rows."""
    statement = sa.select(Node).where(Node.podm_uuid == podm_uuid).order_by(Node.created_at)
    return session.scalars(statement.with_for_update()).all()


@db_engine.retried
def count_by_podm(db: db_engine.Database) -> Mapping[str, int]:
    """Count the nodes on each pod manager that has any."""
    statement = sa.select(Node.podm_uuid, sa.func.count()).group_by(Node.podm_uuid)
    with db.reader() as session:
        return {uuid: count for uuid, count in session.execute(statement) if uuid}


@db_engine.retried
def count_by_state(db: db_engine.Database) -> Mapping[str, int]:
    """Count the nodes by state; 0 for states without a node."""
    statement = sa.select(Node.state, sa.func.count()).group_by(Node.state)
    with db.reader() as session:
        counts = {row[0]: row[1] for row in session.execute(statement)}
    return {state: counts.get(state, 0) for state in STATES.table}
