# SPDX-License-Identifier: Apache-2.0

"""Nodes in Ironic: made available, deployed, undeployed, made ready to leave.

Each goal is a table over the provision states of Ironic's state machine
(https://docs.openstack.org/ironic/latest/user/states.html). ``gone`` stands for
a node that Ironic does not know. A node is read, and driven on from wherever it
is: nothing is remembered between two processes.
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
from valence_integration.peers import converge
from valence_integration.peers.converge import Ask
from valence_integration.peers.converge import DONE
from valence_integration.peers.converge import WAIT

LOG = logging.getLogger(__name__)

T = TypeVar("T")

GONE = "gone"

#: States that a node leaves on its own.
_PASSING: converge.Moves = {
    "verifying": WAIT,
    "inspecting": WAIT,
    "inspect wait": WAIT,
    "cleaning": WAIT,
    "clean wait": WAIT,
}

AVAILABLE: converge.Moves = {
    **_PASSING,
    "enroll": Ask("manage"),
    "inspect failed": Ask("manage"),
    "manageable": Ask("provide"),
    "available": DONE,
}
ACTIVE: converge.Moves = {
    **AVAILABLE,
    "available": Ask("active"),
    "deploying": WAIT,
    "wait call-back": WAIT,
    "active": DONE,
}
#: Undeployed, or never deployed. A node whose cleaning failed is not in the table:
#: its disks may hold what their user left, so that a person must look at it.
UNDEPLOYED: converge.Moves = {
    **_PASSING,
    "deploying": WAIT,
    "deleting": WAIT,
    "adopting": WAIT,
    "rescuing": WAIT,
    "unrescuing": WAIT,
    "servicing": WAIT,
    "deploy hold": Ask("abort"),
    "service hold": Ask("abort"),
    "active": Ask("deleted"),
    "deploy failed": Ask("deleted"),
    "wait call-back": Ask("deleted"),
    "error": Ask("deleted"),
    "rescue": Ask("deleted"),
    "rescue wait": Ask("deleted"),
    "rescue failed": Ask("deleted"),
    "unrescue failed": Ask("deleted"),
    "service wait": Ask("deleted"),
    "service failed": Ask("deleted"),
    "enroll": DONE,
    "manageable": DONE,
    "available": DONE,
    "adopt failed": DONE,
    "inspect failed": DONE,
    GONE: DONE,
}
#: In a state in which Ironic lets go of a node, and in which nobody is given it.
REMOVABLE: converge.Moves = {
    **_PASSING,
    "deleting": WAIT,
    "adopting": WAIT,
    "available": Ask("manage"),
    "inspect failed": Ask("manage"),
    "clean failed": Ask("manage"),
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
    """A node as Ironic has it; ``provision_state`` is ``gone`` when it has none."""

    uuid: str
    provision_state: str = GONE
    power_state: str | None = None
    last_error: str | None = None
    reservation: str | None = None
    instance_uuid: str | None = None
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_gone(self) -> bool:
        """Tell whether Ironic does not know the node."""
        return self.provision_state == GONE

    @property
    def settled(self) -> str | None:
        """The state, or None while Ironic is at work on the node."""
        return None if self.reservation else self.provision_state


class IronicNodes:
    """Drives nodes through a client of Ironic that retries nothing itself.

    :param connect: makes the client; called when it is first needed.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._made: Any = None
        self._lock = threading.Lock()

    def find(self, uuid: str) -> IronicNode:
        """Read a node, which may be gone.

        :raises Silent: Ironic did not answer.
        """
        try:
            node = self._call(lambda client: client.node.get(uuid, fields=list(_FIELDS)))
        except ironic_exc.NotFound:
            return IronicNode(uuid)
        return _seen(node)

    def marked(self, key: str) -> list[IronicNode]:
        """Read the nodes whose ``extra`` has this key: one listing.

        :raises Fault: Ironic did not answer, or refused.
        """
        found = self._call(lambda client: client.node.list(limit=0, fields=list(_FIELDS)))
        return [seen for seen in map(_seen, found) if key in (seen.extra or {})]

    def look(self, uuid: str, pace: converge.Pace) -> IronicNode:
        """Read a node, which may be gone, and wait for Ironic to answer."""
        return converge.Pursuit(
            f"Ironic to answer for node {uuid}",
            read=lambda: self.find(uuid),
            state=lambda _node: "seen",
            moves={"seen": DONE},
            ask=self._set_state,
            failed=lambda node: self._failed("read", node),
        ).run(pace)

    def claim(self, uuid: str, instance_uuid: str, pace: converge.Pace) -> None:
        """Give the node to an instance, so that nobody else is given it.

        :raises Fault: it belongs to another instance, or is gone.
        """
        self._own(uuid, instance_uuid, pace)

    def disown(self, uuid: str, instance_uuid: str, pace: converge.Pace) -> None:
        """Take the node from the instance: Ironic lets go of no node that has one.

        :raises Fault: it belongs to another instance.
        """
        self._own(uuid, None, pace, before=instance_uuid)

    def make_available(self, uuid: str, pace: converge.Pace) -> IronicNode:
        """Take a node from ``enroll``, or wherever it is, to ``available``."""
        return self._drive("make available", uuid, AVAILABLE, pace)

    def deploy(self, uuid: str, wishes: Mapping[str, Any], pace: converge.Pace) -> IronicNode:
        """Take a node from ``available``, or wherever it is, to ``active``.

        :param wishes: ``instance_info``, and at will ``deploy_interface``,
            ``boot_interface`` and ``configdrive`` (a dictionary, a URL, or a
            gzipped ISO in base64).
        """
        patch = [
            {"op": "replace", "path": f"/{field}", "value": wishes[field]}
            for field in ("deploy_interface", "boot_interface", "instance_info")
            if wishes.get(field)
        ]
        drive = wishes.get("configdrive")

        def ask(node: IronicNode, verb: str) -> None:
            if verb != "active":
                self._set_state(node, verb)
                return
            if patch:
                self._call(lambda client: client.node.update(uuid, patch))
            # The client takes text for the name of a file, and passes bytes on.
            given = drive.encode() if isinstance(drive, str) else drive
            self._set_state(node, verb, configdrive=given)

        return self._drive("deploy", uuid, ACTIVE, pace, ask)

    def undeploy(self, uuid: str, pace: converge.Pace) -> IronicNode:
        """Take back what was deployed, from any state in which Ironic does that."""
        return self._drive("undeploy", uuid, UNDEPLOYED, pace)

    def make_removable(self, uuid: str, pace: converge.Pace) -> IronicNode:
        """Take a node to where Ironic lets go of it, and gives it to nobody.

        Never by way of maintenance: Ironic would forget a machine that runs.
        """
        return self._drive("let go of", uuid, REMOVABLE, pace)

    def delete(self, uuid: str) -> None:
        """Have Ironic forget a node; one that it does not know is a success."""
        with contextlib.suppress(ironic_exc.NotFound):
            self._call(lambda client: client.node.delete(uuid))

    def _own(
        self, uuid: str, owner: str | None, pace: converge.Pace, before: str | None = None
    ) -> None:
        """Set or clear the instance of a node; the states are: whose it is now."""
        states: converge.Moves = {"ours": DONE, "free": Ask("claim")}
        if owner is None:
            states = {"ours": Ask("disown"), "free": DONE, GONE: DONE}

        def state(node: IronicNode) -> str:
            holders = {None: "free", owner or before: "ours"}
            return GONE if node.is_gone else holders.get(node.instance_uuid, "another's")

        def ask(_node: IronicNode, _verb: str) -> None:
            change = {"op": "add", "path": "/instance_uuid", "value": owner}
            if owner is None:
                change = {"op": "remove", "path": "/instance_uuid"}
            self._call(lambda client: client.node.update(uuid, [change]))

        converge.Pursuit(
            f"Ironic to note the instance of node {uuid}",
            read=lambda: self.find(uuid),
            state=state,
            moves=states,
            ask=_tolerant(ask),
            failed=lambda node: errors.fault(
                errors.NODE_GONE if node.is_gone else errors.NODE_DIFFERS,
                f"Node {uuid} is {node.provision_state} in Ironic and belongs to instance "
                f"{node.instance_uuid}; it is not touched.",
            ),
        ).run(pace)

    def _drive(
        self,
        goal: str,
        uuid: str,
        moves: converge.Moves,
        pace: converge.Pace,
        ask: Callable[[IronicNode, str], None] | None = None,
    ) -> IronicNode:
        return converge.Pursuit(
            f"Ironic to {goal} node {uuid}",
            read=lambda: self.find(uuid),
            state=lambda node: node.settled,
            moves=moves,
            ask=_tolerant(ask or self._set_state),
            failed=lambda node: self._failed(goal, node),
        ).run(pace)

    def _set_state(self, node: IronicNode, verb: str, configdrive: Any = None) -> None:
        try:
            self._call(
                lambda client: client.node.set_provision_state(
                    node.uuid, verb, configdrive=configdrive
                )
            )
        except conductor_errors.Fault as exc:
            # Ironic moves nodes on its own: what was refused in one state may be
            # right in the next.
            refused = exc.details.get("code") == errors.IRONIC_REFUSED
            if not refused or self.find(node.uuid).provision_state == node.provision_state:
                raise

    def _failed(self, goal: str, node: IronicNode) -> conductor_errors.Fault:
        if node.is_gone:
            return errors.fault(
                errors.NODE_GONE,
                f"Ironic could not {goal} node {node.uuid}: it does not know it any more. "
                "Somebody deleted it.",
            )
        return errors.fault(
            errors.IRONIC_FAILED,
            f"Ironic could not {goal} node {node.uuid}: it is in {node.provision_state!r}.",
            node.last_error or self.recorded_error(node.uuid),
        )

    def recorded_error(self, uuid: str) -> str | None:
        """Read the newest error that Ironic recorded; last_error is not always set."""
        try:
            events = self._call(lambda client: client.node.get_history_list(uuid, detail=True))
        except (conductor_errors.Fault, ironic_exc.NotFound) as exc:
            LOG.debug("No history of node %s: %s", uuid, exc)
            return None
        told = [event for event in events if event.get("severity") == "ERROR"]
        newest = max(told, key=lambda event: event.get("created_at") or "", default=None)
        return newest and newest.get("event")

    def _call(self, act: Callable[[Any], T]) -> T:
        interrupt.checkpoint()
        with _converted():
            return act(self._client())

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._connect()
            return self._made


def _seen(node: Any) -> IronicNode:
    seen: dict[str, Any] = {name: getattr(node, name, None) for name in _FIELDS}
    return IronicNode(**seen)


def _tolerant(ask: Callable[[IronicNode, str], None]) -> Callable[[IronicNode, str], None]:
    """Leave a node that is gone by now to the next look."""

    def asked(node: IronicNode, verb: str) -> None:
        with contextlib.suppress(ironic_exc.NotFound):
            ask(node, verb)

    return asked


@contextlib.contextmanager
def _converted() -> Iterator[None]:
    """Turn the client's errors into faults; a 404 goes through."""
    try:
        yield
    except ironic_exc.NotFound:
        raise
    except ironic_exc.Conflict as exc:
        raise converge.Busy(*_told(errors.IRONIC_REFUSED, "Ironic refused:", exc)) from exc
    except (ironic_exc.HttpServerError, ironic_exc.ConnectionError) as exc:
        raise converge.Silent(*_told(errors.IRONIC_UNAVAILABLE, _SILENT, exc)) from exc
    except (ironic_exc.Unauthorized, ironic_exc.Forbidden, ksa_exceptions.Unauthorized) as exc:
        sentence = "Ironic does not let us in; check the credentials in group [ironic]:"
        raise errors.fault(errors.IRONIC_REFUSED, sentence, _words(exc)) from exc
    except (ksa_exceptions.ConnectionError, ksa_exceptions.HttpError, OSError) as exc:
        raise converge.Silent(*_told(errors.IRONIC_UNAVAILABLE, _SILENT, exc)) from exc
    except (errors.InvalidRequest, ironic_exc.ClientException) as exc:
        raise errors.fault(errors.IRONIC_REFUSED, "Ironic refused:", _words(exc)) from exc
    except ksa_exceptions.ClientException as exc:
        sentence = "Ironic cannot be reached; check group [ironic]:"
        raise errors.fault(errors.IRONIC_UNAVAILABLE, sentence, _words(exc)) from exc


_SILENT = "Ironic does not answer; check that it runs and what [ironic] says:"


def _told(code: str, sentence: str, exc: Exception) -> tuple[str, dict[str, Any]]:
    made = errors.fault(code, sentence, _words(exc))
    return made.reason, made.details


def _words(exc: Exception) -> str:
    """Give Ironic's own sentence, without what the client appends to it."""
    return re.sub(r"(\s*\((HTTP \d+|Request-ID: [^)]*)\))+$", "", str(exc)).strip()
