# SPDX-License-Identifier: Apache-2.0

"""Changes of nodes: every change of a row is here, and is a compare-and-set.

A change names the generation and the state that it expects of the row.
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from oslo_db import exception as db_errors
import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence.objects import node as node_objects
from valence.objects import released_node
from valence.objects.node import Node
from valence.podmanagers import odata
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting
from valence_conductor.db import engine as db_engine
from valence_conductor.db import state_log
from valence_conductor.db import transitions


@db_engine.retried
def create(db: db_engine.Database, values: Mapping[str, Any]) -> tuple[Node, bool]:
    """Create a node that is to be composed; the same request again is the same node.

    :param values: with its uuid and the fingerprint of its request.
    :returns: the node, and whether it is new.
    :raises NodeDuplicate: another request has its uuid, or another node its name.
    :raises PodManagerNotFound: its pod manager was unregistered meanwhile.
    """
    try:
        with db.writer() as session:
            existing = session.get(Node, values["uuid"])
            if existing is not None:
                return node_objects.ensure_same_request(existing, values["fingerprint"]), False
            node_objects.NODES.check_unique(session, values, ("name",))
            row = _new("composing", values)
            session.add(row)
    except db_errors.DBDuplicateEntry as exc:
        existing = node_objects.find(db, values["uuid"])
        if existing is None:
            raise node_objects.NODES.duplicate("name", values["name"]) from exc
        return node_objects.ensure_same_request(existing, values["fingerprint"]), False
    except db_errors.DBReferenceError as exc:
        raise errors.PodManagerNotFound(
            f"Pod manager {values['podm_uuid']} was unregistered meanwhile. Choose another."
        ) from exc
    _log_new(row)
    return row, True


@db_engine.retried
def adopt(db: db_engine.Database, values: Mapping[str, Any]) -> Node:
    """Create a composed node for one that exists on its pod manager already.

    :param values: with its uuid, podm_uuid, path and adopted_as.
    :raises NodeDuplicate: a node has its path, its uuid or its name.
    """
    same_path = sa.select(Node.uuid).where(
        Node.podm_uuid == values["podm_uuid"], Node.path == values["path"]
    )
    try:
        with db.writer() as session:
            existing = session.scalars(same_path).first()
            if existing is not None or session.get(Node, values["uuid"]) is not None:
                raise _adopted_already(values, existing or values["uuid"])
            node_objects.NODES.check_unique(session, values, ("name",))
            row = _new("composed", values)
            session.add(row)
    except db_errors.DBDuplicateEntry as exc:
        if node_objects.find(db, values["uuid"]) is None:
            raise node_objects.NODES.duplicate("name", values["name"]) from exc
        raise _adopted_already(values, values["uuid"]) from exc
    _log_new(row)
    return row


@db_engine.retried
def adopt_path(db: db_engine.Database, row: Node, values: Mapping[str, Any]) -> Node:
    """Record what a node is now, with its path; a missing node becomes composed.

    :param values: with its path.
    :raises NodeDuplicate: another node of its pod manager has the path.
    :raises Superseded: the row was changed after it was read.
    """
    state = "composed" if row.state == "missing" else row.state
    if state != row.state:
        values = {**values, "state": state, "state_since": waiting.now()}
    with db.writer() as session:
        for other in node_objects.list_on_podm(session, row.podm_uuid or ""):
            if other.uuid != row.uuid and odata.same_path(other.path or "", values["path"]):
                raise _adopted_already(values, other.uuid)
        _compare_and_set(session, row.uuid, row.generation, row.state, values)
    if state != row.state:
        state_log.log_state_change("Node", row.uuid, row.state, state, generation=row.generation)
    return node_objects.get_expected(db, row.uuid, row.generation, state)


def begin(db: db_engine.Database, row: Node, operation: str, **values: Any) -> Node:
    """Start an operation: a new generation of the row, in the state that requests it.

    The fault and the task of the previous operation are cleared.

    :raises Superseded: the row was changed after it was read.
    :raises IllegalTransition: its state does not allow the operation.
    """
    state = node_objects.OPERATIONS[operation]
    node_objects.STATES.check(row.state, state)
    fresh = {"state": state, "state_since": waiting.now(), "generation": row.generation + 1}
    _write(db, row, {**fresh, "task": None, "task_since": None, "fault": None, **values})
    state_log.log_state_change(
        "Node",
        row.uuid,
        row.state,
        state,
        generation=row.generation + 1,
        request_id=values.get("request_id"),
    )
    return node_objects.get(db, row.uuid)


def record(db: db_engine.Database, row: Node, **values: Any) -> Node:
    """Change values of a row that stays in its state.

    :raises Superseded: the row was changed after it was read.
    """
    _write(db, row, values)
    return node_objects.get_expected(db, row.uuid, row.generation, row.state)


def update(db: db_engine.Database, row: Node, values: Mapping[str, Any]) -> Node:
    """Change what users may change of a node: its name and its description.

    :raises NodeDuplicate: another node has that name.
    :raises Superseded: the row was changed after it was read.
    """
    name = values.get("name")
    other = node_objects.find(db, name) if name else None
    if other is not None and other.uuid != row.uuid:
        raise node_objects.NODES.duplicate("name", name)
    try:
        return record(db, row, **values)
    except db_errors.DBDuplicateEntry as exc:
        raise node_objects.NODES.duplicate("name", name) from exc


def record_presence(db: db_engine.Database, row: Node, state: str) -> Node:
    """Record that the hardware of a node is gone from its pod manager, or is back.

    :param state: ``missing`` or ``composed``.
    :raises Superseded: the row was changed after it was read.
    """
    node_objects.STATES.check(row.state, state)
    _write(db, row, {"state": state, "state_since": waiting.now()})
    state_log.log_state_change("Node", row.uuid, row.state, state, generation=row.generation)
    return node_objects.get_expected(db, row.uuid, row.generation, state)


@db_engine.retried
def settle(
    db: db_engine.Database,
    uuid: str,
    generation: int,
    state: str,
    decide: Callable[[Node], Mapping[str, Any] | None],
    *,
    is_released: bool = True,
) -> None:
    """End the operation of a row.

    :param decide: gets the locked row, and returns the values to write, the new state
        among them, or None to delete the row.
    :param is_released: a deleted row is that of a node whose machine was given back: what has
        its mark later is a stray.
    :raises Superseded: the row is not in this generation and state.
    :raises IllegalTransition: the table of states does not allow the new state.
    """
    with db.writer() as session:
        row = session.get(Node, uuid, with_for_update=True)
        if row is None or (row.generation, row.state) != (generation, state):
            raise conductor_errors.Superseded(f"node {uuid} was settled already")
        request_id, values = row.request_id, decide(row)
        if values is None:
            session.delete(row)
            if is_released:
                released_node.record(session, [uuid])
            else:
                released_node.remove(session, uuid)
        else:
            node_objects.STATES.check(state, values["state"])
            fresh = {"state_since": waiting.now(), "task": None, "task_since": None}
            _compare_and_set(session, uuid, generation, state, {**fresh, **values})
    end = {"state": state_log.GONE, "generation": generation, **(values or {})}
    state_log.log_state_change(
        "Node", uuid, state, end["state"], generation=end["generation"], request_id=request_id
    )


def _check_lengths(values: Mapping[str, Any]) -> None:
    """Check that every text fits into its column.

    Requests are limited by their schemas, so that only a pod manager writes longer ones.

    :raises PodManagerFailed: one does not.
    """
    for name, value in values.items():
        longest = getattr(Node.__table__.c[name].type, "length", None)
        if isinstance(value, str) and longest is not None and len(value) > longest:
            raise errors.PodManagerFailed(
                f"The pod manager reports a {name} of {len(value)} characters, and at most "
                f"{longest} can be recorded. Nothing was recorded. See the log of the pod manager."
            )


def _new(state: str, values: Mapping[str, Any]) -> Node:
    _check_lengths(values)
    now = waiting.now()
    return Node(generation=1, state=state, state_since=now, created_at=now, **values)


def _log_new(row: Node) -> None:
    state_log.log_state_change(
        "Node", row.uuid, state_log.NEW, row.state, generation=1, request_id=row.request_id
    )


def _adopted_already(values: Mapping[str, Any], uuid: str) -> errors.NodeDuplicate:
    return errors.NodeDuplicate(
        f"Valence manages {values['path']} already, as node {uuid}. Use that node."
    )


@db_engine.retried
def _write(db: db_engine.Database, row: Node, values: Mapping[str, Any]) -> None:
    with db.writer() as session:
        _compare_and_set(session, row.uuid, row.generation, row.state, values)


def _compare_and_set(
    session: orm.Session, uuid: str, generation: int, state: str, values: Mapping[str, Any]
) -> None:
    _check_lengths(values)
    transitions.compare_and_set(
        session,
        Node,
        uuid=uuid,
        generation=generation,
        state=state,
        values={"updated_at": waiting.now(), **values},
    )
