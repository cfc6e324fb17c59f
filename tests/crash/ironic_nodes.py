# SPDX-License-Identifier: Apache-2.0

"""The nodes of the stand-in for Ironic: states and verbs, locks, refusals.

Every rule here is one of the real Ironic: ``tests/functional/crash/test_stand_in.py``
compares the responses of both.
"""

from collections.abc import Callable
from collections.abc import Mapping
import datetime
from typing import Any
import uuid as uuids

#: state -> verb -> the state that follows at once.
VERBS: Mapping[str, Mapping[str, str]] = {
    "enroll": {"manage": "verifying"},
    "manageable": {"provide": "cleaning"},
    "available": {"active": "deploying", "manage": "manageable"},
    "active": {"deleted": "deleting"},
    "deploy failed": {"active": "deploying", "deleted": "deleting"},
    "error": {"deleted": "deleting"},
    "clean failed": {"manage": "manageable"},
}
#: passing state -> next state, next state after a failure, target in the meantime.
PASSING: Mapping[str, tuple[str, str, str]] = {
    "verifying": ("manageable", "enroll", "manageable"),
    "cleaning": ("available", "clean failed", "available"),
    "deploying": ("active", "deploy failed", "active"),
    "deleting": ("cleaning", "error", "available"),
}
DELETABLE = frozenset({"enroll", "manageable", "available", "adopt failed"})

#: Fields that a client may set on a new node.
SETTABLE = (
    "uuid",
    "name",
    "driver",
    "driver_info",
    "properties",
    "extra",
    "resource_class",
    "conductor_group",
    "owner",
)

DEFAULTS: Mapping[str, Any] = {
    "name": None,
    "driver_info": {},
    "properties": {},
    "extra": {},
    "resource_class": None,
    "conductor_group": "",
    "owner": None,
    "provision_state": "enroll",
    "target_provision_state": None,
    "power_state": None,
    "reservation": None,
    "last_error": None,
    "maintenance": False,
    "instance_uuid": None,
    "instance_info": {},
    "deploy_interface": "ramdisk",
    "boot_interface": "redfish-virtual-media",
}


class IronicError(Exception):
    """An error response: its status, and Ironic's message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Nodes:
    """All nodes and ports, and their changes over time.

    :param call_later: calls a function after some seconds.
    :param pass_in: seconds for which a node stays in a passing state.
    """

    def __init__(
        self, call_later: Callable[[float, Callable[[], None]], object], pass_in: float = 0.03
    ) -> None:
        self._call_later = call_later
        self._pass_in = pass_in
        self.nodes: dict[str, dict[str, Any]] = {}
        self.ports: dict[str, dict[str, Any]] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        #: state -> the errors with which the next passes through it end.
        self.failures: dict[str, list[str]] = {}

    def create(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Create a node, in ``enroll``."""
        uuid = fields.get("uuid") or str(uuids.uuid4())
        if uuid in self.nodes:
            raise IronicError(409, f"A node with UUID {uuid} already exists.")
        self._check_name(fields.get("name"))
        node = {
            **DEFAULTS,
            **{key: fields[key] for key in SETTABLE if key in fields},
            "uuid": uuid,
        }
        self.nodes[uuid] = node
        return node

    def get(self, ident: str) -> dict[str, Any]:
        """Return a node by its uuid or name."""
        if ident in self.nodes:
            return self.nodes[ident]
        for node in self.nodes.values():
            if node["name"] == ident:
                return node
        raise IronicError(404, f"Node {ident} could not be found.")

    def patch(self, node: dict[str, Any], changes: list[dict[str, Any]]) -> dict[str, Any]:
        """Change fields of a node that is not locked."""
        self._check_lock(node)
        for change in changes:
            field = change["path"].removeprefix("/")
            value = change.get("value")
            if field == "instance_uuid":
                self._associate(node, value)
            elif field in DEFAULTS:
                node[field] = value if change["op"] != "remove" else DEFAULTS[field]
            else:
                raise IronicError(400, f"Couldn't apply patch '{changes}'.")
        return node

    def provision(self, node: dict[str, Any], verb: str) -> None:
        """Start a change of the provision state."""
        self._check_lock(node)
        state = node["provision_state"]
        next_state = VERBS.get(state, {}).get(verb)
        if next_state is None:
            raise IronicError(
                400,
                f'The requested action "{verb}" can not be performed on node "{node["uuid"]}" '
                f'while it is in state "{state}".',
            )
        if verb == "active" and not node["instance_info"]:
            raise IronicError(
                400, f"Failed to validate deploy or power info for node {node['uuid']}."
            )
        node["last_error"] = None
        self._enter(node, next_state)

    def delete(self, node: dict[str, Any]) -> None:
        """Delete a node and its ports."""
        self._check_lock(node)
        uuid, state = node["uuid"], node["provision_state"]
        if node["instance_uuid"] and not node["maintenance"]:
            raise IronicError(
                409, f"Node {uuid} is associated with instance {node['instance_uuid']}."
            )
        if state not in DELETABLE and not node["maintenance"]:
            raise IronicError(
                409,
                f'Can not delete node "{uuid}" while it is in provision state "{state}". '
                f"Valid provision states to perform deletion are: {sorted(DELETABLE)}",
            )
        del self.nodes[uuid]
        for port in [port for port in self.ports.values() if port["node_uuid"] == uuid]:
            del self.ports[port["uuid"]]

    def create_port(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Create a port of a node; a MAC address has at most one port."""
        node = self.nodes.get(fields["node_uuid"])
        if node is None:
            raise IronicError(400, f"Node {fields['node_uuid']} could not be found.")
        self._check_lock(node)
        mac = fields["address"].lower()
        if any(port["address"] == mac for port in self.ports.values()):
            raise IronicError(409, f"A port with MAC address {mac} already exists.")
        port = {"uuid": str(uuids.uuid4()), "address": mac, "node_uuid": fields["node_uuid"]}
        self.ports[port["uuid"]] = port
        return port

    def lock(self, seconds: float) -> None:
        """Lock every node for some seconds, as a periodic task of Ironic does."""
        for node in self.nodes.values():
            if node["reservation"] is None:
                node["reservation"] = "lab"
                self._call_later(seconds, lambda node=node: node.update(reservation=None))

    def _enter(self, node: dict[str, Any], state: str) -> None:
        node["provision_state"] = state
        if state not in PASSING:
            node.update(target_provision_state=None, reservation=None)
            return
        node.update(target_provision_state=PASSING[state][2], reservation="lab")
        self._call_later(self._pass_in, lambda: self._leave(node, state))

    def _leave(self, node: dict[str, Any], state: str) -> None:
        success, failure, _ = PASSING[state]
        if state == "deleting":  # the instance is removed even when the teardown fails
            node.update(instance_uuid=None, instance_info={})
        failures = self.failures.get(state)
        if failures:
            node["last_error"] = failures.pop(0)
            event = {"severity": "ERROR", "event": node["last_error"], "created_at": _now()}
            self.history.setdefault(node["uuid"], []).append(event)
            self._enter(node, failure)
        else:
            self._enter(node, success)

    def _associate(self, node: dict[str, Any], instance: str | None) -> None:
        if instance and node["instance_uuid"] not in (None, instance):
            raise IronicError(
                409,
                f"Node {node['uuid']} is associated with instance {node['instance_uuid']}.",
            )
        others = (other for other in self.nodes.values() if other is not node)
        if instance and any(other["instance_uuid"] == instance for other in others):
            raise IronicError(409, f"Instance {instance} is already associated with a node")
        node["instance_uuid"] = instance

    def _check_lock(self, node: dict[str, Any]) -> None:
        if node["reservation"]:
            raise IronicError(
                409,
                f"Node {node['uuid']} is locked by host {node['reservation']}, please retry "
                "after the current operation is completed.",
            )

    def _check_name(self, name: str | None) -> None:
        if name and any(node["name"] == name for node in self.nodes.values()):
            raise IronicError(409, f"A node with name {name} already exists.")


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()
