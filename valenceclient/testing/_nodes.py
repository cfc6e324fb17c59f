# SPDX-License-Identifier: Apache-2.0

"""Operations on nodes: a request begins one, and the GETs that follow finish it."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
import uuid as uuids

from valenceclient.testing import _rows
from valenceclient.testing._store import Store

_REQUEST_FIELDS = ("uuid", "name", "description", "podm_id", "flavor_id", "properties")
_PROPERTIES = ("processor", "memory", "storage", "network", "pci_device", "tags")

#: action -> parameter -> the values that the pod managers of the fake offer.
OFFERED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Reset": {"Type": ("On", "ForceOff", "GracefulShutdown", "ForceRestart", "PushPowerButton")},
    "Boot": {
        "Target": ("None", "Pxe", "Hdd", "Cd"),
        "Enabled": ("Once", "Continuous", "Disabled"),
        "Mode": ("UEFI", "Legacy"),
    },
}
#: Code of the fault of a node whose facts contradict each other.
_CONFLICT = "valence.node.identity_conflict"

_TO_OFF = ("ForceOff", "GracefulShutdown")

#: operation -> (state, task) while it runs.
_RUNNING = {
    "compose": ("composing", "assemble-node"),
    "release": ("releasing", "delete-node"),
    "register": ("registering", "create-ironic-node"),
    "unregister": ("unregistering", "delete-ironic-node"),
}


class NodeOperations:
    """The operations on the nodes of one fake service."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failures: list[tuple[str, _rows.Refusal]] = []

    def fail(self, operation: str, refusal: _rows.Refusal, times: int) -> None:
        """Make the next ``times`` operations of this kind fail.

        :raises ValueError: there is no such operation.
        """
        if operation not in _RUNNING:
            raise ValueError(f"{operation!r} is none of {', '.join(_RUNNING)}")
        self._failures += [(operation, refusal)] * times

    def compose(self, request: dict[str, Any]) -> dict[str, Any]:
        """Begin a compose and return its row; a repeated request returns the same row."""
        unknown = sorted(set(request) - set(_REQUEST_FIELDS))
        if unknown:
            _invalid(f"A node has no {', '.join(unknown)}.")
        for row in self._store.nodes.all():
            if row["uuid"] == request.get("uuid") and row["_request"] == request:
                return row
        if ("flavor_id" in request) == ("properties" in request):
            _invalid("Exactly one of flavor_id and properties is required.")
        properties, flavor_id = request.get("properties"), None
        if "flavor_id" in request:
            flavor = self._store.flavors.get(request["flavor_id"])
            properties, flavor_id = flavor["properties"], flavor["uuid"]
        check_properties(properties)
        podm = self._podm(request.get("podm_id"))
        fields = {
            "uuid": request.get("uuid") or str(uuids.uuid4()),
            "name": request.get("name"),
            "description": request.get("description"),
            "podm_uuid": podm,
            "podm_id": podm,
            "flavor_id": flavor_id,
            "properties": properties,
        }
        row = self._store.nodes.add({**_DEFAULTS, **fields, "_request": request}, unique=("name",))
        return self._begin(row, "compose")

    def manage(self, request: dict[str, Any]) -> dict[str, Any]:
        """Adopt an existing node and return its row.

        :raises Refusal: 409, the service has this node already.
        """
        podm = self._podm(request.get("podm_id"))
        for row in self._store.nodes.all():
            if (row["podm_uuid"], row["path"]) == (podm, request.get("path")):
                raise _rows.Refusal(
                    409, "valence.node.duplicate", f"{row['path']} is node {row['uuid']} already."
                )
        fields: dict[str, Any] = {
            "uuid": str(uuids.uuid4()),
            "name": request.get("name"),
            "description": request.get("description"),
            "podm_uuid": podm,
            "podm_id": podm,
            "flavor_id": None,
            "properties": {},
            "state": "composed",
            "task": None,
            "task_since": None,
            "path": request.get("path"),
            "adopted": True,
            "generation": 1,
            "power_state": "Off",
        }
        hidden = {"_request": request, "_operation": None, "_looks": 0}
        row = {**_DEFAULTS, **fields, **hidden}
        return self._store.nodes.add(row, unique=("name",))

    def adopt_path(self, row: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        """Record a path; a missing node is composed again, and a conflict of facts ends.

        :raises Refusal: 400, there is no path; 409, another node has it, or an operation
            is running.
        """
        if set(request) != {"path"}:
            _invalid("path is required, and nothing else.")
        self._must_be_settled(row)
        for other in self._store.nodes.all():
            same = (other["podm_uuid"], other["path"]) == (row["podm_uuid"], request["path"])
            if same and other is not row:
                raise _rows.Refusal(
                    409,
                    "valence.node.duplicate",
                    f"{other['path']} is node {other['uuid']} already.",
                )
        row["path"] = request["path"]
        row["state"] = "composed" if row["state"] == "missing" else row["state"]
        row["fault"] = None if _is_conflict(row) else row["fault"]
        return row

    def forget(self, row: dict[str, Any], request: dict[str, Any]) -> None:
        """Delete a row.

        :raises Refusal: 400, the statement is missing; 409, the node is registered,
            composed without a conflict, or being changed.
        """
        if request != {"i_know_it_is_gone": True}:
            _invalid("i_know_it_is_gone must be true.")
        if row["managed_by"]:
            raise _rows.Refusal(
                409, "valence.node.registered", f"Node {row['uuid']} is registered in Ironic."
            )
        self._must_be_settled(row)
        if row["state"] == "composed" and not _is_conflict(row):
            raise _rows.Refusal(409, "valence.node.busy", f"Node {row['uuid']} is composed.")
        self._store.nodes.remove(row)

    def contradict(self, ident: str) -> None:
        """Put a node into a conflict of facts, as if another machine were at its path."""
        row = self._store.nodes.get(ident)
        refusal = _rows.Refusal(409, _CONFLICT, f"{row['path']} may be another machine.")
        row["fault"] = {**refusal.fault(), "operation": "identify", "at": _rows.now()}

    def act(self, row: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        """Reset a node or set its boot device.

        :raises Refusal: 400, the pod manager does not offer the value; 409, the node
            is registered in Ironic or not composed.
        """
        if len(request) != 1 or not set(request) <= set(OFFERED):
            _invalid("Exactly one of Reset and Boot is required.")
        if row["managed_by"]:
            raise _rows.Refusal(
                409,
                "valence.node.registered",
                f"Node {row['uuid']} is registered in Ironic, which controls its power.",
            )
        self._must_be_composed(row)
        ((name, parameters),) = request.items()
        for parameter, value in parameters.items():
            if value not in OFFERED[name].get(parameter, ()):
                _invalid(f"body.{name}.{parameter}: the pod manager does not offer {value!r}.")
        if name == "Reset":
            row["power_state"] = "Off" if parameters["Type"] in _TO_OFF else "On"
        else:
            row["_boot"] = {"Enabled": "Once", **parameters}
        return row

    def release(self, row: dict[str, Any], force: bool = False) -> dict[str, Any]:
        """Begin a release, which cancels a compose that is running.

        :raises Refusal: 409, the node is registered in Ironic.
        """
        if row["state"] == "releasing":
            return row
        if row["state"] == "missing" and force:
            row.update(managed_by=None, ironic_uuid=None)
        if row["managed_by"] or row["state"] in ("registering", "unregistering"):
            raise _rows.Refusal(
                409,
                "valence.node.registered",
                f"Node {row['uuid']} is registered in Ironic: unregister it first.",
            )
        return self._begin(row, "release")

    def register(self, row: dict[str, Any], fields: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Begin a registration.

        :returns: the row, and the HTTP status: 200 if the node is registered under
            this uuid already.
        :raises Refusal: 409, the node is registered under another uuid or not composed.
        """
        same_uuid = fields.get("uuid") and fields["uuid"] == row["ironic_uuid"]
        if row["managed_by"] and same_uuid:
            return row, 200
        if row["managed_by"]:
            raise _rows.Refusal(
                409,
                "valence.node.registered",
                f"Node {row['uuid']} is registered as {row['ironic_uuid']} already.",
            )
        if row["state"] == "registering" and fields.get("uuid") == row["_registration"].get(
            "uuid"
        ):
            return row, 202
        self._must_be_composed(row)
        row["_registration"] = fields
        return self._begin(row, "register"), 202

    def unregister(self, row: dict[str, Any]) -> dict[str, Any]:
        """Begin a removal from Ironic.

        :raises Refusal: 409, the node is not registered or has an operation running.
        """
        if row["state"] == "unregistering":
            return row
        if row["state"] != "missing":
            self._must_be_composed(row)
        if not row["managed_by"]:
            raise _rows.Refusal(
                409, "valence.node.not_registered", f"Node {row['uuid']} is not registered."
            )
        return self._begin(row, "unregister")

    def poll(self, row: dict[str, Any]) -> None:
        """Count a GET of a row; finish its operation after the last one that it lasts."""
        if row["_operation"] is None:
            return
        if row["_looks"] > 0:
            row["_looks"] -= 1
            return
        operation = row["_operation"]
        row.update(_operation=None, task=None, updated_at=_rows.now())
        try:
            self._raise_next_failure(operation)
            _FINISH[operation](self._store, row)
        except _rows.Refusal as refusal:
            fault = {**refusal.fault(), "operation": operation, "at": _rows.now()}
            row.update(state=_AFTER_FAILURE.get(operation, "composed"), fault=fault)

    def _begin(self, row: dict[str, Any], operation: str) -> dict[str, Any]:
        state, task = _RUNNING[operation]
        row.update(state=state, task=task, task_since=_rows.now(), fault=None)
        row.update(_operation=operation, _looks=self._store.polls)
        row["generation"] += 1
        return row

    def _raise_next_failure(self, operation: str) -> None:
        for position, (failing, refusal) in enumerate(self._failures):
            if failing == operation:
                del self._failures[position]
                raise refusal

    def _podm(self, ident: str | None) -> str:
        if ident:
            return str(self._store.podmanagers.get(ident)["uuid"])
        for row in self._store.podmanagers.all():
            return str(row["uuid"])
        raise _rows.Refusal(
            409, "valence.no_podmanager", "No pod manager is registered: register one first."
        )

    def lose_hardware(self, ident: str) -> None:
        """Make a node missing, as if another client had deleted it on its pod manager."""
        self._store.nodes.get(ident).update(state="missing", task=None, _operation=None)

    def _must_be_settled(self, row: dict[str, Any]) -> None:
        if row["state"] not in ("composed", "missing", "error"):
            raise _rows.Refusal(
                409, "valence.node.busy", f"Node {row['uuid']} is {row['state']}: wait for it."
            )

    def _must_be_composed(self, row: dict[str, Any]) -> None:
        if row["state"] != "composed":
            raise _rows.Refusal(
                409, "valence.node.busy", f"Node {row['uuid']} is {row['state']}: wait for it."
            )


def check_properties(properties: object) -> None:
    """Check the properties of a node.

    :raises Refusal: 400, they are empty or have unknown keys.
    """
    if not isinstance(properties, Mapping) or not properties:
        _invalid("properties must be an object with at least one requirement.")
        return
    unknown = sorted(set(properties) - set(_PROPERTIES))
    if unknown:
        _invalid(f"properties has no {', '.join(unknown)}.")


def _is_conflict(row: Mapping[str, Any]) -> bool:
    return (row["fault"] or {}).get("code") == _CONFLICT


def _invalid(detail: str) -> None:
    raise _rows.Refusal(400, "valence.request.invalid", detail)


def _finish_compose(store: Store, row: dict[str, Any]) -> None:
    number = uuids.UUID(row["uuid"]).int & 0xFFFFFFFF
    macs = [
        "52:54:" + ":".join(f"{byte:02x}" for byte in (number + i & 0xFFFFFFFF).to_bytes(4))
        for i in range(len(row["properties"].get("network") or ()) or 1)
    ]
    path = f"/redfish/v1/Nodes/{number}"
    row.update(
        state="composed",
        path=path,
        system_path=f"/redfish/v1/Systems/{number}",
        interfaces=[{"mac": mac, "path": f"{path}/{mac}", "speed_mbps": 10000} for mac in macs],
        power_state="Off",
    )


def _finish_release(store: Store, row: dict[str, Any]) -> None:
    store.nodes.remove(row)


def _finish_register(store: Store, row: dict[str, Any]) -> None:
    fields = row["_registration"]
    ironic_uuid = None
    if store.on_register:
        ironic_uuid = store.on_register(_rows.public_fields(row), fields)
    ironic_uuid = ironic_uuid or fields.get("uuid") or str(uuids.uuid4())
    row.update(state="composed", managed_by="ironic", ironic_uuid=ironic_uuid)


def _finish_unregister(store: Store, row: dict[str, Any]) -> None:
    if store.on_unregister:
        store.on_unregister(_rows.public_fields(row))
    row.update(state="composed", managed_by=None, ironic_uuid=None)


_FINISH: Mapping[str, Callable[[Store, dict[str, Any]], None]] = {
    "compose": _finish_compose,
    "release": _finish_release,
    "register": _finish_register,
    "unregister": _finish_unregister,
}

#: operation -> state after a failure; other operations leave the node composed.
_AFTER_FAILURE = {"compose": "error", "release": "error"}

_DEFAULTS: Mapping[str, Any] = {
    "adopted": False,
    "path": None,
    "system_path": None,
    "identity": None,
    "interfaces": [],
    "power_state": None,
    "managed_by": None,
    "ironic_uuid": None,
    "fault": None,
    "generation": 0,
    "stale": False,
    "project_id": None,
    "user_id": None,
    "_registration": {},
}
