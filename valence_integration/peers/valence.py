# SPDX-License-Identifier: Apache-2.0

"""Composed nodes in Valence: composed, registered, unregistered, released.

Each goal is a table over the state of the node. ``gone`` stands for a node that
Valence does not know, ``registered`` for a composed one that is in Ironic, and
``half registered`` for one that may be: its registration failed, and so did
undoing it.
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
from valence_integration.peers import converge
from valence_integration.peers.converge import Ask
from valence_integration.peers.converge import DONE
from valence_integration.peers.converge import WAIT
from valenceclient import errors as client_errors
import valenceclient.client
from valenceclient.node import Node

T = TypeVar("T")

GONE = "gone"
REGISTERED = "registered"
HALF_REGISTERED = "half registered"
BUSY_CODE = "valence.node.busy"

COMPOSE: converge.Moves = {
    GONE: Ask("compose"),
    "composing": WAIT,
    "composed": DONE,
    "registering": DONE,
    HALF_REGISTERED: DONE,
    REGISTERED: DONE,
}
REGISTER: converge.Moves = {
    "composed": Ask("register"),
    HALF_REGISTERED: Ask("register"),
    "registering": WAIT,
    "unregistering": WAIT,
    REGISTERED: DONE,
}
UNREGISTER: converge.Moves = {
    GONE: DONE,
    "composing": DONE,
    "composed": DONE,
    "missing": DONE,
    "error": DONE,
    "releasing": DONE,
    "registering": WAIT,
    REGISTERED: Ask("unregister"),
    HALF_REGISTERED: Ask("unregister"),
    "unregistering": WAIT,
}
#: Not on its way into Ironic or out of it.
SETTLED: converge.Moves = {
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
RELEASE: converge.Moves = {
    GONE: DONE,
    "composing": Ask("release", once=True),
    "composed": Ask("release"),
    "missing": Ask("release"),
    "error": Ask("release"),
    "releasing": WAIT,
    "registering": WAIT,
    "unregistering": WAIT,
}


@dataclasses.dataclass(frozen=True)
class _Look:
    """What a look at a node saw; None where there is none."""

    node: Node | None

    @property
    def state(self) -> str:
        """The state, as the tables have it."""
        if self.node is None:
            return GONE
        if self.node.state in ("composed", "missing") and self.node.managed_by:
            fault = self.node.fault
            unfinished = fault is not None and fault.operation == "register"
            return HALF_REGISTERED if unfinished else REGISTERED
        return self.node.state


class ValenceNodes:
    """Drives composed nodes through a client of Valence.

    :param connect: makes the client; called when it is first needed.
    """

    def __init__(self, connect: Callable[[], valenceclient.client.Client]) -> None:
        self._connect = connect
        self._client: valenceclient.client.Client | None = None

    def compose(self, uuid: str, request: Mapping[str, Any], pace: converge.Pace) -> Node:
        """Have a node composed under a uuid of ours.

        A node that is there already is taken if it is what the request asks for.

        :param request: name, description, podm_id, properties or flavor_id.
        :raises Fault: with the pod manager's own reason when it refused.
        """
        node = self._pursue(
            "compose", uuid, COMPOSE, pace, lambda nodes: nodes.create(uuid=uuid, **request)
        )
        if node is None or not _covers(node.properties, request.get("properties") or {}):
            raise errors.fault(
                errors.NODE_DIFFERS,
                f"Valence has composed node {uuid} of something else than was asked for; it is "
                "given back. Ask again.",
            )
        return node

    def register(
        self, uuid: str, ironic_uuid: str, fields: Mapping[str, Any], pace: converge.Pace
    ) -> Node:
        """Have a node registered in Ironic under a uuid of ours.

        :param fields: extra, instance_uuid, resource_class, ...
        :raises Fault: with Ironic's own reason when it refused.
        """
        node = self._pursue(
            "register",
            uuid,
            REGISTER,
            pace,
            lambda nodes: nodes.register(uuid, uuid=ironic_uuid, **fields),
        )
        if node is None or node.ironic_uuid != ironic_uuid:
            registered = node.ironic_uuid if node else None
            raise errors.fault(
                errors.NODE_DIFFERS,
                f"Node {uuid} is registered in Ironic as {registered} and not as {ironic_uuid}: "
                "somebody else registered it.",
            )
        return node

    def settle(self, uuid: str, pace: converge.Pace) -> None:
        """Wait until a node is on its way neither into Ironic nor out of it."""
        self._pursue("settle", uuid, SETTLED, pace, lambda nodes: None)

    def unregister(self, uuid: str, pace: converge.Pace) -> None:
        """Have a node removed from Ironic; one that is not there is a success."""
        self._pursue("unregister", uuid, UNREGISTER, pace, lambda nodes: nodes.unregister(uuid))

    def release(self, uuid: str, pace: converge.Pace) -> None:
        """Have a node given back; done when Valence does not know it any more.

        :raises Fault: among others when Valence still has it registered in Ironic.
        """
        self._pursue("release", uuid, RELEASE, pace, lambda nodes: nodes.delete(uuid))

    def find(self, uuid: str) -> Node | None:
        """Read a node; None when Valence does not know it.

        :raises Silent: Valence did not answer.
        """
        try:
            return self._call(lambda nodes: nodes.get(uuid))
        except client_errors.NotFound:
            return None

    def all(self) -> list[Node]:
        """Read every node that Valence has: one listing.

        :raises Fault: Valence did not answer, or refused.
        """
        return self._call(lambda nodes: list(nodes.list()))

    def _pursue(
        self,
        verb: str,
        uuid: str,
        moves: converge.Moves,
        pace: converge.Pace,
        act: Callable[[Any], object],
    ) -> Node | None:
        def ask(look: _Look, _verb: str) -> None:
            try:
                self._call(act)
            except client_errors.Conflict as exc:
                # Somebody was faster (a process that was taken for dead, a request whose
                # answer was lost): the next look tells. If it does not, this is the reason.
                if self.find(uuid) == look.node:
                    raise _refused(exc) from exc
            except client_errors.NotFound as exc:
                if look.node is None:
                    raise _refused(exc) from exc

        seen = converge.Pursuit(
            f"Valence to {verb} node {uuid}",
            read=lambda: _Look(self.find(uuid)),
            state=lambda look: look.state,
            moves=moves,
            ask=ask,
            failed=lambda look: _failed(verb, uuid, look),
        ).run(pace)
        return seen.node

    def _call(self, act: Callable[[Any], T]) -> T:
        interrupt.checkpoint()
        with _converted():
            if self._client is None:
                self._client = self._connect()
            return act(self._client.nodes)


def _covers(given: Any, wanted: Any) -> bool:
    """Tell whether all that is wanted is there; Valence may have filled in more."""
    if isinstance(wanted, Mapping):
        return isinstance(given, Mapping) and all(
            _covers(given.get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        pairs = zip(given or (), wanted, strict=False)
        return len(given or ()) == len(wanted) and all(_covers(*pair) for pair in pairs)
    return bool(given == wanted)


@contextlib.contextmanager
def _converted() -> Iterator[None]:
    """Turn the client's errors into faults; a 404 and a plain 409 go through."""
    try:
        yield
    except errors.InvalidRequest as exc:
        raise errors.fault(errors.VALENCE_UNREACHABLE, str(exc)) from exc
    except (client_errors.ConnectFailed, OSError) as exc:
        raise converge.Silent(str(exc), {"code": errors.VALENCE_UNREACHABLE}) from exc
    except client_errors.Unavailable as exc:
        raise converge.Silent(*_told(exc)) from exc
    except client_errors.NotFound:
        raise
    except client_errors.Conflict as exc:
        if exc.code == BUSY_CODE:
            raise converge.Busy(*_told(exc)) from exc
        raise
    except client_errors.APIError as exc:
        raise _refused(exc) from exc
    except client_errors.ValenceError as exc:
        raise errors.fault(errors.VALENCE_UNREACHABLE, str(exc)) from exc


def _refused(exc: client_errors.APIError) -> conductor_errors.Fault:
    return conductor_errors.Fault(*_told(exc))


def _told(exc: client_errors.APIError) -> tuple[str, dict[str, Any]]:
    made = errors.fault(exc.code or errors.VALENCE_REFUSED, exc.detail, exc.reason)
    return made.reason, {**made.details, "request_id": exc.request_id}


def _failed(verb: str, uuid: str, look: _Look) -> conductor_errors.Fault:
    if look.node is None:
        return errors.fault(
            errors.NODE_GONE,
            f"Node {uuid} disappeared from Valence while it was to {verb}: somebody deleted it.",
        )
    if verb == "release" and look.node.managed_by:
        return errors.fault(
            errors.STILL_OWNED,
            f"Node {uuid} is registered in Ironic as {look.node.ironic_uuid}: it is not "
            "released. Unregister it first.",
        )
    told = look.node.fault
    if told is None:
        return errors.fault(
            errors.VALENCE_REFUSED,
            f"Node {uuid} is {look.state} in Valence, where it could not {verb}; Valence "
            "recorded no fault.",
        )
    sentence = f"Valence could not {verb} node {uuid}: {told.detail}"
    return errors.fault(told.code or errors.VALENCE_REFUSED, sentence, told.reason)
