# SPDX-License-Identifier: Apache-2.0

"""What an operator states about the machine of a node: where it is, or that it is gone.

The two ways out of a conflict of facts. Neither changes anything on a pod manager.
"""

import dataclasses
from typing import Any

from oslo_log import log as logging

from valence import errors
from valence import ownership
from valence import podmanagers
from valence.api import call as api_call
from valence.api.handlers import manage
from valence.api.handlers import node_refresh
from valence.flows import conflicts
from valence.flows import machine
from valence.flows import search
from valence.objects import device as device_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence.objects import system as system_objects
from valence.podmanagers.identity import Verdict

LOG = logging.getLogger(__name__)

#: States of a row on which no operation is running.
SETTLED = ("composed", "missing", "error")


def adopt_path(call: api_call.Call, row: node_objects.Node, path: str) -> node_objects.Node:
    """Record that a node is what is at a path of its pod manager now.

    All facts of the machine are recorded as they are; an allocation that was not finished,
    and a conflict of facts, have ended. A missing node is composed again.

    :raises NodeBusy: an operation on the node is running; it has no pod manager; or the
        machine is not assembled, unless the node is in error.
    :raises PodManagerNodeGone: the complete listing lacks the path.
    :raises NodeDuplicate: the machine is that of another node, or another installation of
        Valence composed it.
    :raises NodeIdentityConflict: too few facts of the machine are known.
    """
    db, context = call.service.db, call.service.context
    _require_settled(row)
    if row.podm_uuid is None:
        raise errors.NodeBusy(f"Node {row.uuid} is on no pod manager. Delete it.")
    podm = podmanager_objects.get(db, row.podm_uuid)
    hardware, interfaces = node_refresh.request(
        call, row, lambda driver, _path: _read(driver, row, path, podm.name)
    )
    facts = hardware.facts
    _check_owner(call, row, facts)
    stated = node_objects.Node(uuid=row.uuid, podm_uuid=row.podm_uuid, path=facts.path)
    stated.adopted_as = row.adopted_as
    if not machine.is_marked(context, stated, facts):
        stated.adopted_as = facts.name or facts.path
    stated.identity = machine.learn(context, stated, facts, facts.macs)
    comparison = machine.compare(context, stated, facts)
    if comparison.verdict is not Verdict.SAME:
        raise errors.NodeIdentityConflict(
            f"{facts.path} on pod manager {podm.name} has too few facts of its own to be "
            f"recognized later: {comparison.describe()}. Nothing was changed. See the log of "
            "the pod manager for why it does not report its Name and its system."
        )
    values = {
        "path": facts.path,
        "system_path": hardware.system_path,
        "power_state": hardware.power_state,
        "interfaces": interfaces if row.interfaces else row.interfaces,
        "adopted_as": stated.adopted_as,
        "identity": stated.identity | ({"previous_path": row.path} if row.path else {}),
        "allocating": False,
        "fault": None if conflicts.is_conflict(row.fault) else row.fault,
    }
    changed = node_changes.adopt_path(db, row, values)
    LOG.warning(
        "Node %s is at %s on pod manager %s (before: %s), as the operator stated",
        *(row.uuid, facts.path, row.podm_uuid, row.path),
    )
    return changed


def forget(call: api_call.Call, row: node_objects.Node) -> None:
    """Delete the row of a node that the operator states to be gone.

    :raises NodeBusy: an operation on the node is running, or it is composed and its facts
        do not contradict each other.
    :raises NodeRegistered: Ironic has it.
    """
    db = call.service.db

    def decide(current: node_objects.Node) -> None:
        """Check the locked row; None: delete it."""
        _require_forgettable(current)

    _require_forgettable(row)
    node_changes.settle(db, row.uuid, row.generation, row.state, decide, is_released=False)
    system_objects.mark_free(db, row.uuid)
    device_objects.mark_free(db, row.uuid)
    LOG.warning(
        "Deleted the row of node %s, which was at %s on pod manager %s: the operator stated "
        "that it is gone",
        *(row.uuid, row.path, row.podm_uuid),
    )


def _require_settled(row: node_objects.Node) -> None:
    if row.state not in SETTLED:
        raise errors.NodeBusy(
            f"Node {row.uuid} is {row.state}. Wait until it is {' or '.join(SETTLED)}."
        )


def _require_forgettable(row: node_objects.Node) -> None:
    _require_settled(row)
    if row.managed_by is not None:
        raise errors.NodeRegistered(
            f"Node {row.uuid} is registered in Ironic as {row.ironic_uuid}. Unregister it first; "
            "if it is missing, or in error, DELETE it with ?force=true."
        )
    if row.state == "composed" and not conflicts.is_conflict(row.fault):
        raise errors.NodeBusy(
            f"Node {row.uuid} is composed, and its machine is not in doubt. Delete the node, "
            "which returns the machine to the pool."
        )


def _read(
    driver: podmanagers.Driver, row: node_objects.Node, path: str, podm_name: str
) -> tuple[podmanagers.ComposedNode, list[dict[str, Any]]]:
    """Read a listed node with every fact of its machine, and its network interfaces.

    Interfaces that cannot be read are left out: those of the row may be another machine's.
    """
    is_any_state = row.state == "error"  # it is only released
    hardware = manage.read(driver, path, podm_name, is_any_state=is_any_state)
    facts = driver.with_system(hardware.facts)
    interfaces: list[podmanagers.Interface] = []
    if hardware.system_path is not None:
        try:
            interfaces = list(driver.interfaces(hardware.system_path))
        except (errors.PodManagerNodeGone, *search.UNREADABLE) as exc:
            LOG.info("Could not read the interfaces of %s: %s", hardware.system_path, exc)
    macs = tuple(interface.mac for interface in interfaces)
    facts = dataclasses.replace(facts, macs=macs)
    shown = [dataclasses.asdict(interface) for interface in interfaces]
    return dataclasses.replace(hardware, facts=facts), shown


def _check_owner(call: api_call.Call, row: node_objects.Node, facts: podmanagers.Facts) -> None:
    """Check that a machine belongs to no other node, and to no other installation.

    :raises NodeDuplicate: it does.
    """
    context = call.service.context
    manage.check_installation(call.service, facts)
    mark = ownership.mark_from_description(facts.description)
    names = {ownership.node_uuid_from_name(facts.name), mark.node if mark else None}
    for other in node_objects.list_all(context.db):
        is_same = (
            other.podm_uuid == row.podm_uuid
            and machine.compare(context, other, facts).verdict is Verdict.SAME
        )
        if other.uuid != row.uuid and (other.uuid in names or is_same):
            raise errors.NodeDuplicate(
                f"{facts.path} is the machine of node {other.uuid}, by its Name or its other "
                "facts. Use that node."
            )
