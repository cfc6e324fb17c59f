# SPDX-License-Identifier: Apache-2.0

"""Strays: composed nodes of a pod manager that no row owns."""

from collections.abc import Callable
import dataclasses

from valence import errors
from valence import ownership
from valence.audit.findings import Finding
from valence.audit.findings import NEVER_RELEASED
from valence.audit.findings import UNMARKED
from valence.audit.snapshot import Snapshot
from valence.flows import machine
from valence.objects import node as node_objects
from valence.objects import released_node
from valence.podmanagers import identity
from valence.podmanagers import odata
from valence.podmanagers.identity import Facts
from valence.podmanagers.identity import Verdict

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


@dataclasses.dataclass(frozen=True)
class Result:
    """The nodes of one listing.

    :ivar findings: the nodes that no row owns.
    :ivar moved: uuids of rows whose node is listed, but not at their path.
    """

    findings: list[Finding] = dataclasses.field(default_factory=list)
    moved: set[str] = dataclasses.field(default_factory=set)


def find(snapshot: Snapshot, foreign: ForeignPaths) -> Result:
    """Return the nodes that no row owns, and the rows whose node has another path now.

    :raises ValenceError: the pod manager does not answer, or the response is unusable.
    """
    podm_uuid = snapshot.podm.uuid
    cached, skipped = foreign.get(podm_uuid), set()
    result = Result()
    for listed in snapshot.members:
        if _is_in_place(snapshot, listed):
            continue
        if listed.path in cached:
            skipped.add(listed.path)
            continue
        facts = snapshot.read(listed)
        if facts is None:
            continue
        if not _is_of_installation(snapshot, facts):
            skipped.add(listed.path)
            continue
        row = snapshot.rows.get(facts.node_uuid or "")
        if row is not None and _has_moved(snapshot, row):
            result.moved.add(row.uuid)
        elif row is None or not _is_expected(snapshot, row):
            result.findings.append(_finding(snapshot, facts, row))
    foreign.update(podm_uuid, frozenset(skipped))
    return result


def _is_in_place(snapshot: Snapshot, listed: Facts) -> bool:
    """Return whether a node is at the path of a row, as far as the listing shows."""
    row = snapshot.row_at(listed.path)
    return row is not None and listed.node_uuid in (None, row.uuid)


def _is_of_installation(snapshot: Snapshot, facts: Facts) -> bool:
    """Return whether this installation, or one that left no mark, composed a node."""
    made_by = ownership.installation_from_description(facts.description)
    if facts.node_uuid is None:
        return made_by == snapshot.installation
    return made_by in (None, snapshot.installation)


def _has_moved(snapshot: Snapshot, row: node_objects.Node) -> bool:
    """Return whether a settled row of the pod manager has a path that is not its node's now."""
    if row.podm_uuid != snapshot.podm.uuid or row.state in TRANSITIONAL or row.path is None:
        return False
    for listed in snapshot.members:
        if odata.same_path(listed.path, row.path):
            return listed.node_uuid not in (None, row.uuid)
    return True


def _is_expected(snapshot: Snapshot, row: node_objects.Node) -> bool:
    """Return whether the node of a row may be at any path: it is composed or released."""
    is_here = row.podm_uuid == snapshot.podm.uuid
    return row.state in TRANSITIONAL or (row.allocating and row.path is None and is_here)


def _finding(snapshot: Snapshot, facts: Facts, row: node_objects.Node | None) -> Finding:
    mark = ownership.installation_from_description(facts.description)
    owner = "which does not exist"
    if row is not None:
        owner = f"whose path is {row.path or 'unknown'}"
    named = f"is named after node {facts.node_uuid}, {owner}"
    if facts.node_uuid is None:
        named = "has the mark of this installation, and names no node"
    return Finding(
        (facts.path, facts.node_uuid or ""),
        "composed-node",
        f"{facts.path} on pod manager {snapshot.podm.name} {named}",
        UNMARKED if mark is None else _obstacle(snapshot, facts, row),
        _deletion(snapshot, facts),
        podm_uuid=snapshot.podm.uuid,
        path=facts.path,
        node_uuid=facts.node_uuid,
    )


def _obstacle(snapshot: Snapshot, facts: Facts, row: node_objects.Node | None) -> str | None:
    """Return why a node of this installation is kept all the same."""
    if facts.node_uuid is None:
        return "delete it on the pod manager, if no node of Valence needs it"
    if row is None and not released_node.is_recorded(snapshot.context.db, facts.node_uuid):
        return f"{NEVER_RELEASED}. Adopt it (valence node manage), or delete it on the pod manager"
    obstacle = _owner(snapshot, snapshot.driver.with_system(facts), row)
    if obstacle is not None:
        return obstacle
    if snapshot.ironic_nodes is None:
        return "Ironic does not say whether it has it"
    for ironic_uuid, node_uuid in snapshot.ironic_nodes.items():
        if node_uuid == facts.node_uuid:
            return f"it is node {ironic_uuid} of Ironic"
    return None


def _owner(snapshot: Snapshot, facts: Facts, row: node_objects.Node | None) -> str | None:
    """Return why a node may be the machine of a row; None: it is that of no row.

    A second node with the marks of a row, which a lost response to Allocate leaves, is
    another machine only if its system is another one; and that of an operator who stated
    that another machine is the row's may be meant to be used again.
    """
    if row is not None and row.podm_uuid != snapshot.podm.uuid:
        return (
            f"node {row.uuid} is on pod manager {row.podm_uuid}: delete this one on "
            f"{snapshot.podm.name}, if it is not the same machine"
        )
    rows = [other for other in snapshot.rows.values() if other.podm_uuid == snapshot.podm.uuid]
    for other in rows:
        comparison = machine.compare(snapshot.context, other, facts)
        is_second = identity.HARDWARE & {*comparison.contradict} and not other.adopted_as
        is_similar = machine.SYSTEM_FACTS & {*comparison.agree}
        is_its_own = other is not row and comparison.verdict is Verdict.SAME
        if is_similar or is_its_own or (other is row and not is_second):
            return (
                f"it may be the machine of node {other.uuid}: {comparison.describe()}. If it is "
                f"not, delete it on the pod manager"
            )
    return None


def _deletion(snapshot: Snapshot, facts: Facts) -> Callable[[], None]:
    driver = snapshot.driver

    def delete() -> None:
        """Delete the node, unless its path has become another node's."""
        try:
            current = driver.member(facts.path)
        except errors.PodManagerNodeGone:
            return
        if (current.name, current.description) == (facts.name, facts.description):
            driver.delete(facts.path)

    return delete
