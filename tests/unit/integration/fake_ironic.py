# SPDX-License-Identifier: Apache-2.0

"""A fake Ironic in memory, at the transport: the real python-ironicclient runs.

It implements Ironic's state machine and the rules around it: the verbs that are valid in
each state, a node that is locked during a transition, no update during a transition, no
deletion of a node that has an instance or is deployed, an instance that is removed by
undeploying. A transient state ends after it was read a number of times.
"""

from collections.abc import Mapping
import json
import re
from typing import Any

from ironicclient import client as ironic_client
from keystoneauth1 import noauth
from keystoneauth1 import session as ksa_session

from valenceclient.testing import _wire
from valenceclient.testing import Refusal

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
#: transient state -> the next state, and the next state when it fails.
PASSING: Mapping[str, tuple[str, str]] = {
    "verifying": ("manageable", "enroll"),
    "cleaning": ("available", "clean failed"),
    "deploying": ("active", "deploy failed"),
    "deleting": ("cleaning", "error"),
}
DELETABLE = ("enroll", "manageable", "adopt failed", "available")
TARGETS = {"verifying": "manageable", "cleaning": "available", "deploying": "active"}


class Trouble(Exception):
    """A response with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FakeIronic:
    """Nodes by uuid, and the events of their life.

    ``looks``: how many reads return a transient state before it ends.
    """

    url = "http://ironic.test:6385"

    def __init__(self, looks: int = 1) -> None:
        self.looks = looks
        self.nodes: dict[str, dict[str, Any]] = {}
        #: Events in order: ``manage``, ``active``, ``delete`` ...
        self.events: list[str] = []
        self.configdrives: list[Any] = []
        self._failures: list[tuple[str, str | None, str | None]] = []
        self._history: list[dict[str, Any]] = []
        self.wire = _wire.Wire(self._answer)

    # For tests: connect, prepare, cause failures.

    def client(self) -> Any:
        session = ksa_session.Session(auth=noauth.NoAuth(endpoint=self.url))
        session.mount(self.url, self.wire)
        return ironic_client.get_client(
            "1",
            session=session,
            endpoint=self.url,
            os_ironic_api_version="latest",
            max_retries=0,
        )

    def fail(self, state: str, error: str | None = None, history: str | None = None) -> None:
        """Make the next transition out of a transient state fail."""
        assert state in PASSING
        self._failures.append((state, error, history))

    def lose(self, method: str, path: str, *, done: bool = True, times: int = 1) -> None:
        """Lose the responses to requests whose path matches."""
        self.wire.troubles.append(_wire.Trouble(method, re.compile(path), times, done, None))

    def answer(self, method: str, path: str, status: int, message: str, times: int = 1) -> None:
        """Respond with an error to requests whose path matches."""
        trouble = (status, _error(message), {})
        self.wire.troubles.append(_wire.Trouble(method, re.compile(path), times, False, trouble))

    def add(self, uuid: str, state: str = "enroll", **fields: Any) -> dict[str, Any]:
        """Add a node."""
        node = {
            "uuid": uuid,
            "provision_state": state,
            "target_provision_state": None,
            "reservation": None,
            "last_error": None,
            "instance_uuid": None,
            "instance_info": {},
            "deploy_interface": "ramdisk",
            "boot_interface": "redfish-virtual-media",
            "extra": {},
            "_looks": 0,
            **fields,
        }
        self.nodes[uuid] = node
        self._enter(node, state)
        return node

    # Called by the fake Valence when it registers and unregisters.

    def registered(self, node: dict[str, Any], fields: dict[str, Any]) -> str:
        names = ("extra", "instance_uuid", "resource_class", "conductor_group")
        self.events.append("create")
        values = {name: fields[name] for name in names if name in fields}
        values["extra"] = {**values.get("extra", {}), "valence_node": node["uuid"]}
        self.add(fields["uuid"], **values)
        return str(fields["uuid"])

    def unregistered(self, node: dict[str, Any]) -> None:
        try:
            if node["ironic_uuid"] in self.nodes:
                self._delete(node["ironic_uuid"])
        except Trouble as exc:
            code, detail = "valence.ironic.refused", "Ironic refused to delete the node."
            raise Refusal(409, code, detail, str(exc)) from exc

    # The API.

    def _answer(self, method: str, path: str, query: dict[str, str], body: Any) -> _wire.Answer:
        headers = {
            "X-OpenStack-Ironic-API-Minimum-Version": "1.1",
            "X-OpenStack-Ironic-API-Maximum-Version": "1.115",
        }
        if path == "/v1":
            return 200, {"id": "v1"}, headers
        if path.rstrip("/") == "/v1/nodes":
            return 200, {"nodes": [_public(node) for node in self.nodes.values()]}, headers
        parts = re.fullmatch(r"/v1/nodes/([^/]+)(/states/provision|/history)?", path)
        assert parts, path
        try:
            status, answer = self._handle(method, parts[1], parts[2], body)
        except Trouble as exc:
            return exc.status, _error(str(exc)), headers
        if answer is None:
            headers["Content-Type"] = "text/plain"
        return status, answer, headers

    def _handle(self, method: str, uuid: str, below: str | None, body: Any) -> tuple[int, Any]:
        if uuid not in self.nodes:
            raise Trouble(404, f"Node {uuid} could not be found.")
        node = self.nodes[uuid]
        if below == "/history":
            return 200, {"history": self._history}
        if below:
            self._provision(node, body)
            return 202, None
        if method == "GET":
            self._advance(node)
        elif method == "PATCH":
            self._patch(node, body)
        elif method == "DELETE":
            self._delete(uuid)
            return 204, None
        return 200, _public(node)

    def _advance(self, node: dict[str, Any]) -> None:
        state = node["provision_state"]
        if state not in PASSING:
            return
        if node["_looks"] > 0:
            node["_looks"] -= 1
            return
        for failure in self._failures:
            if failure[0] == state:
                self._failures.remove(failure)
                node["last_error"] = failure[1]
                event = {"severity": "ERROR", "created_at": "2026-01-01", "event": failure[2]}
                self._history += [event] if failure[2] else []
                self._enter(node, PASSING[state][1])
                return
        self._enter(node, PASSING[state][0])

    def _enter(self, node: dict[str, Any], state: str) -> None:
        if (
            node["provision_state"] == "deleting"
        ):  # whether it fails or not: the instance is removed
            node.update(instance_uuid=None, instance_info={})
        node.update(
            provision_state=state,
            target_provision_state=TARGETS.get(state, "available" if state in PASSING else None),
            reservation="lab" if state in PASSING else None,
            _looks=self.looks,
        )

    def _provision(self, node: dict[str, Any], body: dict[str, Any]) -> None:
        state, verb = node["provision_state"], body["target"]
        self._refuse_if_locked(node)
        following = VERBS.get(state, {}).get(verb)
        if following is None:
            raise Trouble(
                400,
                f'The requested action "{verb}" can not be performed on node '
                f'"{node["uuid"]}" while it is in state "{state}".',
            )
        if verb == "active" and not node["instance_info"]:
            raise Trouble(400, "Failed to validate deploy info: instance_info is empty")
        self.events.append(verb)
        if verb == "active":
            self.configdrives.append(body.get("configdrive"))
        node["last_error"] = None
        self._enter(node, following)

    def _patch(self, node: dict[str, Any], patch: list[dict[str, Any]]) -> None:
        if node["target_provision_state"] and node["provision_state"] in PASSING:
            message = "can not be updated while a state transition is in progress."
            raise Trouble(409, f"Node {node['uuid']} {message}")
        self._refuse_if_locked(node)
        for change in patch:
            field = change["path"].removeprefix("/")
            assert field in node, field
            value = change.get("value")
            if field == "instance_uuid" and value and node[field] not in (None, value):
                raise Trouble(409, f"Node {node['uuid']} is associated with {node[field]}.")
            node[field] = value

    def _delete(self, uuid: str) -> None:
        node = self.nodes[uuid]
        self._refuse_if_locked(node)
        if node["instance_uuid"]:
            raise Trouble(409, f"Node {uuid} is associated with instance {node['instance_uuid']}.")
        if node["provision_state"] not in DELETABLE:
            message = f'Can not delete node "{uuid}" while it is in provision state'
            raise Trouble(409, f'{message} "{node["provision_state"]}".')
        self.events.append("delete")
        del self.nodes[uuid]

    def _refuse_if_locked(self, node: dict[str, Any]) -> None:
        if node["reservation"]:
            raise Trouble(409, f"Node {node['uuid']} is locked by host {node['reservation']}.")


def _public(node: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if not key.startswith("_")}


def _error(message: str) -> dict[str, str]:
    fault = {"faultcode": "Client", "faultstring": message, "debuginfo": None}
    return {"error_message": json.dumps(fault)}
