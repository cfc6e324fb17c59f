# SPDX-License-Identifier: Apache-2.0

"""Strays: composed nodes of a pod manager that no row owns."""

from collections.abc import Callable

from valence import errors
from valence import ownership
from valence import podmanagers
from valence.audit import findings
from valence.audit.snapshot import Snapshot
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects

#: States of a row whose node may be at any path, or at none.
TRANSITIONAL = frozenset({"composing", "releasing"})

#: Audits after which cached paths are read again: a path may have become another node's.
REREAD_INTERVAL = 10


class ForeignPaths:
    """Cache of paths with nodes of others, which are not read at every audit."""

    def __init__(self) -> None:
        self._cache: dict[str, tuple[int, frozenset[str]]] = {}

    def get(self, podm_uuid: str) -> frozenset[str]:
        """Return the paths on a pod manager that need not be read now."""
        return self._cache.get(podm_uuid, (0, frozenset()))[1]

    def update(self, podm_uuid: str, paths: frozenset[str]) -> None:
        """Replace the paths after an audit; every :data:`REREAD_INTERVAL` audits, drop all."""
        audits = self._cache.get(podm_uuid, (0, frozenset()))[0] + 1
        self._cache[podm_uuid] = (audits, paths if audits % REREAD_INTERVAL else frozenset())


def find(snapshot: Snapshot, foreign: ForeignPaths) -> list[findings.Finding]:
    """Return the nodes that no row owns.

    :raises ValenceError: the pod manager does not answer, or the response is unusable.
    """
    podm_uuid = snapshot.podm.uuid
    rows = (*snapshot.composed, *snapshot.rows.values())
    owned = {row.path for row in rows if row.podm_uuid == podm_uuid}
    cached, skipped = foreign.get(podm_uuid), set()
    result = []
    for listed in snapshot.members:
        if listed.path in owned:
            continue
        if listed.path in cached:
            skipped.add(listed.path)
            continue
        member = snapshot.read(listed)
        stray = _stray(snapshot, member) if member is not None else None
        if stray is not None:
            result.append(stray)
        elif member is not None and not _may_be_stray(snapshot, member):
            skipped.add(listed.path)
    foreign.update(podm_uuid, frozenset(skipped))
    return result


def _may_be_stray(snapshot: Snapshot, member: podmanagers.Member) -> bool:
    """Return whether this installation, or one that left no mark, composed a node."""
    made_by = ownership.installation_from_description(member.description)
    is_valence = ownership.node_uuid_from_name(member.name) is not None
    return is_valence and made_by in (None, snapshot.installation)


def _stray(snapshot: Snapshot, member: podmanagers.Member) -> findings.Finding | None:
    """Return the finding for a node at a path of no row; None if it is no stray."""
    uuid = ownership.node_uuid_from_name(member.name)
    if uuid is None or not _may_be_stray(snapshot, member):
        return None
    row = snapshot.rows.get(uuid)
    if row is not None and (row.state in TRANSITIONAL or _may_be_at(row, snapshot.podm)):
        return None
    mark = ownership.installation_from_description(member.description)
    owner = "which does not exist" if row is None else f"whose path is {row.path or 'unknown'}"
    return findings.Finding(
        (member.path, uuid),
        "composed-node",
        f"{member.path} on pod manager {snapshot.podm.name} is named after node {uuid}, {owner}",
        findings.UNMARKED if mark is None else _obstacle(snapshot, uuid),
        _deletion(snapshot.driver, member),
    )


def _may_be_at(row: node_objects.Node, podm: podmanager_objects.PodManager) -> bool:
    """Return whether a row's node was allocated on a pod manager at an unknown path."""
    return row.allocating and row.path is None and row.podm_uuid == podm.uuid


def _obstacle(snapshot: Snapshot, uuid: str) -> str | None:
    """Return why a node of this installation is kept all the same."""
    if snapshot.ironic_nodes is None:
        return "Ironic does not say whether it has it"
    for ironic_uuid, node_uuid in snapshot.ironic_nodes.items():
        if node_uuid == uuid:
            return f"it is node {ironic_uuid} of Ironic"
    return None


def _deletion(driver: podmanagers.Driver, member: podmanagers.Member) -> Callable[[], None]:
    def delete() -> None:
        """Delete the node, unless its path has become another node's."""
        try:
            current = driver.member(member.path)
        except errors.PodManagerNodeGone:
            return
        if (current.name, current.description) == (member.name, member.description):
            driver.delete(member.path)

    return delete
