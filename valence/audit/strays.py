# SPDX-License-Identifier: Apache-2.0

"""Composed nodes of one pod manager, compared with the rows."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses

from valence import errors
from valence import ownership
from valence import podmanagers
from valence.audit import findings
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence_conductor import errors as conductor_errors
from valence_conductor.db.engine import Database

#: States of a row in which its node may be anywhere on its way.
MOVING = frozenset({"composing", "releasing"})

#: Who reuses a path for another node is noticed after so many audits.
REMEMBERED = 10


class Foreign:
    """Paths at which somebody else's nodes were seen, so that they are not asked for each time."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, frozenset[str]]] = {}

    def of(self, podm_uuid: str) -> frozenset[str]:
        """Give the paths that need not be read now."""
        return self._known.get(podm_uuid, (0, frozenset()))[1]

    def note(self, podm_uuid: str, paths: frozenset[str]) -> None:
        """Note what was seen now; now and then all is forgotten, and read anew."""
        audits = self._known.get(podm_uuid, (0, frozenset()))[0] + 1
        self._known[podm_uuid] = (audits, paths if audits % REMEMBERED else frozenset())


@dataclasses.dataclass(frozen=True)
class _View:
    """What one audit of a pod manager compares."""

    podm: podmanager_objects.PodManager
    driver: podmanagers.Driver
    ours: str
    rows: Mapping[str, node_objects.Node]
    held: Mapping[str, str] | None


def look(
    db: Database,
    driver: podmanagers.Driver,
    podm: podmanager_objects.PodManager,
    foreign: Foreign,
    held: Mapping[str, str] | None,
) -> list[findings.Finding]:
    """Find the nodes that no row owns, and the rows whose node is gone.

    :param held: Ironic node -> the composed node it stands for; None: not known.
    :raises ValenceError: the pod manager does not answer, or not as one would.
    """
    standing = [row for row in node_objects.list_all(db) if _stands_on(row, podm)]
    members = driver.members()
    rows = {row.uuid: row for row in node_objects.list_all(db)}
    view = _View(podm, driver, installation_objects.get(db), rows, held)
    owned = {row.path for row in (*standing, *rows.values()) if row.podm_uuid == podm.uuid}
    left_out, skipped = foreign.of(podm.uuid), set()
    found = []
    for member in members:
        if member.path in owned:
            continue
        if member.path in left_out:
            skipped.add(member.path)
            continue
        seen = _read(driver, member)
        stray = _stray(view, seen) if seen is not None else None
        if stray is not None:
            found.append(stray)
        elif seen is not None and not _may_be_ours(view, seen):
            skipped.add(member.path)
    foreign.note(podm.uuid, frozenset(skipped))
    _note_returned(db, view, members)
    return [*found, *_vanished(db, view, standing, members)]


def _stands_on(row: node_objects.Node, podm: podmanager_objects.PodManager) -> bool:
    return row.podm_uuid == podm.uuid and row.path is not None and row.state == "composed"


def _read(driver: podmanagers.Driver, member: podmanagers.Member) -> podmanagers.Member | None:
    """Ask a member for its name, unless the collection has told it."""
    if member.name is not None and member.description is not None:
        return member
    try:
        return driver.member(member.path)
    except errors.PodManagerNodeGone:
        return None


def _may_be_ours(view: _View, seen: podmanagers.Member) -> bool:
    return ownership.node_uuid_from_name(
        seen.name
    ) is not None and ownership.installation_from_description(seen.description) in (
        None,
        view.ours,
    )


def _stray(view: _View, seen: podmanagers.Member) -> findings.Finding | None:
    """Tell whether a node at a path of no row is a stray."""
    uuid = ownership.node_uuid_from_name(seen.name)
    if uuid is None or not _may_be_ours(view, seen):
        return None
    row = view.rows.get(uuid)
    if row is not None and (row.state in MOVING or _may_be_at(row, view.podm)):
        return None
    mark = ownership.installation_from_description(seen.description)
    whose = "which there is not" if row is None else f"which stands at {row.path or 'no path'}"
    return findings.Finding(
        (seen.path, uuid),
        "composed-node",
        f"{seen.path} on pod manager {view.podm.name} is named for node {uuid}, {whose}",
        findings.UNMARKED if mark is None else _obstacle(view, uuid),
        _deletion(view.driver, seen),
    )


def _may_be_at(row: node_objects.Node, podm: podmanager_objects.PodManager) -> bool:
    """Tell whether a row's node was allocated here, and its path is not known."""
    return row.allocating and row.path is None and row.podm_uuid == podm.uuid


def _obstacle(view: _View, uuid: str) -> str | None:
    """Say why a node that is ours is left alone all the same."""
    if view.held is None:
        return "Ironic does not say whether it has it"
    for ironic_uuid, named in view.held.items():
        if named == uuid:
            return f"it is node {ironic_uuid} of Ironic"
    return None


def _deletion(driver: podmanagers.Driver, seen: podmanagers.Member) -> Callable[[], None]:
    def delete() -> None:
        """Delete it if it is still what was seen: a path may be given to another node."""
        try:
            now = driver.member(seen.path)
        except errors.PodManagerNodeGone:
            return
        if (now.name, now.description) == (seen.name, seen.description):
            driver.delete(seen.path)

    return delete


def _note_returned(db: Database, view: _View, members: Sequence[podmanagers.Member]) -> None:
    """Note of nodes that were missing that their hardware is there again, under its name."""
    listed = {member.path: member for member in members}
    for row in view.rows.values():
        if row.state != "missing" or row.podm_uuid != view.podm.uuid or row.path not in listed:
            continue
        seen = _read(view.driver, listed[row.path])
        if seen is not None and seen.name == row.redfish_name:
            _notice(db, row, "composed")()


def _notice(db: Database, row: node_objects.Node, state: str) -> Callable[[], None]:
    def notice() -> None:
        """Note it, unless the row has moved on."""
        with contextlib.suppress(conductor_errors.Superseded):
            node_objects.record_presence(db, row, state)

    return notice


def _vanished(
    db: Database,
    view: _View,
    standing: Sequence[node_objects.Node],
    members: Sequence[podmanagers.Member],
) -> Iterator[findings.Finding]:
    """Find the rows whose node the collection has no more.

    The rows are those from before the listing that are the same after it. A
    collection with nothing at all in it is not believed: each node is asked for.
    """
    listed = {member.path: member.name for member in members}
    for old in standing:
        row = view.rows.get(old.uuid)
        same = row is not None and (row.generation, row.state) == (old.generation, old.state)
        if row is None or not same or row.path is None:
            continue
        if listed.get(row.path, "") in (None, row.redfish_name):
            continue
        if not listed and _answers(view.driver, row.path):
            continue
        yield findings.Finding(
            (row.path, row.uuid),
            "row",
            f"node {row.uuid} is composed, but pod manager {view.podm.name} has no {row.path} "
            "any more",
            "its hardware is gone: the node is missing, delete it",
            findings.leave,
            _notice(db, row, "missing"),
        )


def _answers(driver: podmanagers.Driver, path: str) -> bool:
    try:
        driver.member(path)
    except errors.PodManagerNodeGone:
        return False
    return True
