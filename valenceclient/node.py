# SPDX-License-Identifier: Apache-2.0

"""Nodes: machines composed from a pod manager's pool."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import datetime
from typing import Any
from typing import ClassVar
import uuid as uuids

from valenceclient import _reported
from valenceclient import _resource
from valenceclient import _transport
from valenceclient import _waiting
from valenceclient import errors
from valenceclient.fault import Fault

#: How often a compose is sent when no answer comes: its uuid is the client's,
#: so that the same request again is the same node.
CREATE_ATTEMPTS = 4

#: Seconds that a wait lasts unless told otherwise.
TIMEOUT = 1800.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interface(_resource.Record):
    """A network interface of a composed machine."""

    mac: str = ""
    path: str | None = None
    speed_mbps: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Node(_resource.Resource):
    """A composed machine, or one on its way to or from being one.

    ``state``: composing, composed, missing, registering, unregistering,
    releasing or error; ``task`` says what is being done just now. A node is
    missing when its hardware was deleted on its pod manager by somebody else.
    """

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        **_resource.Resource.CONVERT,
        "task_since": _resource.when,
        "properties": _resource.mapping,
        "interfaces": lambda given: tuple(map(Interface.from_json, given)),
        "fault": Fault.from_json,
    }

    description: str | None = None
    state: str = ""
    task: str | None = None
    task_since: datetime.datetime | None = None
    podm_id: str | None = None
    flavor_id: str | None = None
    properties: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    #: It was there before Valence, and was taken on with :meth:`Nodes.manage`.
    adopted: bool = False
    #: Where the pod manager keeps the composed node, and its system.
    path: str | None = None
    system_path: str | None = None
    interfaces: tuple[Interface, ...] = ()
    power_state: str | None = None
    #: ``ironic`` while the node is registered there.
    managed_by: str | None = None
    ironic_uuid: str | None = None
    fault: Fault | None = None
    generation: int | None = None
    #: Its pod manager does not answer as it should: all this is as last known.
    stale: bool = False
    #: Whose it is; None where nobody logs in.
    project_id: str | None = None
    user_id: str | None = None


class Nodes(_reported.TellingCollection[Node]):
    """``/v1/nodes``.

    The operations return as soon as Valence has taken them on, or with
    ``wait=True`` when they are done. A wait lasts ``timeout`` seconds at
    most and calls ``on_progress(node)`` at each change of state or task; it
    raises NodeFailed with the fault when the operation fails, and WaitTimeout
    at the deadline (the operation goes on).
    """

    path = "/nodes"
    key = "nodes"
    resource = Node

    def __init__(self, transport: _transport.Transport, poll_interval: float) -> None:
        super().__init__(transport)
        self._interval = poll_interval

    def get(self, ident: str, *, refresh: bool = False) -> Node:
        """Return a node; ``refresh`` has Valence read the pod manager first."""
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

        Without ``podm_id`` Valence chooses the pod manager. Without ``uuid``
        one is made here; either way a lost answer is asked for again, which
        yields the same node. Raises Conflict if the uuid or name stands for
        something else.
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
        node = self._made(
            self._transport.request(
                "POST",
                self.path,
                body={field: value for field, value in fields.items() if value is not None},
                attempts=CREATE_ATTEMPTS,
                deadline=waiting.deadline if wait else None,
            )
        )
        return self._done(node, "compose", waiting) if wait else node

    def manage(
        self,
        *,
        podm_id: str,
        path: str,
        name: str | None = None,
        description: str | None = None,
    ) -> Node:
        """Take on a node that a pod manager has already; nothing of it is changed.

        ``path``: of the node there, such as ``/redfish/v1/Nodes/7``. Sent once,
        never again. Raises Conflict if the node is known.
        """
        fields = {"podm_id": podm_id, "path": path, "name": name, "description": description}
        body = {field: value for field, value in fields.items() if value is not None}
        return self._made(self._transport.request("POST", f"{self.path}/manage", body=body))

    def reset(self, ident: str, kind: str) -> Node:
        """Switch a node on or off, or restart it: ``On``, ``ForceOff``, ``ForceRestart`` ...

        Sent once, never again. Raises BadRequest, which says what the pod manager
        offers, and Conflict while the node is registered in Ironic.
        """
        return self._act(ident, "action", {"Reset": {"Type": kind}})

    def set_boot(
        self, ident: str, target: str, *, enabled: str = "Once", mode: str | None = None
    ) -> Node:
        """Say what a node boots from: ``Pxe``, ``Hdd``, ``Cd`` ...

        ``enabled``: ``Once``, ``Continuous`` or ``Disabled``; ``mode``: ``UEFI`` or
        ``Legacy``. Raises BadRequest, which says what the pod manager offers, and
        Conflict while the node is registered in Ironic.
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
        """Give a node back to its pod manager; done when it is not found any more.

        A node that is being composed is cancelled. Raises Conflict while the
        node is registered in Ironic. ``force`` takes a missing node out of
        Ironic, whatever Ironic does with it; for any other it changes nothing.
        """
        waiting = _waiting.Wait(timeout, self._interval, on_progress)
        self._delete(ident, {"force": "true"} if force else None)
        if not wait:
            return
        try:
            node = self.get(ident)
        except errors.NotFound:
            return
        self._done(node, "release", waiting)

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

        Fields, all optional: ``uuid`` (of the Ironic node), ``name``,
        ``resource_class``, ``traits``, ``properties``, ``extra``,
        ``conductor_group``, ``owner``, ``instance_uuid``. A node that is
        registered under the same ``uuid`` already is returned as it is;
        otherwise Conflict. A registration that fails leaves the node composed:
        with ``wait`` that raises NodeFailed.
        """
        waiting = _waiting.Wait(timeout, self._interval, on_progress)
        node = self._act(ident, "register", fields)
        return self._done(node, "register", waiting) if wait else node

    def unregister(
        self,
        ident: str,
        *,
        wait: bool = False,
        timeout: float = TIMEOUT,
        on_progress: _waiting.OnProgress | None = None,
    ) -> Node:
        """Remove a node from Ironic; it stays composed.

        Raises Conflict if it is not registered. When Ironic refuses, because
        the node is in use there, nothing changes: with ``wait`` that raises
        NodeFailed.
        """
        waiting = _waiting.Wait(timeout, self._interval, on_progress)
        node = self._act(ident, "unregister", {})
        return self._done(node, "unregister", waiting) if wait else node

    def wait(
        self,
        ident: str,
        *,
        operation: str | None = None,
        timeout: float = TIMEOUT,
        on_progress: _waiting.OnProgress | None = None,
    ) -> Node:
        """Wait until what a node is doing is done, and return it as last seen.

        ``operation``: compose, register, unregister or release; told from the
        node's state when left out. Raises NotFound if there is no such node
        to begin with, NodeFailed and WaitTimeout.
        """
        waiting = _waiting.Wait(timeout, self._interval, on_progress)
        node = self.get(ident)
        return self._done(node, operation or _waiting.OPERATIONS.get(node.state), waiting)

    def _act(self, ident: str, action: str, fields: Mapping[str, Any]) -> Node:
        body = {field: value for field, value in fields.items() if value is not None}
        return self._made(
            self._transport.request("POST", self._at(ident, f"/{action}"), body=body)
        )

    def _done(self, node: Node, operation: str | None, waiting: _waiting.Wait) -> Node:
        # By uuid from here on: a name may come to mean another node.
        def poll(deadline: float) -> Node:
            return self._read(node.uuid, deadline=deadline)

        goal = _waiting.GOALS[operation] if operation else _waiting.SETTLE
        return waiting.until(goal, node, poll)

    def _read(self, ident: str, *, refresh: bool = False, deadline: float | None = None) -> Node:
        params = {"refresh": "true"} if refresh else None
        return self._made(
            self._transport.request("GET", self._at(ident), params=params, deadline=deadline)
        )
