# SPDX-License-Identifier: Apache-2.0

"""The collection of nodes: compose, register, unregister, release, and wait."""

from collections.abc import Mapping
from typing import Any
import uuid as uuids

from valenceclient import _collection
from valenceclient import _reported
from valenceclient import _transport
from valenceclient import _waiting
from valenceclient import errors
from valenceclient.node import Node

#: How often a compose is sent when no response comes. A retry is safe: the
#: client chooses the uuid, and the same request with the same uuid is the same node.
CREATE_ATTEMPTS = 4

#: Default timeout of a wait, seconds.
TIMEOUT = 1800.0


class Nodes(_reported.ReportingCollection[Node]):
    """``/v1/nodes``.

    The operations return as soon as Valence has accepted them, or with
    ``wait=True`` when they have finished. A wait lasts ``timeout`` seconds at
    most and calls ``on_progress(node)`` at each change of state or task; it
    raises NodeFailed with the fault when the operation fails, and WaitTimeout
    at the deadline (the operation continues).
    """

    path = "/nodes"
    key = "nodes"
    resource = Node

    def __init__(self, transport: _transport.Transport, poll_interval: float) -> None:
        super().__init__(transport)
        self._interval = poll_interval

    def get(self, ident: str, *, refresh: bool = False) -> Node:
        """Return a node.

        :param refresh: Valence reads its pod manager first.
        :raises NotFound: there is none with this uuid or name.
        """
        return self._read(ident, refresh=refresh)

    def create(  # type: ignore[override]  # the fields by name, instead of any
        self,
        *,
        name: str | None = None,
        uuid: str | None = None,
        description: str | None = None,
        podm_id: str | None = None,
        flavor_id: str | None = None,
        properties: Mapping[str, Any] | None = None,
        wait: bool = False,
        timeout: float = TIMEOUT,
        on_progress: _waiting.OnProgress | None = None,
    ) -> Node:
        """Compose a node from a flavor (uuid or name) or from properties.

        :param uuid: generated if it is None. Either way the request is retried
            when its response is lost, which yields the same node.
        :param podm_id: None lets the scheduler of Valence choose the pod manager.
        :raises Conflict: another request has used the uuid, or another node has
            the name.
        """
        waiting = _waiting.Wait(timeout, self._interval, on_progress)
        fields = {
            "uuid": uuid or str(uuids.uuid4()),
            "name": name,
            "description": description,
            "podm_id": podm_id,
            "flavor_id": flavor_id,
            "properties": properties,
        }
        node = self._parse(
            self._transport.request(
                "POST",
                self.path,
                body=_collection.without_none(fields),
                attempts=CREATE_ATTEMPTS,
                deadline=waiting.deadline if wait else None,
            )
        )
        return self._wait(node, "compose", waiting) if wait else node

    def manage(
        self,
        *,
        podm_id: str,
        path: str,
        name: str | None = None,
        description: str | None = None,
        assemble: bool = False,
    ) -> Node:
        """Adopt a node that exists on a pod manager, without changing it.

        The request is never retried.

        :param path: of the node on the pod manager, such as ``/redfish/v1/Nodes/7``.
        :param assemble: assemble it first, if it is only allocated.
        :raises Conflict: Valence has this node already, or it is still being assembled.
        """
        fields = {"podm_id": podm_id, "path": path, "name": name, "description": description}
        body: dict[str, Any] = _collection.without_none(fields)
        if assemble:
            body["assemble"] = True
        return self._parse(self._transport.request("POST", f"{self.path}/manage", body=body))

    def reset(self, ident: str, kind: str) -> Node:
        """Switch a node on or off, or restart it: ``On``, ``ForceOff``, ``ForceRestart`` ...

        The request is never retried.

        :raises BadRequest: the pod manager does not offer this; the message lists
            what it offers.
        :raises Conflict: the node is registered in Ironic.
        """
        return self._act(ident, "action", {"Reset": {"Type": kind}})

    def set_boot(
        self, ident: str, target: str, *, enabled: str = "Once", mode: str | None = None
    ) -> Node:
        """Set the boot device of a node: ``Pxe``, ``Hdd``, ``Cd`` ...

        :param enabled: ``Once``, ``Continuous`` or ``Disabled``.
        :param mode: ``UEFI`` or ``Legacy``.
        :raises BadRequest: the pod manager does not offer this; the message lists
            what it offers.
        :raises Conflict: the node is registered in Ironic.
        """
        boot = {"Target": target, "Enabled": enabled, **({"Mode": mode} if mode else {})}
        return self._act(ident, "action", {"Boot": boot})

    def delete(
        self,
        ident: str,
        *,
        force: bool = False,
        wait: bool = False,
        timeout: float = TIMEOUT,
        on_progress: _waiting.OnProgress | None = None,
    ) -> None:
        """Release a node to its pod manager; it has finished when the node is not found.

        Deleting a node that is being composed cancels the compose.

        :param force: remove a missing node from Ironic, whatever its state there;
            no effect on other nodes.
        :raises Conflict: the node is registered in Ironic.
        """
        waiting = _waiting.Wait(timeout, self._interval, on_progress)
        self._delete(ident, {"force": "true"} if force else None)
        if not wait:
            return
        try:
            node = self.get(ident)
        except errors.NotFound:
            return
        self._wait(node, "release", waiting)

    def register(
        self,
        ident: str,
        *,
        wait: bool = False,
        timeout: float = TIMEOUT,
        on_progress: _waiting.OnProgress | None = None,
        **fields: Any,
    ) -> Node:
        """Register a node in Ironic, where it stays in provision state ``enroll``.

        A node that is registered under the same ``uuid`` already is returned
        unchanged. A registration that fails leaves the node composed.

        :param fields: all optional: ``uuid`` (of the Ironic node), ``name``,
            ``resource_class``, ``traits``, ``properties``, ``extra``,
            ``conductor_group``, ``owner``, ``instance_uuid``.
        :raises Conflict: the node is registered under another uuid.
        :raises NodeFailed: with ``wait``, the registration failed.
        """
        waiting = _waiting.Wait(timeout, self._interval, on_progress)
        node = self._act(ident, "register", fields)
        return self._wait(node, "register", waiting) if wait else node

    def unregister(
        self,
        ident: str,
        *,
        wait: bool = False,
        timeout: float = TIMEOUT,
        on_progress: _waiting.OnProgress | None = None,
    ) -> Node:
        """Remove a node from Ironic; it stays composed.

        :raises Conflict: the node is not registered.
        :raises NodeFailed: with ``wait``, Ironic refused because the node is in use
            there; nothing has changed.
        """
        waiting = _waiting.Wait(timeout, self._interval, on_progress)
        node = self._act(ident, "unregister", {})
        return self._wait(node, "unregister", waiting) if wait else node

    def adopt_path(self, ident: str, path: str) -> Node:
        """State that a node is what is at a path of its pod manager now.

        Nothing is changed on the pod manager. A missing node is composed again, and a
        conflict of facts ends. A retry is safe, and left to the caller.

        :param path: of the node on its pod manager, such as ``/redfish/v1/Nodes/7``.
        :raises Conflict: the pod manager has no such node, or it is that of another node
            of Valence; or an operation on the node is running.
        """
        return self._act(ident, "adopt_path", {"path": path})

    def forget(self, ident: str) -> None:
        """State that a node is gone: its row is deleted, and its pod manager not asked.

        Only for a node that is missing, in error, or in conflict with its facts.

        :raises Conflict: the node is in another state, or registered in Ironic.
        """
        path = self._path_of(ident, "/forget")
        self._transport.request("POST", path, body={"i_know_it_is_gone": True})

    def wait(
        self,
        ident: str,
        *,
        operation: str | None = None,
        timeout: float = TIMEOUT,
        on_progress: _waiting.OnProgress | None = None,
    ) -> Node:
        """Wait until the current operation of a node has finished.

        :param operation: compose, register, unregister or release; None derives it
            from the node's state.
        :returns: the node as of the last poll.
        :raises NotFound: there was no such node at the start.
        :raises NodeFailed: the operation failed.
        :raises WaitTimeout: the deadline has passed; the operation continues.
        """
        waiting = _waiting.Wait(timeout, self._interval, on_progress)
        node = self.get(ident)
        return self._wait(node, operation or _waiting.OPERATIONS.get(node.state), waiting)

    def _act(self, ident: str, action: str, fields: Mapping[str, Any]) -> Node:
        body = _collection.without_none(fields)
        path = self._path_of(ident, f"/{action}")
        return self._parse(self._transport.request("POST", path, body=body))

    def _wait(self, node: Node, operation: str | None, waiting: _waiting.Wait) -> Node:
        # Poll by uuid: during the wait another node may receive the name.
        def poll(deadline: float) -> Node:
            return self._read(node.uuid, deadline=deadline)

        goal = _waiting.GOALS[operation] if operation else _waiting.SETTLED
        return waiting.until(goal, node, poll)

    def _read(self, ident: str, *, refresh: bool = False, deadline: float | None = None) -> Node:
        params = {"refresh": "true"} if refresh else None
        path = self._path_of(ident)
        return self._parse(self._transport.request("GET", path, params=params, deadline=deadline))
