# SPDX-License-Identifier: Apache-2.0

"""How nodes move: asked for by a request, carried out while they are looked at."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import TYPE_CHECKING
import uuid as uuids

from valenceclient.testing import _rows

if TYPE_CHECKING:
    from valenceclient.testing._service import FakeValence

_ASKED = ("uuid", "name", "description", "podm_id", "flavor_id", "properties")
_PROPERTIES = ("processor", "memory", "storage", "network", "pci_device", "tags")

#: action -> its words -> what the pod managers of the fake offer.
OFFERED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Reset": {"Type": ("On", "ForceOff", "GracefulShutdown", "ForceRestart", "PushPowerButton")},
    "Boot": {
        "Target": ("None", "Pxe", "Hdd", "Cd"),
        "Enabled": ("Once", "Continuous", "Disabled"),
        "Mode": ("UEFI", "Legacy"),
    },
}
_TO_OFF = ("ForceOff", "GracefulShutdown")

#: operation -> the state on the way, and the task it shows.
_ON_THE_WAY = {
    "compose": ("composing", "assemble-node"),
    "release": ("releasing", "delete-node"),
    "register": ("registering", "create-ironic-node"),
    "unregister": ("unregistering", "delete-ironic-node"),
}


class Moves:
    """The operations on nodes of one fake service."""

    def __init__(self, service: "FakeValence") -> None:
        self._service = service
        self._failures: list[tuple[str, _rows.Refusal]] = []

    def fail(self, operation: str, refusal: _rows.Refusal, times: int) -> None:
        """Let the next ``times`` ends of an operation be failures."""
        if operation not in _ON_THE_WAY:
            raise ValueError(f"{operation!r} is none of {', '.join(_ON_THE_WAY)}")
        self._failures += [(operation, refusal)] * times

    def compose(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Take on a compose; the same request again is the same node."""
        unknown = sorted(set(asked) - set(_ASKED))
        if unknown:
            _invalid(f"A node has no {', '.join(unknown)}.")
        for row in self._service.nodes.all():
            if row["uuid"] == asked.get("uuid") and row["_asked"] == asked:
                return row
        if ("flavor_id" in asked) == ("properties" in asked):
            _invalid("Give exactly one of flavor_id and properties.")
        properties, flavor_id = asked.get("properties"), None
        if "flavor_id" in asked:
            flavor = self._service.flavors.get(asked["flavor_id"])
            properties, flavor_id = flavor["properties"], flavor["uuid"]
        check_properties(properties)
        podm = self._podm(asked.get("podm_id"))
        fields = {
            "uuid": asked.get("uuid") or str(uuids.uuid4()),
            "name": asked.get("name"),
            "description": asked.get("description"),
            "podm_uuid": podm,
            "podm_id": podm,
            "flavor_id": flavor_id,
            "properties": properties,
        }
        row = self._service.nodes.add({**_FRESH, **fields, "_asked": asked}, unique=("name",))
        return self._begin(row, "compose")

    def manage(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Take on a node that is there already; one that is known is refused."""
        podm = self._podm(asked.get("podm_id"))
        for row in self._service.nodes.all():
            if (row["podm_uuid"], row["path"]) == (podm, asked.get("path")):
                raise _rows.Refusal(
                    409, "valence.node.duplicate", f"{row['path']} is known: node {row['uuid']}."
                )
        fields: dict[str, Any] = {
            "uuid": str(uuids.uuid4()),
            "name": asked.get("name"),
            "description": asked.get("description"),
            "podm_uuid": podm,
            "podm_id": podm,
            "flavor_id": None,
            "properties": {},
            "state": "composed",
            "task": None,
            "task_since": None,
        }
        more = {"path": asked.get("path"), "adopted": True, "generation": 1, "power_state": "Off"}
        hidden = {"_asked": asked, "_operation": None, "_looks": 0}
        made = {**_FRESH, **fields, **more, **hidden}
        return self._service.nodes.add(made, unique=("name",))

    def act(self, row: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        """Reset a node, or note what it boots from, as a pod manager offers it."""
        if len(asked) != 1 or not set(asked) <= set(OFFERED):
            _invalid("Give exactly one of Reset and Boot.")
        if row["managed_by"]:
            raise _rows.Refusal(
                409,
                "valence.node.registered",
                f"Node {row['uuid']} is registered in Ironic, which switches it.",
            )
        self._must_be_composed(row)
        ((name, words),) = asked.items()
        for word, value in words.items():
            if value not in OFFERED[name].get(word, ()):
                _invalid(f"body.{name}.{word}: the pod manager does not offer {value!r}.")
        if name == "Reset":
            row["power_state"] = "Off" if words["Type"] in _TO_OFF else "On"
        else:
            row["_boot"] = {"Enabled": "Once", **words}
        return row

    def release(self, row: dict[str, Any], force: bool = False) -> dict[str, Any]:
        """Take on a release; a compose on its way is cancelled."""
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
        """Take on a registration; return the row and the status."""
        same = fields.get("uuid") and fields["uuid"] == row["ironic_uuid"]
        if row["managed_by"] and same:
            return row, 200
        if row["managed_by"]:
            raise _rows.Refusal(
                409,
                "valence.node.registered",
                f"Node {row['uuid']} is registered as {row['ironic_uuid']} already.",
            )
        if row["state"] == "registering" and fields.get("uuid") == row["_fields"].get("uuid"):
            return row, 202
        self._must_be_composed(row)
        row["_fields"] = fields
        return self._begin(row, "register"), 202

    def unregister(self, row: dict[str, Any]) -> dict[str, Any]:
        """Take on a removal from Ironic."""
        if row["state"] == "unregistering":
            return row
        if row["state"] != "missing":
            self._must_be_composed(row)
        if not row["managed_by"]:
            raise _rows.Refusal(
                409, "valence.node.not_registered", f"Node {row['uuid']} is not registered."
            )
        return self._begin(row, "unregister")

    def look(self, row: dict[str, Any]) -> None:
        """Count a look at a row; end its operation when it was looked at enough."""
        if row["_operation"] is None:
            return
        if row["_looks"] > 0:
            row["_looks"] -= 1
            return
        operation = row["_operation"]
        row.update(_operation=None, task=None, updated_at=_rows.now())
        try:
            self._fail_if_told(operation)
            _ENDS[operation](self._service, row)
        except _rows.Refusal as refusal:
            fault = {**refusal.form(), "operation": operation, "at": _rows.now()}
            row.update(state=_AFTER_FAILURE.get(operation, "composed"), fault=fault)

    def _begin(self, row: dict[str, Any], operation: str) -> dict[str, Any]:
        state, task = _ON_THE_WAY[operation]
        row.update(state=state, task=task, task_since=_rows.now(), fault=None)
        row.update(_operation=operation, _looks=self._service.polls)
        row["generation"] += 1
        return row

    def _fail_if_told(self, operation: str) -> None:
        for position, (failing, refusal) in enumerate(self._failures):
            if failing == operation:
                del self._failures[position]
                raise refusal

    def _podm(self, ident: str | None) -> str:
        if ident:
            return str(self._service.podmanagers.get(ident)["uuid"])
        for row in self._service.podmanagers.all():
            return str(row["uuid"])
        raise _rows.Refusal(
            409, "valence.no_podmanager", "No pod manager is registered: register one first."
        )

    def lose_hardware(self, ident: str) -> None:
        """Let a node's hardware be gone: somebody deleted it on its pod manager."""
        self._service.nodes.get(ident).update(state="missing", task=None, _operation=None)

    def _must_be_composed(self, row: dict[str, Any]) -> None:
        if row["state"] != "composed":
            raise _rows.Refusal(
                409, "valence.node.busy", f"Node {row['uuid']} is {row['state']}: wait for it."
            )


def check_properties(properties: object) -> None:
    """Refuse properties that nothing could be composed from."""
    if not isinstance(properties, Mapping) or not properties:
        _invalid("properties is an object with at least one requirement.")
        return
    unknown = sorted(set(properties) - set(_PROPERTIES))
    if unknown:
        _invalid(f"properties has no {', '.join(unknown)}.")


def _invalid(detail: str) -> None:
    raise _rows.Refusal(400, "valence.request.invalid", detail)


def _composed(service: "FakeValence", row: dict[str, Any]) -> None:
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


def _released(service: "FakeValence", row: dict[str, Any]) -> None:
    service.nodes.remove(row)


def _registered(service: "FakeValence", row: dict[str, Any]) -> None:
    fields = row["_fields"]
    made = None
    if service.on_register:
        made = service.on_register(_rows.described(row), fields)
    ironic_uuid = made or fields.get("uuid") or str(uuids.uuid4())
    row.update(state="composed", managed_by="ironic", ironic_uuid=ironic_uuid)


def _unregistered(service: "FakeValence", row: dict[str, Any]) -> None:
    if service.on_unregister:
        service.on_unregister(_rows.described(row))
    row.update(state="composed", managed_by=None, ironic_uuid=None)


_ENDS: Mapping[str, Callable[["FakeValence", dict[str, Any]], None]] = {
    "compose": _composed,
    "release": _released,
    "register": _registered,
    "unregister": _unregistered,
}

#: What fails on the way to or from Ironic leaves the node composed.
_AFTER_FAILURE = {"compose": "error", "release": "error"}

_FRESH: Mapping[str, Any] = {
    "adopted": False,
    "path": None,
    "system_path": None,
    "interfaces": [],
    "power_state": None,
    "managed_by": None,
    "ironic_uuid": None,
    "fault": None,
    "generation": 0,
    "stale": False,
    "project_id": None,
    "user_id": None,
    "_fields": {},
}
