# SPDX-License-Identifier: Apache-2.0

"""The provision states of Ironic: where a node is deleted, and the way there from any other.

``tests/functional/test_ironic_states.py`` compares the table with Ironic's own state machine.
"""

from collections.abc import Mapping

#: Provision states in which Ironic deletes a node (its own table, and those of a node
#: that was only created).
DELETABLE = frozenset({"enroll", "manageable", "available", "adopt failed", None})

#: Of them, those of a node that is not in use yet.
UNUSED = frozenset({"enroll", "manageable", "available"})

#: Provision states that end by themselves, and in which nothing is being deployed.
PASSING = frozenset(
    {"verifying", "inspecting", "inspect wait", "cleaning", "clean wait", "deleting"}
)

#: Other states that end by themselves; how they end decides what to do.
BUSY = frozenset({"deploying", "rescuing", "unrescuing", "servicing", "adopting"})

#: Every other state -> the verb of Ironic's API that leads out of it towards a deletable one.
WAY_OUT: Mapping[str, str] = {
    "active": "deleted",
    "deploy failed": "deleted",
    "wait call-back": "deleted",
    "error": "deleted",
    "rescue": "deleted",
    "rescue wait": "deleted",
    "rescue failed": "deleted",
    "unrescue failed": "deleted",
    "service wait": "deleted",
    "service failed": "deleted",
    "deploy hold": "abort",
    "service hold": "abort",
    "clean hold": "abort",
    "clean failed": "manage",
    "inspect failed": "manage",
}

#: Verb of the API -> its command of the OpenStack client.
_COMMANDS: Mapping[str, str] = {"deleted": "undeploy", "abort": "abort", "manage": "manage"}


def advice(state: str | None, uuid: str) -> str:
    """Return a sentence: what an operator does with a node that is not deletable yet."""
    if state in PASSING or state in BUSY:
        return f"Wait until its state {state!r} has ended, then try again."
    verb = WAY_OUT.get(str(state))
    if verb is None:
        return "Bring it to enroll, manageable or available in Ironic, then try again."
    command = f"openstack baremetal node {_COMMANDS[verb]} {uuid}"
    if verb == "abort":
        return f"End the hold first (`{command}`), then follow the state that it leads to."
    if state == "clean failed":
        return (
            "Its disks may still have data of their last user: inspect it, run "
            f"`{command}`, then try again."
        )
    return f"Run `{command}` first, and wait until its state has ended; then try again."
