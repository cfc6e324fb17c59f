# SPDX-License-Identifier: Apache-2.0

"""What is known of the machine of a row, and how it compares with one that is found."""

from collections.abc import Sequence
import dataclasses
from typing import Any

from oslo_log import log as logging

from valence import ownership
from valence import wiring
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence.objects import system as system_objects
from valence.podmanagers import identity
from valence.podmanagers import odata
from valence.podmanagers.identity import Comparison
from valence.podmanagers.identity import Facts
from valence.podmanagers.identity import Verdict

LOG = logging.getLogger(__name__)

#: Facts of the system that a node has.
SYSTEM_FACTS = identity.HARDWARE | {"system_path"}


def expected(context: wiring.Context, row: node_objects.Node) -> Facts:
    """Return the facts that a row has; the Name and the mark are those that were sent.

    A fact that the pod manager has dropped when the node was composed is None.
    """
    recorded = row.identity or {}
    name = None if row.redfish_name == row.path else row.redfish_name
    return Facts(
        path=row.path or "",
        name=recorded.get("name", name),
        description=recorded.get("description", mark(context, row)),
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
    if facts.node_uuid is None and observed.node_uuid == row.uuid:
        # A pod manager that kept neither mark reports them now: they name no other node.
        facts = dataclasses.replace(facts, name=row.redfish_name, description=mark(context, row))
    shared = system_objects.shared_facts(
        context.db, row.podm_uuid or "", facts.system_uuid, facts.serial_number
    )
    if "description" not in (row.identity or {}) and not observed.description:
        # It is not known whether the pod manager keeps Descriptions.
        shared |= {"description"}
    return identity.compare(facts, observed, shared | ignored)


def learn(
    context: wiring.Context, row: node_objects.Node, facts: Facts, macs: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the identity of a row with the facts that it lacked.

    :param facts: of the row's machine, identified.
    """
    recorded = dict(row.identity or {})
    recorded.pop("others", None)
    sent = {"name": row.redfish_name, "description": mark(context, row)}
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
            "description": identity.kept(mark(context, row) or "", facts.description),
        },
    )


def keeps_marks(context: wiring.Context, podm_uuid: str) -> bool:
    """Return whether a pod manager is known to keep the Name or the mark of a node.

    The mark of the installation alone tells no node from another.
    """
    kept = podmanager_objects.get(context.db, podm_uuid).kept_facts or {}
    return any(value in ("whole", "part") for value in kept.values())


def is_marked(context: wiring.Context, row: node_objects.Node, facts: Facts) -> bool:
    """Return whether a node has the Name or the mark of a row, and not those of another."""
    if facts.node_uuid is not None:
        return facts.node_uuid == row.uuid
    return "name" in compare(context, row, facts, SYSTEM_FACTS).agree


def is_of_another_row(context: wiring.Context, row: node_objects.Node, facts: Facts) -> bool:
    """Return whether a node is the machine of another row of its pod manager.

    Its Name is not enough: the machine of the row may have been given that of another, or
    that of another the Name of the row.
    """
    for other in other_rows(context, row):
        is_named = other.uuid == facts.node_uuid
        if is_named or odata.same_path(other.path or "", facts.path):
            comparison = compare(context, other, facts)
            agree, contradict = {*comparison.agree}, {*comparison.contradict}
            is_certain = comparison.verdict is Verdict.SAME
            is_renamed = "description" in agree and agree & identity.HARDWARE
            if (
                is_certain
                or (is_named and agree and not contradict)
                or (is_renamed and contradict == {"name"})
            ):
                return True
    return False


def other_rows(context: wiring.Context, row: node_objects.Node) -> list[node_objects.Node]:
    """List the other rows of the pod manager of a row."""
    return [
        other
        for other in node_objects.list_all(context.db)
        if other.podm_uuid == row.podm_uuid and other.uuid != row.uuid
    ]


def mark(context: wiring.Context, row: node_objects.Node) -> str | None:
    """Return the start of the Description that a node was composed with."""
    if row.adopted_as:
        return None
    return ownership.description(installation_objects.get(context.db), row.uuid)
