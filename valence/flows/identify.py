# SPDX-License-Identifier: Apache-2.0

"""Identifying the machine of a row: where its pod manager has it now, if it has it at all.

A machine is touched only after at least two facts have identified it, see
:mod:`valence.podmanagers.identity`. One that the pod manager has moved to another path is
followed. That it is gone is concluded from a complete listing alone, which lacks it by
every fact that the row has.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import functools
from typing import Any

from oslo_log import log as logging

from valence import errors
from valence import ownership
from valence import podmanagers
from valence import wiring
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence.objects import system as system_objects
from valence.podmanagers import identity
from valence.podmanagers import odata
from valence.podmanagers.identity import Comparison
from valence.podmanagers.identity import Facts
from valence.podmanagers.identity import Verdict
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting

LOG = logging.getLogger(__name__)

#: The operation in the fault of a node whose facts contradict each other.
OPERATION = "identify"

#: Facts of the system that a node has.
SYSTEM_FACTS = identity.HARDWARE | {"system_path"}

#: Errors of one resource that cannot be read, though its pod manager answers.
UNREADABLE = (errors.PodManagerFailed, errors.PodManagerRefused)


def expected(context: wiring.Context, row: node_objects.Node) -> Facts:
    """Return the facts that a row has; the Name and the mark are those that were sent.

    A fact that the pod manager has dropped when the node was composed is None.
    """
    recorded = row.identity or {}
    name = None if row.redfish_name == row.path else row.redfish_name
    return Facts(
        path=row.path or "",
        name=recorded.get("name", name),
        description=recorded.get("description", _mark(context, row)),
        redfish_uuid=recorded.get("redfish_uuid"),
        system_path=row.system_path,
        system_uuid=recorded.get("system_uuid"),
        serial_number=recorded.get("serial_number"),
        macs=tuple(recorded.get("macs") or (nic["mac"] for nic in row.interfaces or ())),
    )


def compare(
    context: wiring.Context,
    row: node_objects.Node,
    observed: Facts,
    ignored: frozenset[str] = frozenset(),
) -> Comparison:
    """Compare what a row has of its machine with what its pod manager reports of one.

    :param ignored: facts that do not count.
    """
    facts = expected(context, row)
    shared = system_objects.shared_facts(
        context.db, row.podm_uuid or "", facts.system_uuid, facts.serial_number
    )
    if "description" not in (row.identity or {}) and not observed.description:
        # It is not known whether the pod manager keeps Descriptions.
        shared |= {"description"}
    return identity.compare(facts, observed, shared | ignored)


def verify(
    context: wiring.Context, row: node_objects.Node, driver: podmanagers.Driver | None = None
) -> node_objects.Node:
    """Return a row whose path is that of its machine now.

    Two requests where the machine is where the row has it. The row learns the facts that it
    lacks, and its fault ends if it was a conflict.

    :param driver: of its pod manager; None: as the row has it.
    :raises PodManagerNodeGone: its pod manager does not have it any more.
    :raises NodeIdentityConflict: facts contradict each other, or too few are known.
    :raises PodManagerFailed: it cannot be read, or the listing is not complete.
    """
    driver = driver or context.drivers.get(row.podm_uuid or "")
    facts = Search(context, driver, row).run()
    if facts is None:
        context.drivers.verify(row.podm_uuid or "")  # what another lacks proves nothing
        raise errors.PodManagerNodeGone(
            f"Pod manager {row.podm_uuid} does not list node {row.uuid} any more, neither at "
            f"{row.path} nor at another path. Delete the node."
        )
    if not facts.is_read:
        raise errors.PodManagerFailed(
            f"Pod manager {row.podm_uuid} lists {row.path} and cannot read it, so that it is not "
            "certain which machine it is. See the log of the pod manager, and try again."
        )
    return follow(context, row, facts)


def read(
    context: wiring.Context, row: node_objects.Node
) -> tuple[node_objects.Node, podmanagers.ComposedNode]:
    """Read the machine of a row: the row with its path now, and the node.

    Two requests where the machine is where the row has it.

    :raises ValenceError: as :func:`verify`.
    """
    driver = context.drivers.get(row.podm_uuid or "")
    with contextlib.suppress(errors.PodManagerNodeGone):
        node = driver.read(row.path or "")
        if compare(context, row, node.facts).verdict is Verdict.SAME:
            return follow(context, row, node.facts), node
    row = verify(context, row)
    try:
        return row, driver.read(row.path or "")
    except errors.PodManagerNodeGone as exc:
        raise listed_and_gone(row) from exc


def listed_and_gone(row: node_objects.Node) -> errors.PodManagerFailed:
    """Return the error for a node that is listed, and does not exist where it is listed."""
    return errors.PodManagerFailed(
        f"Pod manager {row.podm_uuid} has {row.path}, and answers that it does not exist. Try "
        "again; if that does not help, see the log of the pod manager."
    )


def follow(context: wiring.Context, row: node_objects.Node, facts: Facts) -> node_objects.Node:
    """Record where a machine is, and what identifies it.

    :param facts: of the row's machine, identified.
    """
    values: dict[str, Any] = {}
    recorded = learn(context, row, facts)
    if row.path is None or not odata.same_path(row.path, facts.path):
        LOG.warning(
            "Node %s is at %s on pod manager %s now, no longer at %s",
            *(row.uuid, facts.path, row.podm_uuid, row.path),
        )
        values["path"] = facts.path
        recorded["previous_path"] = row.path
    if facts.system_path is not None and facts.system_path != row.system_path:
        values["system_path"] = facts.system_path
    if recorded != row.identity:
        values["identity"] = recorded
    if is_conflict(row.fault):
        LOG.info("Node %s is identified again: the conflict of its facts has ended", row.uuid)
        values["fault"] = None
    if row.adopted_as and facts.name and facts.name != row.adopted_as:
        values["adopted_as"] = facts.name
    return node_changes.record(context.db, row, **values) if values else row


def learn(
    context: wiring.Context, row: node_objects.Node, facts: Facts, macs: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the identity of a row with the facts that it lacked.

    :param facts: of the row's machine, identified.
    """
    recorded = dict(row.identity or {})
    recorded.pop("others", None)
    sent = {"name": row.redfish_name, "description": _mark(context, row)}
    for fact, text in sent.items():
        reported = facts.get(fact)
        if row.adopted_as:
            recorded[fact] = reported
        elif fact not in recorded:
            recorded[fact] = text if identity.kept(text or "", reported) != "no" else None
    shared = system_objects.shared_facts(
        context.db, row.podm_uuid or "", facts.system_uuid, facts.serial_number
    )
    for fact in ("redfish_uuid", "system_uuid", "serial_number"):
        if recorded.get(fact) is None:
            recorded[fact] = None if fact in shared else facts.get(fact)
    recorded["macs"] = recorded.get("macs") or list(macs)
    if not row.adopted_as and facts.is_read and facts.name != recorded.get("reported_name"):
        if recorded["name"] and identity.kept(recorded["name"], facts.name) == "no":
            LOG.warning("Node %s was renamed to %r on its pod manager", row.uuid, facts.name)
            recorded["reported_name"] = facts.name
        else:
            recorded.pop("reported_name", None)
    return recorded


def learn_kept_facts(context: wiring.Context, row: node_objects.Node, facts: Facts) -> None:
    """Record which facts a pod manager keeps of a node that it has just composed."""
    podmanager_objects.record_kept_facts(
        context.db,
        row.podm_uuid or "",
        {
            "name": identity.kept(row.redfish_name, facts.name),
            "description": identity.kept(_mark(context, row) or "", facts.description),
        },
    )


def keeps_marks(context: wiring.Context, podm_uuid: str) -> bool:
    """Return whether a pod manager is known to keep the Name or the mark of a node.

    The mark of the installation alone tells no node from another.
    """
    kept = podmanager_objects.get(context.db, podm_uuid).kept_facts or {}
    return any(value in ("whole", "part") for value in kept.values())


class Search:
    """Searches the machine of a row on its pod manager.

    :param thorough: read the system of each node of other clients, too: it may be that of
        the row. Otherwise only of those that have the same path as the row's.
    :param deleted: Valence has deleted the node. Its system may be part of another node
        by now, and nodes of other clients that cannot be read are not it.
    """

    def __init__(
        self,
        context: wiring.Context,
        driver: podmanagers.Driver,
        row: node_objects.Node,
        *,
        thorough: bool = False,
        deleted: bool = False,
    ) -> None:
        self._context = context
        self._driver = driver
        self._row = row
        self._thorough = thorough and not deleted
        self._deleted = deleted
        self._expected = facts = expected(context, row)
        self._has_marks = bool(facts.name or facts.description)
        # A response to Allocate was lost: a second node may have the marks, on another system.
        is_on_any_system = row.allocating or (deleted and self._has_marks)
        self._ignored = SYSTEM_FACTS if is_on_any_system else frozenset[str]()
        self._unreadable: list[str] = []
        self._suspects: list[Comparison] = []

    def run(self) -> Facts | None:
        """Return the facts of the machine; None: the complete listing lacks it.

        A machine whose node is listed at the row's path and cannot be read has no facts but
        its path.

        :raises NodeIdentityConflict: a machine may be it, but is not identified.
        :raises PodManagerFailed: the listing is not complete.
        """
        if self._row.path is not None:
            with contextlib.suppress(errors.PodManagerNodeGone, *UNREADABLE):
                facts = self._match(self._driver.member(self._row.path))
                if facts is not None:
                    return facts
        return self.run_in(self._driver.members())

    def run_in(self, members: Sequence[Facts]) -> Facts | None:
        """Do the same in a complete listing, without reading the row's path first."""
        self._suspects.clear()
        self._unreadable.clear()
        for member in members:
            facts = self._read(member)
            found = self._match(facts) if facts is not None else None
            if found is not None:
                return found
        if self._suspects:
            raise conflict(self._row, self._suspects[0])
        if any(self._is_at_path(path) for path in self._unreadable):
            return Facts(path=self._row.path or "", is_read=False)
        if self._unreadable and not self._deleted:
            raise errors.PodManagerFailed(
                f"Pod manager {self._row.podm_uuid} lists {self._unreadable[0]} and cannot read "
                f"it: it may be node {self._row.uuid}. See the log of the pod manager."
            )
        return None

    def _read(self, member: Facts) -> Facts | None:
        """Return the facts of a member; None: it is gone, unreadable, or another row's."""
        if self._deleted and not member.is_read and self._is_path_of_another_row(member.path):
            return None
        if member.is_read and (member.name or member.description or not self._has_marks):
            return member
        try:
            return self._driver.member(member.path)
        except errors.PodManagerNodeGone:
            if self._is_at_path(member.path):  # what is listed may be held still
                self._unreadable.append(member.path)
        except UNREADABLE:
            self._unreadable.append(member.path)
        return None

    def _match(self, facts: Facts) -> Facts | None:
        """Return the facts of a node with those of its system, if it is the row's."""
        if not self._thorough and self._is_excluded(self._compare(facts)):
            return None
        facts = self._driver.with_system(facts)
        comparison = self._compare(facts)
        if comparison.verdict is Verdict.UNKNOWN and self._expected.macs and facts.system_path:
            facts = dataclasses.replace(facts, macs=_macs(self._driver, facts.system_path))
            comparison = self._compare(facts)
        if comparison.verdict is Verdict.SAME:
            return facts
        if not self._is_excluded(comparison) and not is_of_another_row(
            self._context, self._row, facts
        ):
            self._suspects.append(comparison)
        return None

    def _compare(self, facts: Facts) -> Comparison:
        return compare(self._context, self._row, facts, self._ignored)

    def _is_excluded(self, comparison: Comparison) -> bool:
        """Return whether a node is certainly not the row's."""
        is_unlike = comparison.verdict is Verdict.UNKNOWN and not comparison.agree
        return comparison.verdict is Verdict.OTHER or (is_unlike and self._has_marks)

    def _is_path_of_another_row(self, path: str) -> bool:
        return any(odata.same_path(row.path or "", path) for row in self._others)

    @functools.cached_property
    def _others(self) -> list[node_objects.Node]:
        return other_rows(self._context, self._row)

    def _is_at_path(self, path: str) -> bool:
        return self._row.path is not None and odata.same_path(self._row.path, path)


def find_allocation(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node
) -> str | None:
    """Return the path of the newest node that was allocated for a row; None: there is none.

    The node is recognized by its Name or its mark, which were sent with the request.

    :raises NodeIdentityConflict: the pod manager keeps neither, and lists a node that it did
        not list before the request, and that no row owns.
    :raises PodManagerFailed: the listing is not complete.
    """
    known = [other.path for other in other_rows(context, row) if other.path]
    known += (row.identity or {}).get("others", ())
    unmarked = []
    for member in reversed(driver.members()):
        try:
            facts = member if member.is_read and member.name else driver.member(member.path)
        except errors.PodManagerNodeGone:
            continue
        if is_marked(context, row, facts):
            learn_kept_facts(context, row, facts)
            return facts.path
        if facts.node_uuid is None and not any(
            odata.same_path(path, facts.path) for path in known
        ):
            unmarked.append(facts)
    if unmarked and not keeps_marks(context, row.podm_uuid or ""):
        raise conflict(row, compare(context, row, unmarked[0], SYSTEM_FACTS))
    return None


def is_marked(context: wiring.Context, row: node_objects.Node, facts: Facts) -> bool:
    """Return whether a node has the Name or the mark of a row, and not those of another."""
    if facts.node_uuid is not None:
        return facts.node_uuid == row.uuid
    return "name" in compare(context, row, facts, SYSTEM_FACTS).agree


def check_new(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node, facts: Facts
) -> None:
    """Check that a node that is being composed is the one at its path.

    On a pod manager that keeps no marks nothing identifies it but the path that was
    answered to Allocate, and the system that it had then: no other row may have the machine.

    :raises NodeIdentityConflict: the machine at the path is another one.
    """
    is_unmarked = facts.node_uuid is None and not keeps_marks(context, row.podm_uuid or "")
    if is_unmarked and not (facts.system_uuid or facts.serial_number):
        facts = driver.with_system(facts)
    comparison = compare(context, row, facts)
    is_new = (
        is_unmarked
        and not is_of_another_row(context, row, facts)
        and not _is_on_system_of_another_row(context, row, facts)
    )
    is_its_own = comparison.verdict is Verdict.SAME or is_marked(context, row, facts)
    if comparison.verdict is Verdict.CONFLICT or not (is_its_own or is_new):
        raise conflict(row, comparison)


def _is_on_system_of_another_row(
    context: wiring.Context, row: node_objects.Node, facts: Facts
) -> bool:
    comparisons = (compare(context, other, facts) for other in other_rows(context, row))
    return any(
        identity.HARDWARE & {*comparison.agree}
        and not identity.HARDWARE & {*comparison.contradict}
        for comparison in comparisons
    )


def check_allocated(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node, path: str
) -> None:
    """Check that the path that was answered to Allocate is that of a new node.

    Learns which of the marks the pod manager keeps; of a node without marks, the facts of
    its system. A node that cannot be read yet is checked when it can.

    :raises PodManagerFailed: it is another node: whether one was allocated is unknown.
    """
    try:
        facts = driver.member(path)
        is_own = is_marked(context, row, facts)
        facts = facts if is_own else driver.with_system(facts)
    except errors.ValenceError as exc:  # the node is allocated, whatever this request came to
        LOG.info("Node %s cannot be read yet at %s: %s", row.uuid, path, exc)
        return
    if not is_own:
        earlier = (row.identity or {}).get("others")
        if (
            facts.node_uuid is not None
            or keeps_marks(context, row.podm_uuid or "")
            or earlier is None
            or any(odata.same_path(path, other) for other in earlier)
            or is_of_another_row(context, row, facts)
        ):
            raise errors.PodManagerFailed(
                f"Pod manager {row.podm_uuid} answered {path} to Allocate, which is another "
                f"node ({facts.name!r}). See the log of the pod manager."
            )
        learned = {fact: facts.get(fact) for fact in ("system_uuid", "serial_number")}
        sent = {"name": row.redfish_name, "description": _mark(context, row) or ""}
        for fact, text in sent.items():
            if identity.kept(text, facts.get(fact)) == "no":
                learned[fact] = None
        node_changes.record(context.db, row, identity={**(row.identity or {}), **learned})
    learn_kept_facts(context, row, facts)


def is_of_another_row(context: wiring.Context, row: node_objects.Node, facts: Facts) -> bool:
    """Return whether a node is the machine of another row of its pod manager.

    Its Name is not enough: the machine of the row may have been given that of another.
    """
    for other in other_rows(context, row):
        is_named = other.uuid == facts.node_uuid
        if is_named or odata.same_path(other.path or "", facts.path):
            comparison = compare(context, other, facts)
            is_certain = comparison.verdict is Verdict.SAME
            if is_certain or (is_named and comparison.agree and not comparison.contradict):
                return True
    return False


def other_rows(context: wiring.Context, row: node_objects.Node) -> list[node_objects.Node]:
    """List the other rows of the pod manager of a row."""
    return [
        other
        for other in node_objects.list_all(context.db)
        if other.podm_uuid == row.podm_uuid and other.uuid != row.uuid
    ]


def conflict(row: node_objects.Node, comparison: Comparison) -> errors.NodeIdentityConflict:
    """Return the error for a machine that may be a row's, and is not identified."""
    if comparison.contradict:
        problem = f"of the facts recorded of it, {comparison.describe()}"
    else:
        facts = ", ".join(identity.LABELS[fact] for fact in comparison.agree) or "no fact"
        problem = f"only {facts} can be compared, which does not identify it"
    return errors.NodeIdentityConflict(
        f"{comparison.observed.path} on pod manager {row.podm_uuid} may or may not be node "
        f"{row.uuid}: {problem}. Nothing was changed. If it is the node: valence node adopt-path "
        f"{row.uuid} {comparison.observed.path}. If the node is gone: valence node forget "
        f"{row.uuid} --i-know-it-is-gone.",
        path=comparison.observed.path,
        **comparison.details(),
    )


def is_conflict(fault: Mapping[str, Any] | None) -> bool:
    """Return whether the facts of a node contradict each other."""
    return fault is not None and fault.get("code") == errors.NodeIdentityConflict.code


def record_conflict(
    context: wiring.Context, row: node_objects.Node, error: errors.NodeIdentityConflict
) -> None:
    """Show a conflict of facts in the fault of a node; another fault stays."""
    fault = {**error.details, "detail": error.detail, "operation": OPERATION}
    earlier = row.fault or {}
    if earlier.get("detail") == fault["detail"]:
        return
    LOG.warning("Node %s: %s", row.uuid, error)
    if row.fault is None or is_conflict(earlier):
        with contextlib.suppress(conductor_errors.Superseded):
            node_changes.record(context.db, row, fault={**fault, "at": waiting.now().isoformat()})


def _mark(context: wiring.Context, row: node_objects.Node) -> str | None:
    """Return the start of the Description that a node was composed with."""
    if row.adopted_as:
        return None
    return ownership.description(installation_objects.get(context.db), row.uuid)


def _macs(driver: podmanagers.Driver, system_path: str) -> tuple[str, ...]:
    """Return the MAC addresses of a system; none if they cannot be read."""
    try:
        return tuple(interface.mac for interface in driver.interfaces(system_path))
    except (errors.PodManagerNodeGone, *UNREADABLE):
        return ()
