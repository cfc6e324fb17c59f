# SPDX-License-Identifier: Apache-2.0

"""Rows that contradict their pod manager: the node is gone, is back, or was not released."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import functools

from oslo_log import log as logging

from valence import errors
from valence import wiring
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

#: Rows of one pod manager whose nodes an audit reads, where the listing has only paths.
READS = 50


class Rotation:
    """Which nodes of a listing of paths an audit reads: some each time, all in turn."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def next(self, podm_uuid: str, uuids: Collection[str]) -> frozenset[str]:
        """Return the uuids of the next :data:`READS` rows of a pod manager."""
        last = self._last.get(podm_uuid, "")
        ordered = sorted(uuids, key=lambda uuid: (uuid <= last, uuid))[:READS]
        if ordered:
            self._last[podm_uuid] = ordered[-1]
        return frozenset(ordered)


def find_still_missing(snapshot: Snapshot, moved: Collection[str]) -> Iterator[findings.Finding]:
    """Yield the missing nodes; record those that are listed again as composed.

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
                verified = identify.verify(snapshot.context, row, snapshot.driver)
                node_changes.record_presence(snapshot.context.db, verified, "composed")
                continue
        yield _missing(snapshot, row, findings.nothing)


def find_missing(
    snapshot: Snapshot, moved: Collection[str], rotation: Rotation
) -> Iterator[findings.Finding]:
    """Yield the composed rows whose node is gone, or may be another machine.

    A row whose node has another path now gets that path. Only rows that did not change
    during the listing count.

    :param moved: uuids of rows whose node is listed at another path than theirs.
    """
    unread = {odata.normal_path(member.path) for member in snapshot.members if not member.is_read}
    on_unread = [
        row.uuid for row in snapshot.composed if odata.normal_path(row.path or "") in unread
    ]
    read = rotation.next(snapshot.podm.uuid, on_unread)
    for before in snapshot.composed:
        row = snapshot.rows.get(before.uuid)
        if row is None or (row.generation, row.state) != (before.generation, before.state):
            continue
        path = row.path or ""
        is_listed = odata.normal_path(path) in snapshot.listed
        if is_listed and not _is_another(snapshot, row, moved, row.uuid in read):
            continue
        try:
            with contextlib.suppress(conductor_errors.Superseded):
                identify.verify(snapshot.context, row, snapshot.driver)
        except errors.PodManagerNodeGone:
            yield _missing(snapshot, row, _presence(snapshot.context.db, row, "missing"))
        except search.UNREADABLE as exc:
            LOG.warning("Node %s cannot be found on its pod manager: %s", row.uuid, exc)
        except errors.NodeIdentityConflict as exc:
            yield findings.Finding(
                (path, row.uuid, exc.code),
                "identity-conflict",
                f"node {row.uuid} is composed, and it is not certain which machine it is",
                exc.detail,
                findings.nothing,
                functools.partial(conflicts.record, snapshot.context, row, exc),
                podm_uuid=snapshot.podm.uuid,
                path=exc.details.get("path"),
                node_uuid=row.uuid,
            )


def _missing(
    snapshot: Snapshot, row: node_objects.Node, record: Callable[[], None]
) -> findings.Finding:
    path = row.path or ""
    return findings.Finding(
        (path, row.uuid),
        "missing-node",
        f"node {row.uuid} was composed, but pod manager {snapshot.podm.name} has no {path} "
        "any more",
        "its hardware is gone: the node is missing, delete it",
        findings.nothing,
        record,
        podm_uuid=snapshot.podm.uuid,
        path=path,
        node_uuid=row.uuid,
    )


def _is_another(
    snapshot: Snapshot, row: node_objects.Node, moved: Collection[str], is_read: bool
) -> bool:
    """Return whether the node at the path of a row may be another one.

    :param is_read: read the node, if the listing has only its path. A node that cannot be
        read proves nothing.
    """
    if row.uuid in moved or conflicts.is_conflict(row.fault):
        return True
    for listed in snapshot.members:
        if odata.same_path(listed.path, row.path or ""):
            if not listed.is_read:
                if not is_read:
                    return False
                try:
                    listed = snapshot.driver.member(listed.path)
                except errors.PodManagerNodeGone:
                    return True
                except search.UNREADABLE:
                    return False
            return machine.compare(snapshot.context, row, listed).verdict is not Verdict.SAME
    return True


def unreleased(row: node_objects.Node) -> findings.Finding:
    """Return the finding of a node in error for which hardware may still be held."""
    return findings.Finding(
        (row.uuid,),
        "unreleased-node",
        f"node {row.uuid} is in error, and {row.podm_uuid} may still hold its hardware",
        f"{_unreleased_reason(row)}; DELETE it again",
        findings.nothing,
        podm_uuid=row.podm_uuid,
        path=row.path,
        node_uuid=row.uuid,
    )


def release_again(context: wiring.Context, unreleased: Iterable[node_objects.Node]) -> list[Stray]:
    """Start the release of nodes in error for which hardware may still be held.

    The fault stays: it says why the node is in error. A release that a conflict of facts
    has stopped is repeated only when the facts do not contradict each other any more.
    """
    db = context.db
    strays = []
    for row in unreleased:
        fault = row.fault
        if _is_stopped(row) and _contradicts(context, row):
            what = f"node {row.uuid} is in error ({_unreleased_reason(row)})"
            strays.append(Stray("row", what, repaired=False))
            continue
        if fault is not None and not row.release_requested:
            fault = node_objects.with_cleanup(fault, "pending")
        with contextlib.suppress(conductor_errors.Superseded):
            node_changes.begin(db, row, "release", fault=fault)
            what = f"node {row.uuid} is in error, and {row.podm_uuid} may still hold its hardware"
            strays.append(Stray("row", what, repaired=True))
    return strays


def _unreleased_reason(row: node_objects.Node) -> str:
    fault = row.fault or {}
    cleanup = fault.get("cleanup") or {}
    return cleanup.get("detail") or fault.get("detail") or "its last release did not succeed"


def _is_stopped(row: node_objects.Node) -> bool:
    """Return whether a conflict of facts has stopped the last release of a node."""
    fault = row.fault or {}
    is_release = fault.get("operation") == "release" and conflicts.is_conflict(fault)
    return is_release or conflicts.is_conflict(fault.get("cleanup"))


def _contradicts(context: wiring.Context, row: node_objects.Node) -> bool:
    """Return whether the facts of a machine still contradict each other, or cannot be read."""
    try:
        driver = context.drivers.verify(row.podm_uuid or "")
        search.Search(context, driver, row, thorough=True).run()
    except errors.ValenceError as exc:
        LOG.info("Did not repeat the release of node %s: %s", row.uuid, exc)
        return True
    return False


def _presence(db: Database, row: node_objects.Node, state: str) -> Callable[[], None]:
    def record() -> None:
        """Record the state, unless the row has changed meanwhile."""
        with contextlib.suppress(conductor_errors.Superseded):
            node_changes.record_presence(db, row, state)

    return record
