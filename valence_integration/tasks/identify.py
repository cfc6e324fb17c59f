# SPDX-License-Identifier: Apache-2.0

"""The facts by which the node of an instance is identified, and its machine."""

from valence_integration import errors
from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.peers import identity
from valence_integration.peers.ironic import IronicNode
from valence_integration.peers.ironic import MachineCheck
from valence_integration.tasks.context import Context


def of(context: Context, instance: Instance) -> identity.Identity:
    """Return the facts by which Ironic's node of an instance is identified."""
    return identity.Identity(
        str(instance.ironic_uuid),
        instance.uuid,
        instance.node_uuid,
        context.instances.installation(),
    )


def machine_check(context: Context, node_uuid: str | None) -> MachineCheck:
    """Return a check that a node in Ironic drives the machine of a composed node.

    The hardware of a node that is gone or missing may be part of another node by now, under
    the same path.
    """

    def check(node: IronicNode) -> None:
        composed = context.valence.find(str(node_uuid))
        if composed is None or composed.state == "missing":
            state = "gone from Valence" if composed is None else "missing on its pod manager"
            raise identity.unknown_machine(node.uuid, f"its composed node {node_uuid} is {state}")
        identity.verify_machine(node, composed.uuid, composed.system_path)

    return check


def require_complete(
    context: Context, service: str, kind: str, own: str, listed: set[str]
) -> None:
    """Return if a listing lacks a node, and is a listing of the service that had it.

    A service whose database was replaced, another service, and one that shows only the nodes
    of another project list none of the nodes of the other active instances either.

    :param service: Ironic or Valence.
    :param kind: field of an instance that has the uuid of its node in the service.
    :param own: uuid of the node.
    :param listed: uuids of all nodes that the service has.
    :raises Fault: the absence of the node proves nothing.
    """
    rows = context.instances.list([states.ACTIVE])
    others = {uuid for row in rows if (uuid := getattr(row, kind)) not in (None, own)}
    if others and not others & listed:
        raise errors.fault(
            errors.WRONG_DATABASE,
            f"{service} does not have node {own}, but neither any node of the {len(others)} "
            "active instances, so that nothing follows from that and nothing was released. Check "
            f"that group [{service.lower()}] has the right address and credentials, and whether "
            f"the database of {service} was replaced. If the nodes are really gone, destroy those "
            "instances as well.",
        )
