# SPDX-License-Identifier: Apache-2.0

"""Nodes in Valence: compose, register, unregister, release them.

Each goal is a table over the state of the node. ``gone`` stands for a node that
Valence does not have, ``registered`` for a composed node that is in Ironic, and
``half registered`` for one that may be: its registration failed, and so did the
revert of it.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
from typing import Any
from typing import TypeVar

from valence_conductor import errors as conductor_errors
from valence_conductor import interrupt
from valence_integration import errors
from valence_integration.peers.converge import Actions
from valence_integration.peers.converge import Busy
from valence_integration.peers.converge import Convergence
from valence_integration.peers.converge import DONE
from valence_integration.peers.converge import Request
from valence_integration.peers.converge import Unavailable
from valence_integration.peers.converge import WAIT
from valence_integration.peers.converge import WaitPolicy
from valenceclient import errors as client_errors
import valenceclient.client
from valenceclient.node import Node

T = TypeVar("T")

GONE = "gone"
REGISTERED = "registered"
HALF_REGISTERED = "half registered"
BUSY_CODE = "valence.node.busy"

#: Code of Valence's own 404 for a node; a 404 with another code, or none, proves nothing.
NOT_FOUND_CODE = "valence.node.not_found"

COMPOSE: Actions = {
    GONE: Request("compose"),
    "composing": WAIT,
    "composed": DONE,
    "registering": DONE,
    HALF_REGISTERED: DONE,
    REGISTERED: DONE,
}
REGISTER: Actions = {
    "composed": Request("register"),
    HALF_REGISTERED: Request("register"),
    "registering": WAIT,
    "unregistering": WAIT,
    REGISTERED: DONE,
}
UNREGISTER: Actions = {
    GONE: DONE,
    "composing": DONE,
    "composed": DONE,
    "missing": DONE,
    "error": DONE,
    "releasing": DONE,
    "registering": WAIT,
    REGISTERED: Request("unregister"),
    HALF_REGISTERED: Request("unregister"),
    "unregistering": WAIT,
}
#: Neither being registered nor being unregistered.
SETTLED: Actions = {
    GONE: DONE,
    "composing": DONE,
    "composed": DONE,
    "missing": DONE,
    "error": DONE,
    "releasing": DONE,
    "registering": WAIT,
    REGISTERED: DONE,
    HALF_REGISTERED: DONE,
    "unregistering": WAIT,
}
RELEASE: Actions = {
    GONE: DONE,
    "composing": Request("release", once=True),
    "composed": Request("release"),
    "missing": Request("release"),
    "error": Request("release"),
    "releasing": WAIT,
    "registering": WAIT,
    "unregistering": WAIT,
}


@dataclasses.dataclass(frozen=True)
class _Reading:
    """A node as it was read; None when Valence does not have it."""

    node: Node | None

    @property
    def state(self) -> str:
        """Return the state as the tables name it."""
        if self.node is None:
            return GONE
        if self.node.state in ("composed", "missing") and self.node.managed_by:
            fault = self.node.fault
            unfinished = fault is not None and fault.operation == "register"
            return HALF_REGISTERED if unfinished else REGISTERED
        return self.node.state


class ValenceNodes:
    """Drives nodes through a client of Valence.

    :param connect: returns the client; called when it is first needed.
    """

    def __init__(self, connect: Callable[[], valenceclient.client.Client]) -> None:
        self._connect = connect
        self._client: valenceclient.client.Client | None = None

    def compose(self, uuid: str, request: Mapping[str, Any], policy: WaitPolicy) -> Node:
        """Compose a node under a uuid chosen by the plugin.

        A node that exists already is used if it has what the request requires.

        :param request: name, description, podm_id, properties or flavor_id.
        :raises Fault: with the pod manager's own reason when it refused.
        """
        node = self._drive(
            "compose", uuid, COMPOSE, policy, lambda nodes: nodes.create(uuid=uuid, **request)
        )
        if node is None or not _covers(node.properties, request.get("properties") or {}):
            raise errors.fault(
                errors.NODE_DIFFERS,
                f"Valence composed node {uuid} with other properties than were requested; it "
                "is released. Request the instance again.",
            )
        return node

    def register(
        self, uuid: str, ironic_uuid: str, fields: Mapping[str, Any], policy: WaitPolicy
    ) -> Node:
        """Register a node in Ironic under a uuid chosen by the plugin.

        :param fields: extra, instance_uuid, resource_class, ...
        :raises Fault: with Ironic's own reason when it refused.
        """
        node = self._drive(
            "register",
            uuid,
            REGISTER,
            policy,
            lambda nodes: nodes.register(uuid, uuid=ironic_uuid, **fields),
        )
        if node is None or node.ironic_uuid != ironic_uuid:
            registered = node.ironic_uuid if node else None
            raise errors.fault(
                errors.NODE_DIFFERS,
                f"Node {uuid} is registered in Ironic as {registered} and not as {ironic_uuid}: "
                "another client registered it.",
            )
        return node

    def settle(self, uuid: str, policy: WaitPolicy) -> None:
        """Wait until a node is neither being registered nor being unregistered."""
        self._drive("settle", uuid, SETTLED, policy, lambda nodes: None)

    def unregister(self, uuid: str, policy: WaitPolicy) -> None:
        """Remove a node from Ironic; a node that is not registered is a success."""
        self._drive("unregister", uuid, UNREGISTER, policy, lambda nodes: nodes.unregister(uuid))

    def release(self, uuid: str, policy: WaitPolicy) -> None:
        """Release a node, and wait until Valence does not have it any more.

        :raises Fault: among others when Valence still has it registered in Ironic.
        """
        self._drive("release", uuid, RELEASE, policy, lambda nodes: nodes.delete(uuid))

    def find(self, uuid: str) -> Node | None:
        """Return a node; None when Valence itself answers that it does not have it.

        :raises Unavailable: Valence did not respond, or something else did.
        """
        try:
            node = self._call(lambda nodes: nodes.get(uuid))
        except client_errors.NotFound as exc:
            if exc.code == NOT_FOUND_CODE:
                return None
            raise Unavailable(*_arguments(exc)) from exc
        if node.uuid != uuid:
            sentence = f"Valence did not return node {uuid} but another object. Check its address."
            raise Unavailable(sentence, {"code": errors.VALENCE_UNREACHABLE})
        return node

    def all(self) -> list[Node]:
        """Return every node that Valence has, from one listing.

        :raises Fault: Valence did not respond, or refused.
        """
        return self._list(lambda nodes: list(nodes.list()))

    def uuids(self, policy: WaitPolicy) -> set[str]:
        """Return the uuids of all nodes, from one complete listing; wait for Valence."""

        def read() -> set[str]:
            return self._list(lambda nodes: {node.uuid for node in nodes.list(fields="uuid")})

        return Convergence(
            "Valence to list its nodes",
            read=read,
            state=lambda _result: "read",
            actions={"read": DONE},
            send=lambda _result, _verb: None,
            failed=lambda _result: errors.fault(errors.VALENCE_REFUSED, "Valence listed none."),
        ).run(policy)

    def _list(self, request: Callable[[Any], T]) -> T:
        """Return what a listing returns; a collection that does not exist is no empty one."""
        try:
            return self._call(request)
        except (client_errors.NotFound, client_errors.Conflict) as exc:
            raise Unavailable(*_arguments(exc)) from exc

    def _drive(
        self,
        verb: str,
        uuid: str,
        actions: Actions,
        policy: WaitPolicy,
        request: Callable[[Any], object],
    ) -> Node | None:
        def send(reading: _Reading, _verb: str) -> None:
            try:
                self._call(request)
            except (Unavailable, Busy):
                raise
            except (client_errors.APIError, conductor_errors.Fault) as exc:
                # Whatever the status: the state decides. Another process was faster (one that
                # was presumed dead, or a request whose response was lost), or the request was
                # carried out all the same. If nothing has changed, this is the reason.
                if self.find(uuid) == reading.node:
                    raise _as_fault(exc) from exc

        reading = Convergence(
            f"Valence to {verb} node {uuid}",
            read=lambda: _Reading(self.find(uuid)),
            state=lambda reading: reading.state,
            actions=actions,
            send=send,
            failed=lambda reading: _failed(verb, uuid, reading),
        ).run(policy)
        return reading.node

    def _call(self, request: Callable[[Any], T]) -> T:
        interrupt.checkpoint()
        with _converted_errors():
            if self._client is None:
                self._client = self._connect()
            return request(self._client.nodes)


def _covers(actual: Any, required: Any) -> bool:
    """Return whether everything required is there; Valence may have filled in more."""
    if isinstance(required, Mapping):
        return isinstance(actual, Mapping) and all(
            _covers(actual.get(key), value) for key, value in required.items()
        )
    if isinstance(required, list):
        pairs = zip(actual or (), required, strict=False)
        return len(actual or ()) == len(required) and all(_covers(*pair) for pair in pairs)
    return bool(actual == required)


@contextlib.contextmanager
def _converted_errors() -> Iterator[None]:
    """Convert the client's errors to faults; a 404 and a plain 409 pass unchanged."""
    try:
        yield
    except errors.InvalidRequest as exc:
        raise errors.fault(errors.VALENCE_UNREACHABLE, str(exc)) from exc
    except (client_errors.ConnectFailed, OSError) as exc:
        raise Unavailable(str(exc), {"code": errors.VALENCE_UNREACHABLE}) from exc
    except client_errors.Unavailable as exc:
        raise Unavailable(*_arguments(exc)) from exc
    except client_errors.NotFound as exc:
        if exc.code is None:  # of a proxy without a backend, or of another service
            raise Unavailable(*_arguments(exc)) from exc
        raise
    except client_errors.Conflict as exc:
        if exc.code == BUSY_CODE:
            raise Busy(*_arguments(exc)) from exc
        raise
    except client_errors.APIError as exc:
        raise _refused(exc) from exc
    except client_errors.ValenceError as exc:
        raise errors.fault(errors.VALENCE_UNREACHABLE, str(exc)) from exc


def _as_fault(exc: client_errors.APIError | conductor_errors.Fault) -> conductor_errors.Fault:
    return exc if isinstance(exc, conductor_errors.Fault) else _refused(exc)


def _refused(exc: client_errors.APIError) -> conductor_errors.Fault:
    return conductor_errors.Fault(*_arguments(exc))


def _arguments(exc: client_errors.APIError) -> tuple[str, dict[str, Any]]:
    fault = errors.fault(exc.code or errors.VALENCE_REFUSED, exc.detail, exc.reason)
    return fault.reason, {**fault.details, "request_id": exc.request_id}


def _failed(verb: str, uuid: str, reading: _Reading) -> conductor_errors.Fault:
    node = reading.node
    if node is None:
        return errors.fault(
            errors.NODE_GONE,
            f"Valence could not {verb} node {uuid}: the node does not exist any more. Another "
            "client deleted it.",
        )
    if verb == "release" and node.managed_by:
        return errors.fault(
            errors.STILL_OWNED,
            f"Node {uuid} is registered in Ironic as {node.ironic_uuid} and was not released. "
            "Unregister it first.",
        )
    if node.fault is None:
        return errors.fault(
            errors.VALENCE_REFUSED,
            f"Valence could not {verb} node {uuid}: its state is {reading.state}, and Valence "
            "recorded no fault.",
        )
    sentence = f"Valence could not {verb} node {uuid}: {node.fault.detail}"
    return errors.fault(node.fault.code or errors.VALENCE_REFUSED, sentence, node.fault.reason)
