# SPDX-License-Identifier: Apache-2.0

"""Register composed nodes in Ironic, and take them out again.

Every call can be made again after a crash: a node and its ports are created
with ids that the caller chose, and what is there already is completed, if
``extra.valence_node`` says that it is ours. Nothing here drives provision
states, and nothing forces but an eviction: what Ironic refuses is refused.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import threading
import time
from typing import Any
from typing import NoReturn
from typing import TypeVar

from ironicclient import exc as ironic_errors
from keystoneauth1 import exceptions as keystone_errors
from oslo_config import cfg
from oslo_log import log
from requests import adapters

from valence import errors
from valence import ownership
from valence.conf import ironic as ironic_conf
from valence_conductor import interrupt

LOG = log.getLogger(__name__)

T = TypeVar("T")

#: Provision states in which Ironic deletes a node (its own table, and the
#: names a node bears before anybody has done anything with it).
DELETABLE = {"enroll", "manageable", "available", "adopt failed", None}

#: Of them, those of a node that nobody has begun to use.
UNUSED = frozenset({"enroll", "manageable", "available"})

#: Provision states that end by themselves.
PASSING = {"verifying", "inspecting", "inspect wait", "cleaning", "clean wait", "deleting"}

#: Seconds between two looks at a node that cannot be deleted yet.
PAUSE = 1.0

#: What the libraries raise; an unreadable cafile comes as an OSError.
FOREIGN = (ironic_errors.ClientException, keystone_errors.ClientException, OSError)


class Ironic:
    """Speak to the Ironic of the configuration.

    Safe to use from many threads. Nothing is opened before it is needed.

    Every method may raise :class:`~valence.errors.IronicNotConfigured` and
    :class:`~valence.errors.IronicUnavailable`.

    :param transport: stands in for the network; tests have one.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, transport: adapters.BaseAdapter | None = None
    ) -> None:
        self._conf = conf
        self._transport = transport
        self._lock = threading.Lock()
        self._opened: Any = None

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
    ) -> None:
        """Create a node with its ports, or complete the one that is there.

        :param uuid: of the node, chosen by the caller.
        :param valence_node: uuid of the composed node, kept in ``extra``.
        :param installation: which Valence it belongs to, kept there too.
        :param macs: each gets a port.
        :raises IronicRefused: the uuid, the name or a MAC is taken by another
            node, or Ironic does not accept a value; ``reason`` has its words.
        """
        node, macs_there = self._create(
            uuid=uuid,
            name=name,
            driver="redfish",
            driver_info=dict(driver_info),
            extra={
                **(extra or {}),
                ownership.NODE_KEY: valence_node,
                ownership.INSTALLATION_KEY: installation,
            },
            resource_class=resource_class,
            properties=dict(properties) if properties else None,
            conductor_group=conductor_group,
        )
        # An Ironic without Keystone takes these two afterwards only.
        self._update(node, {"owner": owner, "instance_uuid": instance_uuid})
        if traits:
            wanted = sorted(traits)
            self._call(f"set the traits of node {uuid}", lambda c: c.node.set_traits(uuid, wanted))
        for mac in dict.fromkeys(mac.lower() for mac in macs):
            if mac not in macs_there:
                self._create_port(uuid, mac)

    def delete_node(self, uuid: str, valence_node: str) -> None:
        """Delete a node and see Ironic answer 404; that it has none is fine.

        Waits, within ``[ironic] lock_timeout``, for a node that is locked or
        passing from one provision state to another.

        :param valence_node: uuid of the composed node that it must stand for.
        :raises IronicRefused: the node is deployed, or is not ours.
        """
        self._delete(uuid, valence_node, self._try_delete)

    def evict_node(self, uuid: str, valence_node: str) -> None:
        """Delete a node whose hardware is gone, in whatever state it is, and see it gone.

        In maintenance Ironic asks nothing of the hardware. Its instance is taken
        from it first: whoever deployed it finds that its node is no more.

        :raises IronicRefused: the node is not ours, or locked for too long.
        """
        self._delete(uuid, valence_node, self._evict)

    def _delete(self, uuid: str, valence_node: str, attempt: Callable[[Any], str | None]) -> None:
        give_up = time.monotonic() + self._conf.ironic.lock_timeout
        while (node := self._read(uuid)) is not None:
            self._check_ours(node, valence_node)
            waits_for = attempt(node)
            if waits_for is None and self._read(uuid) is None:
                break
            if time.monotonic() >= give_up:
                waits_for = waits_for or "Ironic has accepted its deletion, but still has it"
                raise errors.IronicRefused(
                    f"Ironic node {uuid} cannot be deleted now: {waits_for}. "
                    "Try again when Ironic is done with it.",
                    reason=waits_for,
                    ironic_node=uuid,
                )
            interrupt.pause(PAUSE)

    def list_marked(self) -> list[Any]:
        """List the nodes that say which composed node they stand for: one listing."""
        fields = ["uuid", "provision_state", "reservation", "instance_uuid", "extra"]
        listed = self._call("list nodes", lambda c: c.node.list(limit=0, fields=fields))
        return [node for node in listed if ownership.NODE_KEY in (node.extra or {})]

    def delete_unused(self, uuid: str, valence_node: str) -> None:
        """Delete a node that stands there unused, and see that it is gone; wait for nothing.

        Ironic itself refuses to delete one that was given to an instance meanwhile.

        :raises IronicRefused: it is used, or is not the one of this composed node.
        """
        node = self._read(uuid)
        if node is None:
            return
        self._check_ours(node, valence_node)
        if node.provision_state not in UNUSED or node.reservation or node.instance_uuid:
            raise errors.IronicRefused(
                f"Ironic node {uuid} ({node.provision_state}) is in use. It was left as it is.",
                ironic_node=uuid,
            )
        self._call(f"delete node {uuid}", lambda c: c.node.delete(uuid))
        if self._read(uuid) is not None:
            raise errors.IronicRefused(
                f"Ironic has accepted the deletion of node {uuid}, but still has it.",
                ironic_node=uuid,
            )
        LOG.info("Deleted Ironic node %s, which nobody used", uuid)

    def ping(self) -> None:
        """See Ironic answer a request that needs our credentials."""
        self._call("list nodes", lambda c: c.node.list(limit=1, fields=["uuid"]))

    def _create(self, *, uuid: str, extra: Mapping[str, Any], **more: Any) -> tuple[Any, set[str]]:
        """Create a node, or find it: the node, and the MACs that it has ports for."""
        valence_node = extra[ownership.NODE_KEY]
        given = {key: value for key, value in more.items() if value is not None}
        try:
            node = self._call(
                f"create node {uuid}", lambda c: c.node.create(uuid=uuid, extra=extra, **given)
            )
        except errors.IronicRefused as exc:
            if not _is_conflict(exc):
                raise
            node = self._read(uuid)
            if node is None:  # it is the name that another node bears
                raise
            self._check_ours(node, valence_node)
            LOG.info("Found Ironic node %s for node %s, completing it", uuid, valence_node)
            return node, self._macs_of(uuid)
        LOG.info("Created Ironic node %s for node %s", uuid, valence_node)
        return node, set()

    def _update(self, node: Any, wanted: Mapping[str, str | None]) -> None:
        """Set fields of a node that are asked for and not so yet."""
        patch = [
            {"op": "add", "path": f"/{field}", "value": value}
            for field, value in wanted.items()
            if value is not None and getattr(node, field, None) != value
        ]
        if patch:
            fields = " and ".join(change["path"].lstrip("/") for change in patch)
            self._call(
                f"set {fields} of node {node.uuid}", lambda c: c.node.update(node.uuid, patch)
            )

    def _macs_of(self, uuid: str) -> set[str]:
        ports = self._call(
            f"list the ports of node {uuid}",
            lambda c: c.port.list(node=uuid, limit=0, fields=["uuid", "address"]),
        )
        return {str(port.address).lower() for port in ports}

    def _create_port(self, uuid: str, mac: str) -> None:
        try:
            self._call(f"create port {mac}", lambda c: c.port.create(node_uuid=uuid, address=mac))
        except errors.IronicRefused as exc:
            if not _is_conflict(exc):
                raise
            owner = self._node_of_port(mac)
            if owner != uuid:
                raise errors.IronicRefused(
                    f"Ironic has a port with the MAC {mac} already, on its node {owner}. "
                    "If nothing uses that node, delete it, and register again.",
                    reason=exc.own_words,
                    ironic_node=owner,
                    mac=mac,
                ) from exc

    def _node_of_port(self, mac: str) -> str | None:
        ports = self._call(
            f"look for port {mac}",
            lambda c: c.port.list(address=mac, fields=["uuid", "node_uuid"]),
        )
        return next((str(port.node_uuid) for port in ports), None)

    def _read(self, uuid: str) -> Any:
        """Read a node; None when there is none."""
        try:
            return self._call(f"read node {uuid}", lambda c: c.node.get(uuid))
        except errors.IronicRefused as exc:
            if exc.details.get("answered") == ironic_errors.NotFound.http_status:
                return None
            raise

    def _check_ours(self, node: Any, valence_node: str) -> None:
        owner = (node.extra or {}).get(ownership.NODE_KEY)
        if owner != valence_node:
            raise errors.IronicRefused(
                f"Ironic node {node.uuid} is not the one of node {valence_node}: its "
                f"extra.{ownership.NODE_KEY} is {owner!r}. It was left as it is.",
                ironic_node=node.uuid,
                ours=False,
            )

    def _try_delete(self, node: Any) -> str | None:
        """Delete a node, or say what it has to be waited for."""
        state = node.provision_state
        if state in PASSING:
            return f"its provision state is {state!r}"
        if state not in DELETABLE:
            # Ironic would delete it in maintenance, and leave the machine running.
            raise errors.IronicRefused(
                f"Ironic node {node.uuid} is in provision state {state!r}. Undeploy it in Ironic "
                "first, until it is available, manageable or enroll; then try again.",
                reason=node.last_error,
                ironic_node=node.uuid,
                provision_state=state,
            )
        if node.reservation:
            return f"it is locked by Ironic's conductor {node.reservation}"
        return self._end(node, self._let_go)

    def _evict(self, node: Any) -> str | None:
        """Delete a node in maintenance, or say what it has to be waited for."""

        def prepare(node: Any) -> None:
            why = "Its hardware is gone from its pod manager."
            self._call(
                f"set node {node.uuid} into maintenance",
                lambda c: c.node.set_maintenance(node.uuid, "on", maint_reason=why),
            )
            if node.instance_uuid:
                self._take_instance(node)

        return self._end(node, prepare)

    def _end(self, node: Any, prepare: Callable[[Any], None]) -> str | None:
        try:
            prepare(node)
            self._call(f"delete node {node.uuid}", lambda c: c.node.delete(node.uuid))
        except errors.IronicRefused as exc:
            if exc.details.get("answered") == ironic_errors.NotFound.http_status:
                return None
            if _is_conflict(exc) and "locked" in (exc.own_words or ""):
                return exc.own_words
            raise
        LOG.info("Deleted Ironic node %s", node.uuid)
        return None

    def _let_go(self, node: Any) -> None:
        """Forget the instance of a node that cannot be deployed: it was given on creation.

        One that is available may be about to be deployed, so there it stays.
        """
        if node.instance_uuid and node.provision_state not in (None, "available"):
            self._take_instance(node)

    def _take_instance(self, node: Any) -> None:
        patch = [{"op": "remove", "path": "/instance_uuid"}]
        self._call(
            f"remove the instance of node {node.uuid}", lambda c: c.node.update(node.uuid, patch)
        )

    def _call(self, what: str, call: Callable[[Any], T]) -> T:
        """Ask Ironic; what goes wrong becomes an error of ours here and nowhere else."""
        LOG.debug("Asking Ironic to %s", what)
        try:
            return call(self._client())
        except FOREIGN as exc:
            self._convert(what, exc)

    def _convert(self, what: str, exc: Exception) -> NoReturn:
        status = getattr(exc, "http_status", None) or 0
        words = " ".join(str(getattr(exc, "message", "") or exc).split()) or None
        if 400 <= status < 500 and status not in (401, 403):
            raise errors.IronicRefused(
                f"Ironic refused to {what}. Change what its reason objects to, and try again.",
                reason=words,
                answered=status,
            ) from exc
        advice = (
            "Check the credentials in [ironic] of the configuration."
            if status in (401, 403)
            else "Check that it is running and that [ironic] of the configuration is right."
        )
        raise errors.IronicUnavailable(
            f"Ironic could not be asked to {what}. {advice}", reason=words
        ) from exc

    def _client(self) -> Any:
        with self._lock:
            if self._opened is None:
                self._opened = ironic_conf.client(self._conf, self._transport)
            return self._opened


def _is_conflict(exc: errors.IronicRefused) -> bool:
    return exc.details.get("answered") == ironic_errors.Conflict.http_status
