# SPDX-License-Identifier: Apache-2.0

"""Nodes in Ironic: make them available, deploy, undeploy, make them removable.

A node is read and driven on from its present state, by the tables of
:mod:`valence_integration.peers.provision_states`: nothing is remembered between two
processes. Every read before a change verifies that it is the node of the instance.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import threading
from typing import Any
from typing import TypeVar

from oslo_log import log as logging

from valence_conductor import errors as conductor_errors
from valence_conductor import interrupt
from valence_conductor import responses
from valence_integration import errors
from valence_integration.peers import ironic_faults
from valence_integration.peers import provision_states
from valence_integration.peers.converge import Actions
from valence_integration.peers.converge import Convergence
from valence_integration.peers.converge import DONE
from valence_integration.peers.converge import Request
from valence_integration.peers.converge import WaitPolicy
from valence_integration.peers.identity import Identity
from valence_integration.peers.provision_states import GONE

LOG = logging.getLogger(__name__)

T = TypeVar("T")

_FIELDS = (
    "uuid",
    "provision_state",
    "power_state",
    "last_error",
    "reservation",
    "instance_uuid",
    "extra",
    "driver_info",
)

#: Raises a fault unless it is certain which machine Ironic drives through a node.
MachineCheck = Callable[["IronicNode"], None]


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
    driver_info: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)

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

        :raises Unavailable: Ironic did not respond, or something else did.
        """
        try:
            node = self._call(lambda client: client.node.get(uuid, fields=list(_FIELDS)))
        except responses.ErrorResponse as exc:
            if exc.is_missing(uuid):
                return IronicNode(uuid)
            raise ironic_faults.foreign(exc.message) from exc
        if getattr(node, "uuid", None) != uuid:
            raise ironic_faults.foreign("It is not the requested node.")
        return _node(node)

    def marked(self, *keys: str) -> list[IronicNode]:
        """Return the nodes whose ``extra`` has one of these keys, from one listing.

        :raises Fault: Ironic did not respond, or refused.
        """
        nodes = self._list(_FIELDS)
        return [node for node in map(_node, nodes) if any(key in node.extra for key in keys)]

    def wait_for_answer(self, uuid: str, policy: WaitPolicy) -> IronicNode:
        """Return a node, which may be gone; wait until Ironic responds."""
        return self._wait_for(f"return node {uuid}", lambda: self.find(uuid), policy)

    def uuids(self, policy: WaitPolicy) -> set[str]:
        """Return the uuids of all nodes, from one complete listing; wait until Ironic responds."""

        def read() -> set[str]:
            return {str(node.uuid) for node in self._list(("uuid",))}

        return self._wait_for("list its nodes", read, policy)

    def claim(self, identity: Identity, policy: WaitPolicy) -> None:
        """Assign the node to its instance, so that no other service can claim it.

        :raises Fault: it is the node of another instance, or is gone.
        """
        self._assign(identity, {"own": DONE, "free": Request("claim")}, policy)

    def disown(self, identity: Identity, policy: WaitPolicy) -> None:
        """Remove the node from its instance: Ironic deletes no node that has one.

        :raises Fault: it is the node of another instance.
        """
        self._assign(identity, {"own": Request("disown"), "free": DONE, GONE: DONE}, policy)

    def make_available(
        self, identity: Identity, policy: WaitPolicy, check: MachineCheck
    ) -> IronicNode:
        """Drive a node from ``enroll``, or from its present state, to ``available``."""
        return self._drive(
            f"make node {identity.uuid} available",
            identity,
            provision_states.AVAILABLE,
            policy,
            check,
        )

    def deploy(
        self,
        identity: Identity,
        deploy: Mapping[str, Any],
        policy: WaitPolicy,
        check: MachineCheck,
    ) -> IronicNode:
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
                self._call(lambda client: client.node.update(node.uuid, patch))
            # The client reads text as the name of a file, and sends bytes unchanged.
            content = drive.encode() if isinstance(drive, str) else drive
            self._set_state(node, verb, configdrive=content)

        return self._drive(
            f"deploy node {identity.uuid}", identity, provision_states.ACTIVE, policy, check, send
        )

    def undeploy(self, identity: Identity, policy: WaitPolicy, check: MachineCheck) -> IronicNode:
        """Undeploy a node from any state in which Ironic does that."""
        return self._drive(
            f"undeploy node {identity.uuid}", identity, provision_states.UNDEPLOYED, policy, check
        )

    def make_removable(self, identity: Identity, policy: WaitPolicy) -> IronicNode:
        """Drive a node to a state in which Ironic deletes it, and assigns it to no instance.

        Never by way of maintenance: Ironic would then delete a node that is running. None of
        the requests reaches the machine.
        """
        return self._drive(
            f"make node {identity.uuid} removable", identity, provision_states.REMOVABLE, policy
        )

    def delete(self, identity: Identity, policy: WaitPolicy) -> None:
        """Delete a node in Ironic, and wait until Ironic does not have it any more."""

        def state(node: IronicNode) -> str | None:
            return "present" if node.settled not in (None, GONE) else node.settled

        def send(node: IronicNode, _verb: str) -> None:
            self._call(lambda client: client.node.delete(node.uuid))

        Convergence(
            f"Ironic to delete node {identity.uuid}",
            read=lambda: self._identified(identity),
            state=state,
            actions={"present": Request("delete"), GONE: DONE},
            send=_ignoring_gone(send),
            failed=still_owned,
        ).run(policy)

    def _identified(self, identity: Identity) -> IronicNode:
        """Return the node, which may be gone.

        :raises Fault: Ironic has another node under its uuid.
        """
        node = self.find(identity.uuid)
        if not node.is_gone:
            identity.verify(node)
        return node

    def _assign(self, identity: Identity, actions: Actions, policy: WaitPolicy) -> None:
        """Set or remove the instance of a node."""

        def state(node: IronicNode) -> str:
            return GONE if node.is_gone else "own" if node.instance_uuid else "free"

        def send(node: IronicNode, verb: str) -> None:
            change = {"op": "add", "path": "/instance_uuid", "value": identity.instance_uuid}
            if verb == "disown":
                change = {"op": "remove", "path": "/instance_uuid"}
            self._call(lambda client: client.node.update(node.uuid, [change]))

        goal = f"change the instance of node {identity.uuid}"
        Convergence(
            f"Ironic to {goal}",
            read=lambda: self._identified(identity),
            state=state,
            actions=actions,
            send=_ignoring_gone(send),
            failed=lambda node: self._failed(goal, node),
        ).run(policy)

    def _drive(
        self,
        goal: str,
        identity: Identity,
        actions: Actions,
        policy: WaitPolicy,
        check: MachineCheck | None = None,
        send: Callable[[IronicNode, str], None] | None = None,
    ) -> IronicNode:
        """Drive a node to a goal.

        :param check: called before each request that reaches the machine.
        """

        def send_if_certain(node: IronicNode, verb: str) -> None:
            if check is not None:
                check(node)
            (send or self._set_state)(node, verb)

        return Convergence(
            f"Ironic to {goal}",
            read=lambda: self._identified(identity),
            state=lambda node: node.settled,
            actions=actions,
            send=_ignoring_gone(send_if_certain),
            failed=lambda node: self._failed(goal, node),
        ).run(policy)

    def _wait_for(self, what: str, read: Callable[[], T], policy: WaitPolicy) -> T:
        """Return what Ironic responds; wait until it does."""
        return Convergence(
            f"Ironic to {what}",
            read=read,
            state=lambda _result: "read",
            actions={"read": DONE},
            send=lambda _result, _verb: None,
            failed=lambda _result: errors.fault(errors.IRONIC_FAILED, f"Ironic did not {what}."),
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
        state = node.provision_state
        sentence = f"Ironic could not {goal}: its provision state is {state!r}."
        advice = provision_states.advice(state, node.uuid)
        reason = node.last_error or self.recorded_error(node.uuid)
        return errors.fault(errors.IRONIC_FAILED, f"{sentence} {advice}".strip(), reason)

    def recorded_error(self, uuid: str) -> str | None:
        """Return the newest error in Ironic's history of a node; last_error is not always set."""
        try:
            history = self._call(lambda client: client.node.get_history_list(uuid, detail=True))
        except (conductor_errors.Fault, responses.ErrorResponse) as exc:
            LOG.debug("Could not read the history of node %s: %s", uuid, exc)
            return None
        events = [event for event in history if event.get("severity") == "ERROR"]
        newest = max(events, key=lambda event: event.get("created_at") or "", default=None)
        return newest and newest.get("event")

    def _list(self, fields: Sequence[str]) -> list[Any]:
        """Return these fields of all nodes: every page, or a fault."""
        try:
            nodes: list[Any] = self._call(
                lambda client: client.node.list(limit=0, fields=list(fields))
            )
        except responses.ErrorResponse as exc:
            raise ironic_faults.foreign(exc.message) from exc
        return nodes

    def _call(self, request: Callable[[Any], T]) -> T:
        interrupt.checkpoint()
        with ironic_faults.converted_errors():
            return request(self._client())

    def _client(self) -> Any:
        with self._lock:
            if self._cached_client is None:
                self._cached_client = self._connect()
            return self._cached_client


def still_owned(node: IronicNode) -> conductor_errors.Fault:
    """Return the fault of a node that Ironic still has, so that nothing may be released."""
    return errors.fault(
        errors.STILL_OWNED,
        f"Ironic still has node {node.uuid} ({node.provision_state}), so that its hardware "
        "was not released. Undeploy and delete it in Ironic, then destroy the instance.",
    )


def _node(node: Any) -> IronicNode:
    fields: dict[str, Any] = {name: getattr(node, name, None) for name in _FIELDS}
    for name in ("extra", "driver_info"):
        fields[name] = fields[name] if isinstance(fields[name], Mapping) else {}
    return IronicNode(**fields)


def _ignoring_gone(
    send: Callable[[IronicNode, str], None],
) -> Callable[[IronicNode, str], None]:
    """Ignore that a node is gone by now: the next read shows it."""

    def send_unless_gone(node: IronicNode, verb: str) -> None:
        with contextlib.suppress(responses.ErrorResponse):  # only Ironic's own 404 gets here
            send(node, verb)

    return send_unless_gone
