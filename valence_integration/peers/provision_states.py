# SPDX-License-Identifier: Apache-2.0

"""What to do in each provision state of Ironic, for each goal.

Each goal is a table over the states of Ironic's state machine
(https://docs.openstack.org/ironic/latest/user/states.html). ``gone`` stands for a node that
Ironic does not have. ``tests/functional/test_ironic_states.py`` compares the tables with
Ironic's own.
"""

from collections.abc import Mapping

from valence_integration.peers.converge import Actions
from valence_integration.peers.converge import DONE
from valence_integration.peers.converge import Request
from valence_integration.peers.converge import WAIT

GONE = "gone"

#: Transient states: Ironic ends them by itself.
_TRANSIENT: Actions = {
    "verifying": WAIT,
    "inspecting": WAIT,
    "inspect wait": WAIT,
    "cleaning": WAIT,
    "clean wait": WAIT,
}

AVAILABLE: Actions = {
    **_TRANSIENT,
    "enroll": Request("manage"),
    "inspect failed": Request("manage"),
    "manageable": Request("provide"),
    "available": DONE,
}
ACTIVE: Actions = {
    **AVAILABLE,
    "available": Request("active"),
    "deploying": WAIT,
    "wait call-back": WAIT,
    "active": DONE,
}
#: Undeployed, or never deployed. "clean failed" is missing on purpose: the disks may
#: still hold data of their user, so that an operator must inspect the node. So is "clean
#: hold": an operator holds it.
UNDEPLOYED: Actions = {
    **_TRANSIENT,
    "deploying": WAIT,
    "deleting": WAIT,
    "adopting": WAIT,
    "rescuing": WAIT,
    "unrescuing": WAIT,
    "servicing": WAIT,
    "deploy hold": Request("abort"),
    "service hold": Request("abort"),
    "active": Request("deleted"),
    "deploy failed": Request("deleted"),
    "wait call-back": Request("deleted"),
    "error": Request("deleted"),
    "rescue": Request("deleted"),
    "rescue wait": Request("deleted"),
    "rescue failed": Request("deleted"),
    "unrescue failed": Request("deleted"),
    "service wait": Request("deleted"),
    "service failed": Request("deleted"),
    "enroll": DONE,
    "manageable": DONE,
    "available": DONE,
    "adopt failed": DONE,
    "inspect failed": DONE,
    GONE: DONE,
}
#: A state in which Ironic deletes a node, and in which no other service can claim it.
REMOVABLE: Actions = {
    **_TRANSIENT,
    "deleting": WAIT,
    "adopting": WAIT,
    "available": Request("manage"),
    "inspect failed": Request("manage"),
    "clean failed": Request("manage"),
    "enroll": DONE,
    "manageable": DONE,
    "adopt failed": DONE,
    GONE: DONE,
}

#: State in which a goal fails -> the verb by which an operator leads the node out of it.
WAY_OUT: Mapping[str, str] = {
    **{state: action.verb for state, action in UNDEPLOYED.items() if isinstance(action, Request)},
    "clean failed": "manage",
    "inspect failed": "manage",
    "adopt failed": "manage",
    "clean hold": "abort",
}

#: Verb of the API -> its command of the OpenStack client.
_COMMANDS: Mapping[str, str] = {"deleted": "undeploy", "abort": "abort", "manage": "manage"}


def advice(state: str, uuid: str) -> str:
    """Return a sentence about what an operator does with a node that cannot reach its goal."""
    verb = WAY_OUT.get(state)
    if verb is None:
        return ""
    command = f"`openstack baremetal node {_COMMANDS[verb]} {uuid}` leads out of it."
    if state in ("clean failed", "clean hold"):
        return f"Its disks may still hold data of their user: inspect it. {command}"
    return command[0].upper() + command[1:]
