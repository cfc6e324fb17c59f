# SPDX-License-Identifier: Apache-2.0
# Longer than 400 lines: one class, the operations on a node of Ironic in their order.

"""Registers composed nodes in Ironic, and deletes them there.

Every call can be repeated after a crash: the caller chooses the ids of nodes and ports, and
an existing node is completed if its ``extra.valence_node`` names the composed node. Nothing
here changes provision states, and only an eviction uses force.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import time
from typing import Any

from oslo_config import cfg
from oslo_log import log
from requests import adapters

from valence import errors
from valence import ownership
from valence.ironic import connection
from valence.ironic import driver_info as access
from valence.ironic import identity
from valence.ironic import states
from valence_conductor import interrupt

LOG = log.getLogger(__name__)


class Ironic:
    """The Ironic of the configuration.

    Safe to use from many threads. The client is made at the first call.

    Every method may raise :class:`~valence.errors.IronicNotConfigured` and
    :class:`~valence.errors.IronicUnavailable`.

    :param transport: replaces the network in tests.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, transport: adapters.BaseAdapter | None = None
    ) -> None:
        self._conf = conf
        self._connection = connection.Connection(conf, transport)
        self._call = self._connection.call
        self._change = self._connection.change

    def create_node(
        self,
        *,
        uuid: str,
        name: str | None,
        driver_info: Mapping[str, Any],
        valence_node: str,
        installation: str,
        macs: Iterable[str],
        resource_class: str | None = None,
        traits: Iterable[str] = (),
        properties: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        conductor_group: str | None = None,
        owner: str | None = None,
        instance_uuid: str | None = None,
    ) -> frozenset[str]:
        """Create a node with its ports, or complete an existing one.

        A node that Ironic has locked is waited for within ``[ironic] lock_timeout``.

        :param uuid: of the node, chosen by the caller.
        :param valence_node: uuid of the composed node, stored in ``extra``.
        :param installation: uuid of this installation, stored there too.
        :param macs: each gets a port, unless another node of Ironic has it.
        :returns: the MACs that have no port, because other nodes of Ironic have them.
        :raises IronicRefused: another node has the uuid, the name or every MAC, or is the
            same machine, or Ironic does not accept a value; ``reason`` is its message.
        """
        expected = identity.Identity(uuid, valence_node, installation)
        deadline = self._lock_deadline()
        node, macs_with_port = self._create(
            expected,
            extra={**(extra or {}), **expected.extra},
            name=name,
            driver="redfish",
            driver_info=dict(driver_info),
            resource_class=resource_class,
            properties=dict(properties) if properties else None,
            conductor_group=conductor_group,
        )
        # An Ironic without Keystone accepts these two only in an update.
        values: dict[str, Any] = {"owner": owner, "instance_uuid": instance_uuid}
        present = getattr(node, "driver_info", None)
        if present and not identity.is_same_system(present, driver_info):
            values["driver_info"] = dict(driver_info)  # the machine has another path by now
        self._update(node, values, deadline)
        if traits:
            names = sorted(traits)
            self._change(
                f"set the traits of node {uuid}",
                lambda c: c.node.set_traits(uuid, names),
                deadline,
            )
        missing = dict.fromkeys(mac.lower() for mac in macs)
        for mac in macs_with_port:
            missing.pop(mac, None)
        conflicts = self._create_ports(uuid, missing, deadline)
        self._refuse_same_machine(conflicts.values(), driver_info)
        if conflicts and len(conflicts) == len(missing) and not macs_with_port:
            raise next(iter(conflicts.values()))
        for mac, refusal in conflicts.items():
            LOG.warning(
                "Ironic node %s has no port with the MAC %s: Ironic node %s has it",
                uuid,
                mac,
                refusal.details["ironic_node"],
            )
        return frozenset(conflicts)

    def set_driver_info(
        self,
        *,
        uuid: str,
        valence_node: str,
        installation: str,
        driver_info: Mapping[str, Any],
        renew: bool,
    ) -> bool:
        """Correct how Ironic reaches the machine of a node; one attempt.

        Other fields of ``driver_info`` stay. Ironic itself refuses a change in the middle of a
        transition.

        :param renew: whether to set a secret that Ironic does not show in any case.
        :returns: whether it is correct now; False: Ironic is busy with the node.
        :raises IronicRefused: the node stands for another composed node, or does not exist.
        """
        node = self._call(f"read node {uuid}", lambda c: c.node.get(uuid))
        identity.Identity(uuid, valence_node, installation).verify(node)
        patch = access.changes(node.driver_info, driver_info, renew=renew)
        if patch and node.reservation:
            return False
        try:
            if patch:
                what = f"set driver_info of node {uuid}"
                self._call(what, lambda c: c.node.update(uuid, patch))
                LOG.warning("Corrected how Ironic reaches its node %s", uuid)
        except errors.IronicRefused as exc:
            if not connection.is_locked(exc):
                raise
            LOG.info("Ironic node %s cannot be corrected yet: %s", uuid, exc.own_words)
            return False
        return True

    def delete_node(self, uuid: str, valence_node: str, installation: str | None = None) -> None:
        """Delete a node, and wait until Ironic answers 404; a missing node is fine.

        Waits, within ``[ironic] lock_timeout``, for a node that is locked or in a
        provision state that ends by itself.

        :param valence_node: uuid of the composed node that it must stand for.
        :param installation: uuid of the installation that must have registered it.
        :raises IronicRefused: the node is deployed or protected, or stands for another
            composed node.
        """
        self._delete(identity.Identity(uuid, valence_node, installation), self._try_delete)

    def evict_node(self, uuid: str, valence_node: str, installation: str | None = None) -> None:
        """Delete a node whose hardware is gone, in any provision state, and wait for 404.

        In maintenance Ironic sends no request to the hardware. The instance is removed
        from the node first.

        :raises IronicRefused: the node stands for another composed node, or was locked for
            too long.
        """
        self._delete(identity.Identity(uuid, valence_node, installation), self._evict)

    def _delete(self, expected: identity.Identity, attempt: Callable[[Any], str | None]) -> None:
        uuid, deadline = expected.uuid, self._lock_deadline()
        while (node := self._read(uuid)) is not None:
            expected.verify(node)
            obstacle = attempt(node)
            if obstacle is None and self._read(uuid) is None:
                break
            if time.monotonic() >= deadline:
                obstacle = obstacle or "Ironic has accepted its deletion, but still has it"
                raise errors.IronicRefused(
                    f"Ironic node {uuid} cannot be deleted now: {obstacle}. "
                    "Try again when Ironic has finished with it.",
                    reason=obstacle,
                    ironic_node=uuid,
                )
            interrupt.pause(connection.PAUSE)

    def list_marked(self) -> list[Any]:
        """List the nodes that name a composed node: one request."""
        own = ["uuid", "provision_state", "reservation", "instance_uuid"]
        fields = [*own, "extra", "driver_info"]
        nodes = self._call("list nodes", lambda c: c.node.list(limit=0, fields=fields))
        return [node for node in nodes if ownership.NODE_KEY in (node.extra or {})]

    def delete_unused(self, uuid: str, valence_node: str, installation: str | None = None) -> None:
        """Delete an unused node, and verify that it is gone, without waiting.

        Ironic itself refuses to delete one that was allocated to an instance meanwhile.

        :raises IronicRefused: it is in use, or stands for another composed node.
        """
        node = self._read(uuid)
        if node is None:
            return
        identity.Identity(uuid, valence_node, installation).verify(node)
        if node.provision_state not in states.UNUSED or node.reservation or node.instance_uuid:
            raise errors.IronicRefused(
                f"Ironic node {uuid} ({node.provision_state}) is in use. It was not changed.",
                ironic_node=uuid,
            )
        self._call(f"delete node {uuid}", lambda c: c.node.delete(uuid))
        if self._read(uuid) is not None:
            raise errors.IronicRefused(
                f"Ironic has accepted the deletion of node {uuid}, but still has it.",
                ironic_node=uuid,
            )
        LOG.info("Deleted unused Ironic node %s", uuid)

    def ping(self) -> None:
        """Send a request that needs credentials, to check that Ironic answers."""
        self._call("list nodes", lambda c: c.node.list(limit=1, fields=["uuid"]))

    def _create(self, expected: identity.Identity, **values: Any) -> tuple[Any, set[str]]:
        """Create a node, or find the one of this identity; return it, and its MACs."""
        uuid = expected.uuid
        fields = {key: value for key, value in values.items() if value is not None}
        try:
            node = self._call(f"create node {uuid}", lambda c: c.node.create(uuid=uuid, **fields))
        except errors.IronicRefused as exc:
            if not connection.is_conflict(exc):
                raise
            node = self._read(uuid)
            if node is None:  # another node has the name
                raise
            expected.verify(node)
            LOG.info("Completing existing Ironic node %s for node %s", uuid, expected.valence_node)
            return node, self._macs_of(uuid)
        LOG.info("Created Ironic node %s for node %s", uuid, expected.valence_node)
        return node, set()

    def _update(self, node: Any, values: Mapping[str, Any], deadline: float) -> None:
        """Set the fields of a node that have a value here and another one in Ironic."""
        patch = [
            {"op": "add", "path": f"/{field}", "value": value}
            for field, value in values.items()
            if value is not None and getattr(node, field, None) != value
        ]
        if patch:
            fields = " and ".join(change["path"].lstrip("/") for change in patch)
            self._change(
                f"set {fields} of node {node.uuid}",
                lambda c: c.node.update(node.uuid, patch),
                deadline,
            )

    def _create_ports(
        self, uuid: str, macs: Iterable[str], deadline: float
    ) -> dict[str, errors.IronicRefused]:
        """Create ports; return the refusal of each MAC that another node has."""
        refusals = ((mac, self._create_port(uuid, mac, deadline)) for mac in macs)
        return {mac: refusal for mac, refusal in refusals if refusal is not None}

    def _macs_of(self, uuid: str) -> set[str]:
        ports = self._call(
            f"list the ports of node {uuid}",
            lambda c: c.port.list(node=uuid, limit=0, fields=["uuid", "address"]),
        )
        return {str(port.address).lower() for port in ports}

    def _create_port(self, uuid: str, mac: str, deadline: float) -> errors.IronicRefused | None:
        """Create a port, or find it; return a refusal if another node has its MAC."""
        for is_last in (False, True):
            try:
                self._change(
                    f"create port {mac}",
                    lambda c: c.port.create(node_uuid=uuid, address=mac),
                    deadline,
                )
            except errors.IronicRefused as exc:
                if not connection.is_conflict(exc):
                    raise
                owner = self._node_of_port(mac)
                # Without an owner, the port was deleted meanwhile.
                if owner is None and is_last:
                    raise
                if owner not in (None, uuid):
                    return errors.IronicRefused(
                        f"Ironic already has a port with the MAC {mac}, on its node {owner}. "
                        "If that node is unused, delete it, and register again.",
                        reason=exc.own_words,
                        shown=f"Another node of Ironic has a port with the MAC {mac} already. "
                        "Ask an administrator to delete it if it is unused, and register again.",
                        ironic_node=owner,
                        mac=mac,
                    )
                if owner is None:
                    continue
            break
        return None

    def _refuse_same_machine(
        self, conflicts: Iterable[errors.IronicRefused], driver_info: Mapping[str, Any]
    ) -> None:
        """Raise if a node that has one of the MACs is the same machine, not a like one."""
        by_owner = {refusal.details["ironic_node"]: refusal for refusal in conflicts}
        for owner, refusal in by_owner.items():
            node = self._read(owner)
            if node is not None and identity.is_same_system(
                getattr(node, "driver_info", None), driver_info
            ):
                raise errors.IronicRefused(
                    f"Ironic has this machine already, as its node {owner}: a MAC and the "
                    "system in driver_info are the same. Delete that node if it is unused, and "
                    "register again.",
                    reason=refusal.own_words,
                    shown="Ironic has this machine already, as another node. Ask an "
                    "administrator to delete that one if it is unused, and register again.",
                    ironic_node=owner,
                    mac=refusal.details["mac"],
                )

    def _node_of_port(self, mac: str) -> str | None:
        ports = self._call(
            f"find port {mac}",
            lambda c: c.port.list(address=mac, fields=["uuid", "node_uuid"]),
        )
        return next((str(port.node_uuid) for port in ports), None)

    def _read(self, uuid: str) -> Any:
        """Return a node; None if Ironic itself answers that it has none with this uuid.

        :raises IronicUnavailable: something else answered: nothing can be concluded.
        """
        what = f"read node {uuid}"
        try:
            node = self._call(what, lambda c: c.node.get(uuid))
        except errors.IronicRefused as exc:
            if not connection.is_missing(exc):
                raise
            if uuid in (exc.own_words or ""):
                return None
            raise connection.unavailable(what, exc.own_words or "") from exc
        if str(getattr(node, "uuid", None)).lower() != uuid.lower():
            raise connection.unavailable(what, "The response is not the requested node.")
        return node

    def _try_delete(self, node: Any) -> str | None:
        """Delete a node, or return why it cannot be deleted yet."""
        state = node.provision_state
        if state in states.PASSING:
            return f"its provision state is {state!r}"
        if state not in states.DELETABLE:
            # Ironic would delete it in maintenance, and leave the machine running.
            raise errors.IronicRefused(
                f"Ironic node {node.uuid} is in provision state {state!r}. "
                f"{states.advice(state, node.uuid)}",
                reason=node.last_error,
                ironic_node=node.uuid,
                provision_state=state,
            )
        if node.reservation:
            return f"it is locked by Ironic's conductor {node.reservation}"
        return self._delete_after(node, self._release_instance)

    def _evict(self, node: Any) -> str | None:
        """Delete a node in maintenance, or return why it cannot be deleted yet."""

        def prepare(node: Any) -> None:
            reason = "Its hardware is gone from its pod manager."
            self._call(
                f"set node {node.uuid} into maintenance",
                lambda c: c.node.set_maintenance(node.uuid, "on", maint_reason=reason),
            )
            if node.instance_uuid:
                self._remove_instance(node)

        return self._delete_after(node, prepare)

    def _delete_after(self, node: Any, prepare: Callable[[Any], None]) -> str | None:
        try:
            prepare(node)
            self._call(f"delete node {node.uuid}", lambda c: c.node.delete(node.uuid))
        except errors.IronicRefused as exc:
            if connection.is_missing(exc):
                return None
            if connection.is_locked(exc):
                return exc.own_words
            raise
        LOG.info("Deleted Ironic node %s", node.uuid)
        return None

    def _release_instance(self, node: Any) -> None:
        """Remove the instance of a node that cannot be deployed: it was set on creation.

        An available node may be about to be deployed, and keeps its instance.
        """
        if node.instance_uuid and node.provision_state not in (None, "available"):
            self._remove_instance(node)

    def _remove_instance(self, node: Any) -> None:
        patch = [{"op": "remove", "path": "/instance_uuid"}]
        self._call(
            f"remove the instance of node {node.uuid}", lambda c: c.node.update(node.uuid, patch)
        )

    def _lock_deadline(self) -> float:
        return float(time.monotonic() + self._conf.ironic.lock_timeout)
