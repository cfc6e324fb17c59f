# SPDX-License-Identifier: Apache-2.0

"""Nodes in Ironic: make them available, deploy, undeploy, make them removable.

Each goal is a table over the provision states of Ironic's state machine
(https://docs.openstack.org/ironic/latest/user/states.html). ``gone`` stands for
a node that Ironic does not have. A node is read and driven on from its present
state: nothing is remembered between two processes.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import re
import threading
from typing import Any
from typing import TypeVar

from ironicclient import exc as ironic_exc
from keystoneauth1 import exceptions as ksa_exceptions
from oslo_log import log as logging

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

LOG = logging.getLogger(__name__)

T = TypeVar("T")

GONE = "gone"

#: Transient states: Ironic ends them by itself.
_TRANSIENT: Actions = {
    "verifying": WAIT,
    "inspecting": WAIT,
    "inspect wait": WAIT,
    "cleaning": WAIT,
    "clean wait": WAIT,
}

AVAILABLE: Actions = {
    **_TRANSIENT,
    "enroll": Request("manage"),
    "inspect failed": Request("manage"),
    "manageable": Request("provide"),
    "available": DONE,
}
ACTIVE: Actions = {
    **AVAILABLE,
    "available": Request("active"),
    "deploying": WAIT,
    "wait call-back": WAIT,
    "active": DONE,
}
#: Undeployed, or never deployed. "clean failed" is missing on purpose: the disks may
#: still hold data of their user, so that an operator must inspect the node.
UNDEPLOYED: Actions = {
    **_TRANSIENT,
    "deploying": WAIT,
    "deleting": WAIT,
    "adopting": WAIT,
    "rescuing": WAIT,
    "unrescuing": WAIT,
    "servicing": WAIT,
    "deploy hold": Request("abort"),
    "service hold": Request("abort"),
    "active": Request("deleted"),
    "deploy failed": Request("deleted"),
    "wait call-back": Request("deleted"),
    "error": Request("deleted"),
    "rescue": Request("deleted"),
    "rescue wait": Request("deleted"),
    "rescue failed": Request("deleted"),
    "unrescue failed": Request("deleted"),
    "service wait": Request("deleted"),
    "service failed": Request("deleted"),
    "enroll": DONE,
    "manageable": DONE,
    "available": DONE,
    "adopt failed": DONE,
    "inspect failed": DONE,
    GONE: DONE,
}
#: A state in which Ironic deletes a node, and in which no other service can claim it.
REMOVABLE: Actions = {
    **_TRANSIENT,
    "deleting": WAIT,
    "adopting": WAIT,
    "available": Request("manage"),
    "inspect failed": Request("manage"),
    "clean failed": Request("manage"),
    "enroll": DONE,
    "manageable": DONE,
    "adopt failed": DONE,
    GONE: DONE,
}

_FIELDS = (
    "uuid",
    "provision_state",
    "power_state",
    "last_error",
    "reservation",
    "instance_uuid",
    "extra",
)


@dataclasses.dataclass(frozen=True)
class IronicNode:
    """A node as Ironic has it; ``provision_state`` is ``gone`` when Ironic has none."""

    uuid: str
    provision_state: str = GONE
    power_state: str | None = None
    last_error: str | None = None
    reservation: str | None = None
    instance_uuid: str | None = None
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_gone(self) -> bool:
        """Return whether Ironic does not have the node."""
        return self.provision_state == GONE

    @property
    def settled(self) -> str | None:
        """Return the provision state, or None while an Ironic conductor has the node locked."""
        return None if self.reservation else self.provision_state


class IronicNodes:
    """Drives nodes through a client of Ironic that never retries by itself.

    :param connect: returns the client; called when it is first needed.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._cached_client: Any = None
        self._lock = threading.Lock()

    def find(self, uuid: str) -> IronicNode:
        """Return a node, which may be gone.

        :raises Unavailable: Ironic did not respond.
        """
        try:
            node = self._call(lambda client: client.node.get(uuid, fields=list(_FIELDS)))
        except ironic_exc.NotFound:
            return IronicNode(uuid)
        return _node(node)

    def marked(self, key: str) -> list[IronicNode]:
        """Return the nodes whose ``extra`` has this key, from one listing.

        :raises Fault: Ironic did not respond, or refused.
        """
        nodes = self._call(lambda client: client.node.list(limit=0, fields=list(_FIELDS)))
        return [node for node in map(_node, nodes) if key in (node.extra or {})]

    def wait_for_answer(self, uuid: str, policy: WaitPolicy) -> IronicNode:
        """Return a node, which may be gone; wait until Ironic responds."""
        return Convergence(
            f"Ironic to return node {uuid}",
            read=lambda: self.find(uuid),
            state=lambda _node: "read",
            actions={"read": DONE},
            send=self._set_state,
            failed=lambda node: self._failed(f"return node {uuid}", node),
        ).run(policy)

    def claim(self, uuid: str, instance_uuid: str, policy: WaitPolicy) -> None:
        """Assign the node to an instance, so that no other service can claim it.

        :raises Fault: it is assigned to another instance, or is gone.
        """
        self._assign(uuid, instance_uuid, policy)

    def disown(self, uuid: str, instance_uuid: str, policy: WaitPolicy) -> None:
        """Remove the node from the instance: Ironic deletes no node that has one.

        :raises Fault: it is assigned to another instance.
        """
        self._assign(uuid, None, policy, previous=instance_uuid)

    def make_available(self, uuid: str, policy: WaitPolicy) -> IronicNode:
        """Drive a node from ``enroll``, or from its present state, to ``available``."""
        return self._drive(f"make node {uuid} available", uuid, AVAILABLE, policy)

    def deploy(self, uuid: str, deploy: Mapping[str, Any], policy: WaitPolicy) -> IronicNode:
        """Drive a node from ``available``, or from its present state, to ``active``.

        :param deploy: ``instance_info``, and optionally ``deploy_interface``,
            ``boot_interface`` and ``configdrive`` (a dictionary, a URL, or a
            gzipped ISO in base64).
        """
        patch = [
            {"op": "replace", "path": f"/{field}", "value": deploy[field]}
            for field in ("deploy_interface", "boot_interface", "instance_info")
            if deploy.get(field)
        ]
        drive = deploy.get("configdrive")

        def send(node: IronicNode, verb: str) -> None:
            if verb != "active":
                self._set_state(node, verb)
                return
            if patch:
                self._call(lambda client: client.node.update(uuid, patch))
            # The client reads text as the name of a file, and sends bytes unchanged.
            content = drive.encode() if isinstance(drive, str) else drive
            self._set_state(node, verb, configdrive=content)

        return self._drive(f"deploy node {uuid}", uuid, ACTIVE, policy, send)

    def undeploy(self, uuid: str, policy: WaitPolicy) -> IronicNode:
        """Undeploy a node from any state in which Ironic does that."""
        return self._drive(f"undeploy node {uuid}", uuid, UNDEPLOYED, policy)

    def make_removable(self, uuid: str, policy: WaitPolicy) -> IronicNode:
        """Drive a node to a state in which Ironic deletes it, and assigns it to no instance.

        Never by way of maintenance: Ironic would then delete a node that is running.
        """
        return self._drive(f"make node {uuid} removable", uuid, REMOVABLE, policy)

    def delete(self, uuid: str) -> None:
        """Delete a node in Ironic; a node that is gone is a success."""
        with contextlib.suppress(ironic_exc.NotFound):
            self._call(lambda client: client.node.delete(uuid))

    def _assign(
        self, uuid: str, owner: str | None, policy: WaitPolicy, previous: str | None = None
    ) -> None:
        """Set or remove the instance of a node; the table's states describe its owner."""
        actions: Actions = {"own": DONE, "free": Request("claim")}
        if owner is None:
            actions = {"own": Request("disown"), "free": DONE, GONE: DONE}

        def state(node: IronicNode) -> str:
            owners = {None: "free", owner or previous: "own"}
            return GONE if node.is_gone else owners.get(node.instance_uuid, "foreign")

        def send(_node: IronicNode, _verb: str) -> None:
            change = {"op": "add", "path": "/instance_uuid", "value": owner}
            if owner is None:
                change = {"op": "remove", "path": "/instance_uuid"}
            self._call(lambda client: client.node.update(uuid, [change]))

        Convergence(
            f"Ironic to change the instance of node {uuid}",
            read=lambda: self.find(uuid),
            state=state,
            actions=actions,
            send=_ignoring_gone(send),
            failed=lambda node: errors.fault(
                errors.NODE_GONE if node.is_gone else errors.NODE_DIFFERS,
                f"Node {uuid} is {node.provision_state} in Ironic and belongs to instance "
                f"{node.instance_uuid}; it was not changed.",
            ),
        ).run(policy)

    def _drive(
        self,
        goal: str,
        uuid: str,
        actions: Actions,
        policy: WaitPolicy,
        send: Callable[[IronicNode, str], None] | None = None,
    ) -> IronicNode:
        return Convergence(
            f"Ironic to {goal}",
            read=lambda: self.find(uuid),
            state=lambda node: node.settled,
            actions=actions,
            send=_ignoring_gone(send or self._set_state),
            failed=lambda node: self._failed(goal, node),
        ).run(policy)

    def _set_state(self, node: IronicNode, verb: str, configdrive: Any = None) -> None:
        try:
            self._call(
                lambda client: client.node.set_provision_state(
                    node.uuid, verb, configdrive=configdrive
                )
            )
        except conductor_errors.Fault as exc:
            # Ironic changes states by itself: a verb that was refused in one state may be
            # valid in the next.
            refused = exc.details.get("code") == errors.IRONIC_REFUSED
            if not refused or self.find(node.uuid).provision_state == node.provision_state:
                raise

    def _failed(self, goal: str, node: IronicNode) -> conductor_errors.Fault:
        if node.is_gone:
            return errors.fault(
                errors.NODE_GONE,
                f"Ironic could not {goal}: the node does not exist in Ironic any more. Another "
                "client deleted it.",
            )
        return errors.fault(
            errors.IRONIC_FAILED,
            f"Ironic could not {goal}: its provision state is {node.provision_state!r}.",
            node.last_error or self.recorded_error(node.uuid),
        )

    def recorded_error(self, uuid: str) -> str | None:
        """Return the newest error in Ironic's history of a node; last_error is not always set."""
        try:
            history = self._call(lambda client: client.node.get_history_list(uuid, detail=True))
        except (conductor_errors.Fault, ironic_exc.NotFound) as exc:
            LOG.debug("Could not read the history of node %s: %s", uuid, exc)
            return None
        events = [event for event in history if event.get("severity") == "ERROR"]
        newest = max(events, key=lambda event: event.get("created_at") or "", default=None)
        return newest and newest.get("event")

    def _call(self, request: Callable[[Any], T]) -> T:
        interrupt.checkpoint()
        with _converted_errors():
            return request(self._client())

    def _client(self) -> Any:
        with self._lock:
            if self._cached_client is None:
                self._cached_client = self._connect()
            return self._cached_client


def _node(node: Any) -> IronicNode:
    fields: dict[str, Any] = {name: getattr(node, name, None) for name in _FIELDS}
    return IronicNode(**fields)


def _ignoring_gone(
    send: Callable[[IronicNode, str], None],
) -> Callable[[IronicNode, str], None]:
    """Ignore that a node is gone by now: the next read shows it."""

    def send_unless_gone(node: IronicNode, verb: str) -> None:
        with contextlib.suppress(ironic_exc.NotFound):
            send(node, verb)

    return send_unless_gone


@contextlib.contextmanager
def _converted_errors() -> Iterator[None]:
    """Convert the client's errors to faults; a 404 passes unchanged."""
    try:
        yield
    except ironic_exc.NotFound:
        raise
    except ironic_exc.Conflict as exc:
        raise Busy(*_arguments(errors.IRONIC_REFUSED, _REFUSED, exc)) from exc
    except (ironic_exc.HttpServerError, ironic_exc.ConnectionError) as exc:
        raise Unavailable(*_arguments(errors.IRONIC_UNAVAILABLE, _UNAVAILABLE, exc)) from exc
    except (ironic_exc.Unauthorized, ironic_exc.Forbidden, ksa_exceptions.Unauthorized) as exc:
        sentence = "Ironic rejected the credentials; check the credentials in group [ironic]:"
        raise errors.fault(errors.IRONIC_REFUSED, sentence, _message(exc)) from exc
    except (ksa_exceptions.ConnectionError, ksa_exceptions.HttpError, OSError) as exc:
        raise Unavailable(*_arguments(errors.IRONIC_UNAVAILABLE, _UNAVAILABLE, exc)) from exc
    except (errors.InvalidRequest, ironic_exc.ClientException) as exc:
        raise errors.fault(errors.IRONIC_REFUSED, _REFUSED, _message(exc)) from exc
    except ksa_exceptions.ClientException as exc:
        sentence = "Ironic cannot be reached; check group [ironic]:"
        raise errors.fault(errors.IRONIC_UNAVAILABLE, sentence, _message(exc)) from exc


_REFUSED = "Ironic refused the request:"
_UNAVAILABLE = "Ironic does not respond; check that it is running, and group [ironic]:"


def _arguments(code: str, sentence: str, exc: Exception) -> tuple[str, dict[str, Any]]:
    fault = errors.fault(code, sentence, _message(exc))
    return fault.reason, fault.details


def _message(exc: Exception) -> str:
    """Return Ironic's own message, without what the client appends to it."""
    return re.sub(r"(\s*\((HTTP \d+|Request-ID: [^)]*)\))+$", "", str(exc)).strip()
