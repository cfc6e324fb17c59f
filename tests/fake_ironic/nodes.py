# SPDX-License-Identifier: Apache-2.0

"""The nodes and ports of Ironic: its state machine, its locks and what it refuses."""

from collections.abc import Callable
from collections.abc import Mapping
import copy
import datetime
from typing import Any
from typing import NamedTuple
import uuid as uuids

#: state -> verb -> the state that follows at once.
VERBS: Mapping[str, Mapping[str, str]] = {
    "enroll": {"manage": "verifying"},
    "manageable": {"provide": "cleaning"},
    "available": {"active": "deploying", "manage": "manageable"},
    "active": {"deleted": "deleting"},
    "deploy failed": {"active": "deploying", "deleted": "deleting"},
    "wait call-back": {"deleted": "deleting", "abort": "deploy failed"},
    "deploy hold": {"abort": "deploy failed"},
    "error": {"deleted": "deleting"},
    "rescue": {"deleted": "deleting"},
    "clean failed": {"manage": "manageable"},
    "inspect failed": {"manage": "manageable"},
    "adopt failed": {"manage": "manageable"},
}


class Transition(NamedTuple):
    """What a transient state leads to, and the target that Ironic reports meanwhile."""

    success: str
    failure: str
    target: str


TRANSIENT: Mapping[str, Transition] = {
    "verifying": Transition("manageable", "enroll", "manageable"),
    "cleaning": Transition("available", "clean failed", "available"),
    "deploying": Transition("active", "deploy failed", "active"),
    "deleting": Transition("cleaning", "error", "available"),
}
DELETABLE = frozenset({"enroll", "manageable", "available", "adopt failed"})

#: Transient states in which only the lock prevents an update (UPDATE_ALLOWED_STATES of Ironic).
UPDATABLE = frozenset({"verifying"})

#: Fields that a client may set when it creates a node.
CREATABLE = (
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

#: The fields of a new node, without its uuid.
DEFAULTS: Mapping[str, Any] = {
    "name": None,
    "driver": "redfish",
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
    "protected": False,
    "instance_uuid": None,
    "instance_info": {},
    "deploy_interface": "ramdisk",
    "boot_interface": "redfish-virtual-media",
    "traits": [],
}


class IronicError(Exception):
    """An error response: its status, and Ironic's message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Failure(NamedTuple):
    """How a transition fails: ``last_error``, and the event in the history of the node."""

    error: str | None
    event: str | None


class Nodes:
    """All nodes and ports.

    :param on_transient: called with a node that entered a transient state; arranges that
        :meth:`advance` is called later.
    :ivar events: in order: ``create``, each provision verb, ``delete``.
    :ivar configdrives: of each deployment.
    """

    def __init__(self, on_transient: Callable[[dict[str, Any]], object]) -> None:
        self._on_transient = on_transient
        self.nodes: dict[str, dict[str, Any]] = {}
        self.ports: dict[str, dict[str, Any]] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        #: state -> how the next transitions out of it fail.
        self.failures: dict[str, list[Failure]] = {}
        self.events: list[str] = []
        self.configdrives: list[Any] = []

    # What tests arrange.

    def add(self, uuid: str, state: str = "enroll", **fields: Any) -> dict[str, Any]:
        """Add a node in any state, with any fields."""
        assert set(fields) <= set(DEFAULTS), fields
        node = {**copy.deepcopy(dict(DEFAULTS)), "uuid": uuid}
        self.nodes[uuid] = node
        self.enter(node, state)
        node.update(fields)
        return node

    def fail(
        self, state: str, error: str | None = None, history: str | None = None, times: int = 1
    ) -> None:
        """Make the next transitions out of a transient state fail."""
        assert state in TRANSIENT, state
        self.failures.setdefault(state, []).extend([Failure(error, history)] * times)

    def clear(self) -> None:
        """Remove all nodes and ports, and the record of events."""
        for held in (self.nodes, self.ports, self.history, self.events, self.configdrives):
            held.clear()  # type: ignore[attr-defined]

    def enter(self, node: dict[str, Any], state: str) -> None:
        """Move a node to a state, whatever its present state is."""
        transition = TRANSIENT.get(state)
        node.update(
            provision_state=state,
            target_provision_state=transition.target if transition else None,
            reservation="lab" if transition else None,
        )
        if transition:
            self._on_transient(node)

    def advance(self, node: dict[str, Any]) -> None:
        """End the transient state of a node."""
        state = node["provision_state"]
        if state == "deleting":  # the instance is removed even if the rest fails
            node.update(instance_uuid=None, instance_info={})
        failures = self.failures.get(state)
        if not failures:
            self.enter(node, TRANSIENT[state].success)
            return
        failure = failures.pop(0)
        node["last_error"] = failure.error
        if failure.event:
            now = datetime.datetime.now(datetime.UTC).isoformat()
            event = {"severity": "ERROR", "event": failure.event, "created_at": now}
            self.history.setdefault(node["uuid"], []).append(event)
        self.enter(node, TRANSIENT[state].failure)

    # What clients request.

    def create(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Create a node in ``enroll``."""
        uuid = fields.get("uuid") or str(uuids.uuid4())
        if uuid in self.nodes:
            raise IronicError(409, f"A node with UUID {uuid} already exists.")
        name = fields.get("name")
        if name and any(node["name"] == name for node in self.nodes.values()):
            raise IronicError(409, f"A node with name {name} already exists.")
        self.events.append("create")
        values = {key: fields[key] for key in CREATABLE if key in fields and key != "uuid"}
        return self.add(uuid, **values)

    def get(self, ident: str) -> dict[str, Any]:
        """Return a node by uuid or name."""
        if ident in self.nodes:
            return self.nodes[ident]
        for node in self.nodes.values():
            if node["name"] == ident:
                return node
        raise IronicError(404, f"Node {ident} could not be found.")

    def read(self, ident: str) -> dict[str, Any]:
        """Return a node to a client that reads it."""
        return self.get(ident)

    def patch(self, node: dict[str, Any], changes: list[dict[str, Any]]) -> dict[str, Any]:
        """Change fields of a node that is neither locked nor in transition."""
        state = node["provision_state"]
        if state in TRANSIENT and state not in UPDATABLE:
            message = "can not be updated while a state transition is in progress."
            raise IronicError(409, f"Node {node['uuid']} {message}")
        self._check_unlocked(node)
        for change in changes:
            field = change["path"].removeprefix("/")
            value = change.get("value")
            if field == "instance_uuid":
                self.associate(node, value)
            elif field.startswith("driver_info/"):
                self._patch_driver_info(node, field.removeprefix("driver_info/"), change)
            elif field in DEFAULTS:
                node[field] = copy.deepcopy(DEFAULTS[field]) if change["op"] == "remove" else value
            else:
                raise IronicError(400, f"Couldn't apply patch '{changes}'.")
        return node

    def _patch_driver_info(self, node: dict[str, Any], key: str, change: dict[str, Any]) -> None:
        info = dict(node["driver_info"])
        if change["op"] == "remove":
            if key not in info:
                raise IronicError(400, f"Couldn't apply patch '[{change}]'.")
            del info[key]
        else:
            info[key] = change["value"]
        node["driver_info"] = info

    def associate(self, node: dict[str, Any], instance: str | None) -> None:
        """Set or remove the instance of a node; an instance has one node."""
        if instance and node["instance_uuid"] not in (None, instance):
            raise IronicError(
                409, f"Node {node['uuid']} is associated with instance {node['instance_uuid']}."
            )
        others = (other for other in self.nodes.values() if other is not node)
        if instance and any(other["instance_uuid"] == instance for other in others):
            raise IronicError(409, f"Instance {instance} is already associated with a node")
        node["instance_uuid"] = instance

    def provision(self, node: dict[str, Any], verb: str, configdrive: Any = None) -> None:
        """Start a transition of the provision state."""
        self._check_unlocked(node)
        state = node["provision_state"]
        following = VERBS.get(state, {}).get(verb)
        if following is None:
            raise IronicError(
                400,
                f'The requested action "{verb}" can not be performed on node "{node["uuid"]}" '
                f'while it is in state "{state}".',
            )
        if verb == "active" and not node["instance_info"]:
            raise IronicError(
                400, f"Failed to validate deploy or power info for node {node['uuid']}."
            )
        self.events.append(verb)
        if verb == "active":
            self.configdrives.append(configdrive)
        node["last_error"] = None
        self.enter(node, following)

    def set_traits(self, node: dict[str, Any], traits: list[str]) -> None:
        """Set the traits of a node that is not locked."""
        self._check_unlocked(node)
        node["traits"] = traits

    def set_maintenance(self, node: dict[str, Any], value: bool) -> None:
        """Set the maintenance flag, in which Ironic deletes a node in any state."""
        self._check_unlocked(node)
        node["maintenance"] = value

    def delete(self, node: dict[str, Any]) -> None:
        """Delete a node and its ports."""
        self._check_unlocked(node)
        uuid, state = node["uuid"], node["provision_state"]
        if node["instance_uuid"] and not node["maintenance"]:
            raise IronicError(
                409, f"Node {uuid} is associated with instance {node['instance_uuid']}."
            )
        if node["protected"]:
            raise IronicError(403, f"Node {uuid} is protected and cannot be deleted.")
        if state not in DELETABLE and not node["maintenance"]:
            raise IronicError(
                409,
                f'Can not delete node "{uuid}" while it is in provision state "{state}". '
                f"Valid provision states to perform deletion are: {sorted(DELETABLE)}",
            )
        self.events.append("delete")
        del self.nodes[uuid]
        for port in [port for port in self.ports.values() if port["node_uuid"] == uuid]:
            del self.ports[port["uuid"]]

    def create_port(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Create a port of a node; a MAC has one port."""
        node = self.nodes.get(fields["node_uuid"])
        if node is None:
            raise IronicError(400, f"Node {fields['node_uuid']} could not be found.")
        self._check_unlocked(node)
        mac = fields["address"].lower()
        if any(port["address"] == mac for port in self.ports.values()):
            raise IronicError(409, f"A port with MAC address {mac} already exists.")
        port = {"uuid": str(uuids.uuid4()), "address": mac, "node_uuid": fields["node_uuid"]}
        self.ports[port["uuid"]] = port
        return port

    def _check_unlocked(self, node: dict[str, Any]) -> None:
        if node["reservation"]:
            raise IronicError(
                409,
                f"Node {node['uuid']} is locked by host {node['reservation']}, please retry "
                "after the current operation is completed.",
            )
