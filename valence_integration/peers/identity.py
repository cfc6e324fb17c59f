# SPDX-License-Identifier: Apache-2.0

"""By which facts a node in Ironic is recognized as that of an instance."""

from collections.abc import Mapping
import dataclasses
from typing import Any
import urllib.parse

from valence_conductor import errors as conductor_errors
from valence_integration import errors

#: Key in ``extra`` of the plugin's Ironic nodes: the instance that the node was composed for.
EXTRA = "valence_instance"

#: Key in ``extra``: the installation of the plugin that has this instance in its table.
EXTRA_INSTALLATION = "valence_instance_installation"

#: Key in ``extra`` in which Valence stores the uuid of the composed node.
VALENCE_NODE = "valence_node"


@dataclasses.dataclass(frozen=True)
class Identity:
    """The facts that Ironic and a row have in common about one node.

    The uuid alone does not suffice: another client may have created a node under it. At
    least one fact besides it must agree, and none may contradict; a fact that Ironic does
    not have, since an operator removed it, does not count. Two facts can only contradict: the
    installation does not tell nodes apart, and Ironic removes ``instance_uuid`` by itself.

    :ivar uuid: in Ironic.
    :ivar instance_uuid: the instance that the node was composed for.
    :ivar node_uuid: in Valence; None: not known.
    """

    uuid: str
    instance_uuid: str
    node_uuid: str | None
    installation: str

    def verify(self, node: Any) -> None:
        """Return if a node of Ironic is the node of this identity.

        :param node: :class:`valence_integration.peers.ironic.IronicNode`.
        :raises Fault: it is not; the facts that disagree are in the sentence.
        """
        extra = node.extra if isinstance(node.extra, Mapping) else {}
        marks = (
            (f"extra.{EXTRA}", extra.get(EXTRA), self.instance_uuid),
            (f"extra.{VALENCE_NODE}", extra.get(VALENCE_NODE), self.node_uuid),
        )
        others = (
            (f"extra.{EXTRA_INSTALLATION}", extra.get(EXTRA_INSTALLATION), self.installation),
            ("instance_uuid", node.instance_uuid, self.instance_uuid),
        )
        known = [fact for fact in (*marks, *others) if fact[1] and fact[2]]
        disagreeing = [
            f"its {name} is {actual} and not {expected}"
            for name, actual, expected in known
            if actual != expected
        ]
        if not disagreeing and not any(fact in known for fact in marks):
            disagreeing = ["nothing but its uuid names the instance"]
        if disagreeing:
            raise errors.fault(
                errors.NODE_DIFFERS,
                f"Ironic has a node {self.uuid} that was not registered for instance "
                f"{self.instance_uuid}: {'; '.join(disagreeing)}. It was not changed, and the "
                "hardware was not released. Find its owner; correct these fields if it is the "
                "instance's, or delete it in Ironic; then destroy the instance.",
            )


def verify_machine(node: Any, node_uuid: str, system_path: str | None) -> None:
    """Return unless Ironic would certainly drive another machine than that of a composed node.

    :param node: :class:`valence_integration.peers.ironic.IronicNode`.
    :param system_path: of the composed node; None: not known.
    :raises Fault: it would.
    """
    info = node.driver_info if isinstance(node.driver_info, Mapping) else {}
    driven = info.get("redfish_system_id")
    if driven and system_path and _path(driven) != _path(system_path):
        raise unknown_machine(
            node.uuid,
            f"its driver_info.redfish_system_id is {driven}, and the system of composed node "
            f"{node_uuid} is {system_path}",
        )


def unknown_machine(uuid: str, reason: str) -> conductor_errors.Fault:
    """Return the fault of a node whose machine is not certain, so that it is not driven."""
    return errors.fault(
        errors.NODE_DIFFERS,
        f"Ironic node {uuid} may control another machine by now: {reason}. Nothing was changed. "
        "Correct its driver_info if the machine is still the instance's; if it is not, set the "
        "node into maintenance and delete it in Ironic. Then destroy the instance.",
    )


def _path(value: object) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(str(value)).path).rstrip("/")
