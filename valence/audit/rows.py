# SPDX-License-Identifier: Apache-2.0

"""Rows that contradict their pod manager: the node is gone, is back, or was not released."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
import contextlib
import functools

from oslo_log import log as logging

from valence import errors
from valence.audit import findings
from valence.audit.snapshot import Snapshot
from valence.flows import conflicts
from valence.flows import identify
from valence.flows import machine
from valence.flows import search
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.podmanagers import odata
from valence.podmanagers.identity import Verdict
from valence_conductor import errors as conductor_errors
from valence_conductor.db.engine import Database
from valence_conductor.strays import Stray

LOG = logging.getLogger(__name__)


def record_returned(snapshot: Snapshot, moved: Collection[str]) -> None:
    """Record as composed the missing nodes that are listed again.

    :param moved: uuids of rows whose node is listed at another path than theirs.
    """
    for row in snapshot.rows.values():
        if row.podm_uuid != snapshot.podm.uuid or row.state != "missing" or row.path is None:
            continue
        if row.uuid in moved or odata.normal_path(row.path) in snapshot.listed:
            with contextlib.suppress(
                errors.PodManagerNodeGone,
                errors.NodeIdentityConflict,
                conductor_errors.Superseded,
                *search.UNREADABLE,
            ):
                row = identify.verify(snapshot.context, row, snapshot.driver)
                node_changes.record_presence(snapshot.context.db, row, "composed")


def find_missing(snapshot: Snapshot, moved: Collection[str]) -> Iterator[findings.Finding]:
    """Yield the composed rows whose node is gone, or may be another machine.

    A row whose node has another path now gets that path. Only rows that did not change
    during the listing count.

    :param moved: uuids of rows whose node is listed at another path than theirs.
    """
    for before in snapshot.composed:
        row = snapshot.rows.get(before.uuid)
        if row is None or (row.generation, row.state) != (before.generation, before.state):
            continue
        path = row.path or ""
        if odata.normal_path(path) in snapshot.listed and not _is_another(snapshot, row, moved):
            continue
        try:
            with contextlib.suppress(conductor_errors.Superseded):
                identify.verify(snapshot.context, row, snapshot.driver)
        except errors.PodManagerNodeGone:
            yield findings.Finding(
                (path, row.uuid),
                "row",
                f"node {row.uuid} is composed, but pod manager {snapshot.podm.name} has no "
                f"{path} any more",
                "its hardware is gone: the node is missing, delete it",
                findings.nothing,
                _presence(snapshot.context.db, row, "missing"),
            )
        except search.UNREADABLE as exc:
            LOG.warning("Node %s cannot be found on its pod manager: %s", row.uuid, exc)
        except errors.NodeIdentityConflict as exc:
            yield findings.Finding(
                (path, row.uuid, exc.code),
                "row",
                f"node {row.uuid} is composed, and it is not certain which machine it is",
                exc.detail,
                findings.nothing,
                functools.partial(conflicts.record, snapshot.context, row, exc),
            )


def _is_another(snapshot: Snapshot, row: node_objects.Node, moved: Collection[str]) -> bool:
    """Return whether the node at the path of a row may be another one.

    A node whose Name the listing does not have is read when the row is used.
    """
    if row.uuid in moved or conflicts.is_conflict(row.fault):
        return True
    for listed in snapshot.members:
        if odata.same_path(listed.path, row.path or ""):
            verdict = machine.compare(snapshot.context, row, listed).verdict
            return listed.is_read and verdict is not Verdict.SAME
    return True


def report_unreleased(db: Database) -> list[Stray]:
    """Report every node in error for which hardware may still be held."""
    strays = []
    for row in node_objects.list_unreleased(db):
        detail = (row.fault or {}).get("detail") or "its last release did not succeed"
        what = f"node {row.uuid} is in error, and {row.podm_uuid} may still hold its hardware"
        strays.append(Stray("row", f"{what} ({detail}; DELETE it again)", repaired=False))
    return strays


def release_again(db: Database) -> list[Stray]:
    """Start the release of every node in error for which hardware may still be held.

    The fault stays: it says why the node is in error. A release that a conflict of facts
    has stopped is not repeated, since it would only stop again: the user deletes the node
    again, or an operator states which machine it is.
    """
    strays = []
    for row in node_objects.list_unreleased(db):
        fault = row.fault
        if conflicts.is_conflict(fault) and (fault or {}).get("operation") == "release":
            what = f"node {row.uuid} is in error ({(fault or {}).get('detail')})"
            strays.append(Stray("row", what, repaired=False))
            continue
        if fault is not None and not row.release_requested:
            fault = node_objects.with_cleanup(fault, "pending")
        with contextlib.suppress(conductor_errors.Superseded):
            node_changes.begin(db, row, "release", fault=fault)
            what = f"node {row.uuid} is in error, and {row.podm_uuid} may still hold its hardware"
            strays.append(Stray("row", what, repaired=True))
    return strays


def _presence(db: Database, row: node_objects.Node, state: str) -> Callable[[], None]:
    def record() -> None:
        """Record the state, unless the row has changed meanwhile."""
        with contextlib.suppress(conductor_errors.Superseded):
            node_changes.record_presence(db, row, state)

    return record
