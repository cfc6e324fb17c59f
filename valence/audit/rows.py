# SPDX-License-Identifier: Apache-2.0

"""Rows that contradict their pod manager: the node is gone, is back, or was not released."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib

from valence import errors
from valence import podmanagers
from valence.audit import findings
from valence.audit.snapshot import Snapshot
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence_conductor import errors as conductor_errors
from valence_conductor.db.engine import Database
from valence_conductor.strays import Stray


def record_returned(snapshot: Snapshot) -> None:
    """Record as composed the missing nodes that are listed again, under their name."""
    listed = {member.path: member for member in snapshot.members}
    for row in snapshot.rows.values():
        on_podm = row.podm_uuid == snapshot.podm.uuid and row.path in listed
        if row.state != "missing" or not on_podm:
            continue
        member = snapshot.read(listed[row.path or ""])
        if member is not None and member.name == row.redfish_name:
            _presence(snapshot.db, row, "composed")()


def find_missing(snapshot: Snapshot) -> Iterator[findings.Finding]:
    """Yield the composed rows whose node the collection does not list any more.

    Only rows that did not change during the listing count. An empty collection is not
    relied on: each of its nodes is read, too.
    """
    listed = {member.path: member.name for member in snapshot.members}
    for before in snapshot.composed:
        row = snapshot.rows.get(before.uuid)
        if row is None or (row.generation, row.state) != (before.generation, before.state):
            continue
        if row.path is None or listed.get(row.path, "") in (None, row.redfish_name):
            continue
        if not listed and _exists(snapshot.driver, row.path):
            continue
        yield findings.Finding(
            (row.path, row.uuid),
            "row",
            f"node {row.uuid} is composed, but pod manager {snapshot.podm.name} has no "
            f"{row.path} any more",
            "its hardware is gone: the node is missing, delete it",
            findings.nothing,
            _presence(snapshot.db, row, "missing"),
        )


def release_again(db: Database) -> list[Stray]:
    """Start the release of every node in error for which hardware may still be held.

    The fault stays: it says why the node is in error.
    """
    strays = []
    for row in node_objects.list_unreleased(db):
        fault = row.fault
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


def _exists(driver: podmanagers.Driver, path: str) -> bool:
    try:
        driver.member(path)
    except errors.PodManagerNodeGone:
        return False
    return True
