# SPDX-License-Identifier: Apache-2.0

"""The node that was allocated for a row: which one it is, and that it is no other."""

from oslo_log import log as logging

from valence import errors
from valence import podmanagers
from valence import wiring
from valence.flows import conflicts
from valence.flows import machine
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.podmanagers import identity
from valence.podmanagers import odata
from valence.podmanagers.identity import Facts
from valence.podmanagers.identity import Verdict

LOG = logging.getLogger(__name__)


def find_allocation(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node
) -> str | None:
    """Return the path of the newest node that was allocated for a row; None: there is none.

    The node is recognized by its Name or its mark, which were sent with the request.

    :raises NodeIdentityConflict: the pod manager keeps neither, and lists a node that it did
        not list before the request, and that no row owns.
    :raises PodManagerFailed: the listing is not complete.
    """
    known = [other.path for other in machine.other_rows(context, row) if other.path]
    known += (row.identity or {}).get("others", ())
    unmarked = []
    for member in reversed(driver.members()):
        try:
            facts = member if member.is_read and member.name else driver.member(member.path)
        except errors.PodManagerNodeGone:
            continue
        if machine.is_marked(context, row, facts):
            machine.learn_kept_facts(context, row, facts)
            return facts.path
        if facts.node_uuid is None and not any(
            odata.same_path(path, facts.path) for path in known
        ):
            unmarked.append(facts)
    if unmarked and not machine.keeps_marks(context, row.podm_uuid or ""):
        raise conflicts.error(
            row, machine.compare(context, row, unmarked[0], machine.SYSTEM_FACTS)
        )
    return None


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
        is_own = machine.is_marked(context, row, facts)
        facts = facts if is_own else driver.with_system(facts)
    except errors.ValenceError as exc:  # the node is allocated, whatever this request came to
        LOG.info("Node %s cannot be read yet at %s: %s", row.uuid, path, exc)
        return
    if not is_own:
        earlier = (row.identity or {}).get("others")
        if (
            facts.node_uuid is not None
            or machine.keeps_marks(context, row.podm_uuid or "")
            or earlier is None
            or any(odata.same_path(path, other) for other in earlier)
            or machine.is_of_another_row(context, row, facts)
        ):
            raise errors.PodManagerFailed(
                f"Pod manager {row.podm_uuid} answered {path} to Allocate, which is another "
                f"node ({facts.name!r}). See the log of the pod manager."
            )
        learned = {fact: facts.get(fact) for fact in ("system_uuid", "serial_number")}
        sent = {"name": row.redfish_name, "description": machine.mark(context, row) or ""}
        for fact, text in sent.items():
            if identity.kept(text, facts.get(fact)) == "no":
                learned[fact] = None
        node_changes.record(context.db, row, identity={**(row.identity or {}), **learned})
    machine.learn_kept_facts(context, row, facts)


def check_new(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node, facts: Facts
) -> None:
    """Check that a node that is being composed is the one at its path.

    On a pod manager that keeps no marks nothing identifies it but the path that was
    answered to Allocate, and the system that it had then: no other row may have the machine.

    :raises NodeIdentityConflict: the machine at the path is another one.
    """
    is_unmarked = facts.node_uuid is None and not machine.keeps_marks(context, row.podm_uuid or "")
    if is_unmarked and not (facts.system_uuid or facts.serial_number):
        facts = driver.with_system(facts)
    comparison = machine.compare(context, row, facts)
    is_new = (
        is_unmarked
        and not machine.is_of_another_row(context, row, facts)
        and not _is_on_system_of_another_row(context, row, facts)
    )
    is_its_own = comparison.verdict is Verdict.SAME or machine.is_marked(context, row, facts)
    if comparison.verdict is Verdict.CONFLICT or not (is_its_own or is_new):
        raise conflicts.error(row, comparison)


def _is_on_system_of_another_row(
    context: wiring.Context, row: node_objects.Node, facts: Facts
) -> bool:
    comparisons = (
        machine.compare(context, other, facts) for other in machine.other_rows(context, row)
    )
    return any(
        identity.HARDWARE & {*comparison.agree}
        and not identity.HARDWARE & {*comparison.contradict}
        for comparison in comparisons
    )
