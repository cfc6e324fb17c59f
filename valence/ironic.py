# SPDX-License-Identifier: Apache-2.0

# Longer than 400 lines: all requests to Ironic are here, so that its exceptions are
# converted in one place.

"""Registers composed nodes in Ironic, and deletes them there.

Every call can be repeated after a crash: the caller chooses the ids of nodes and ports, and
an existing node is completed if its ``extra.valence_node`` names the composed node. Nothing
here changes provision states, and only an eviction uses force.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import functools
import threading
import time
from typing import Any
from typing import NoReturn
from typing import TypeVar

from ironicclient import exc as ironic_errors
from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1 import loading
from keystoneauth1 import noauth
from oslo_config import cfg
from oslo_log import log
import requests
from requests import adapters

from valence import errors
from valence import ownership
from valence.conf import ironic as ironic_conf
from valence_conductor import interrupt

LOG = log.getLogger(__name__)

T = TypeVar("T")

#: The API of Train: ``owner`` is the newest field that is written here.
MICROVERSION = "1.50"

#: Provision states in which Ironic deletes a node (its own table, and those of a node
#: that was only created).
DELETABLE = {"enroll", "manageable", "available", "adopt failed", None}

#: Of them, those of a node that is not in use yet.
UNUSED = frozenset({"enroll", "manageable", "available"})

#: Provision states that end by themselves.
PASSING = {"verifying", "inspecting", "inspect wait", "cleaning", "clean wait", "deleting"}

#: Seconds between two attempts to delete a node.
PAUSE = 1.0

#: What the libraries raise; an unreadable cafile raises OSError.
FOREIGN = (ironic_errors.ClientException, keystone_errors.ClientException, OSError)


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
        self._transport = transport
        self._lock = threading.Lock()
        self._cached_client: Any = None

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
        """Create a node with its ports, or complete an existing one.

        :param uuid: of the node, chosen by the caller.
        :param valence_node: uuid of the composed node, stored in ``extra``.
        :param installation: uuid of this installation, stored there too.
        :param macs: each gets a port.
        :raises IronicRefused: another node has the uuid, the name or a MAC, or Ironic does
            not accept a value; ``reason`` is the message of Ironic.
        """
        node, existing_macs = self._create(
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
        # An Ironic without Keystone accepts these two only in an update.
        self._update(node, {"owner": owner, "instance_uuid": instance_uuid})
        if traits:
            names = sorted(traits)
            self._call(f"set the traits of node {uuid}", lambda c: c.node.set_traits(uuid, names))
        for mac in dict.fromkeys(mac.lower() for mac in macs):
            if mac not in existing_macs:
                self._create_port(uuid, mac)

    def delete_node(self, uuid: str, valence_node: str) -> None:
        """Delete a node, and wait until Ironic answers 404; a missing node is fine.

        Waits, within ``[ironic] lock_timeout``, for a node that is locked or in a
        provision state that ends by itself.

        :param valence_node: uuid of the composed node that it must stand for.
        :raises IronicRefused: the node is deployed, or stands for another composed node.
        """
        self._delete(uuid, valence_node, self._try_delete)

    def evict_node(self, uuid: str, valence_node: str) -> None:
        """Delete a node whose hardware is gone, in any provision state, and wait for 404.

        In maintenance Ironic sends no request to the hardware. The instance is removed
        from the node first.

        :raises IronicRefused: the node stands for another composed node, or was locked for
            too long.
        """
        self._delete(uuid, valence_node, self._evict)

    def _delete(self, uuid: str, valence_node: str, attempt: Callable[[Any], str | None]) -> None:
        deadline = time.monotonic() + self._conf.ironic.lock_timeout
        while (node := self._read(uuid)) is not None:
            self._check_owner(node, valence_node)
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
            interrupt.pause(PAUSE)

    def list_marked(self) -> list[Any]:
        """List the nodes that name a composed node: one request."""
        fields = ["uuid", "provision_state", "reservation", "instance_uuid", "extra"]
        nodes = self._call("list nodes", lambda c: c.node.list(limit=0, fields=fields))
        return [node for node in nodes if ownership.NODE_KEY in (node.extra or {})]

    def delete_unused(self, uuid: str, valence_node: str) -> None:
        """Delete an unused node, and verify that it is gone, without waiting.

        Ironic itself refuses to delete one that was allocated to an instance meanwhile.

        :raises IronicRefused: it is in use, or stands for another composed node.
        """
        node = self._read(uuid)
        if node is None:
            return
        self._check_owner(node, valence_node)
        if node.provision_state not in UNUSED or node.reservation or node.instance_uuid:
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

    def _create(self, *, uuid: str, extra: Mapping[str, Any], **more: Any) -> tuple[Any, set[str]]:
        """Create or find a node; return it, and the MACs of its ports."""
        valence_node = extra[ownership.NODE_KEY]
        fields = {key: value for key, value in more.items() if value is not None}
        try:
            node = self._call(
                f"create node {uuid}", lambda c: c.node.create(uuid=uuid, extra=extra, **fields)
            )
        except errors.IronicRefused as exc:
            if not _is_conflict(exc):
                raise
            node = self._read(uuid)
            if node is None:  # another node has the name
                raise
            self._check_owner(node, valence_node)
            LOG.info("Completing existing Ironic node %s for node %s", uuid, valence_node)
            return node, self._macs_of(uuid)
        LOG.info("Created Ironic node %s for node %s", uuid, valence_node)
        return node, set()

    def _update(self, node: Any, values: Mapping[str, str | None]) -> None:
        """Set the fields of a node that have a value here and another one in Ironic."""
        patch = [
            {"op": "add", "path": f"/{field}", "value": value}
            for field, value in values.items()
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
                    f"Ironic already has a port with the MAC {mac}, on its node {owner}. "
                    "If that node is unused, delete it, and register again.",
                    reason=exc.own_words,
                    shown=f"Another node of Ironic has a port with the MAC {mac} already. Ask an "
                    "administrator to delete it if it is unused, and register again.",
                    ironic_node=owner,
                    mac=mac,
                ) from exc

    def _node_of_port(self, mac: str) -> str | None:
        ports = self._call(
            f"find port {mac}",
            lambda c: c.port.list(address=mac, fields=["uuid", "node_uuid"]),
        )
        return next((str(port.node_uuid) for port in ports), None)

    def _read(self, uuid: str) -> Any:
        """Return a node; None if there is none."""
        try:
            return self._call(f"read node {uuid}", lambda c: c.node.get(uuid))
        except errors.IronicRefused as exc:
            if exc.details.get("answered") == ironic_errors.NotFound.http_status:
                return None
            raise

    def _check_owner(self, node: Any, valence_node: str) -> None:
        owner = (node.extra or {}).get(ownership.NODE_KEY)
        if owner != valence_node:
            raise errors.IronicRefused(
                f"Ironic node {node.uuid} does not stand for node {valence_node}: its "
                f"extra.{ownership.NODE_KEY} is {owner!r}. It was not changed.",
                shown=f"The uuid {node.uuid} is in use in Ironic. Choose another one.",
                ironic_node=node.uuid,
                ours=False,
            )

    def _try_delete(self, node: Any) -> str | None:
        """Delete a node, or return why it cannot be deleted yet."""
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
            if exc.details.get("answered") == ironic_errors.NotFound.http_status:
                return None
            if _is_conflict(exc) and "locked" in (exc.own_words or ""):
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

    def _call(self, what: str, call: Callable[[Any], T]) -> T:
        """Send a request to Ironic; foreign exceptions are converted here and nowhere else."""
        LOG.debug("Request to Ironic: %s", what)
        try:
            return call(self._client())
        except FOREIGN as exc:
            self._convert(what, exc)

    def _convert(self, what: str, exc: Exception) -> NoReturn:
        status = getattr(exc, "http_status", None) or 0
        reason = " ".join(str(getattr(exc, "message", "") or exc).split()) or None
        if 400 <= status < 500 and status not in (401, 403):
            raise errors.IronicRefused(
                f"Ironic refused to {what}. Change what its reason objects to, and try again.",
                reason=reason,
                answered=status,
            ) from exc
        advice = (
            "Check the credentials in [ironic] of the configuration."
            if status in (401, 403)
            else "Check that it is running and that [ironic] of the configuration is right."
        )
        raise errors.IronicUnavailable(
            f"The request to Ironic to {what} failed. {advice}", reason=reason
        ) from exc

    def _client(self) -> Any:
        with self._lock:
            if self._cached_client is None:
                self._cached_client = _make_client(self._conf, self._transport)
            return self._cached_client


def _is_conflict(exc: errors.IronicRefused) -> bool:
    return exc.details.get("answered") == ironic_errors.Conflict.http_status


def _make_client(conf: cfg.ConfigOpts, transport: adapters.BaseAdapter | None) -> Any:
    """Return a client of Ironic that retries nothing on its own.

    :raises IronicNotConfigured: the configuration does not say how to reach Ironic.
    """
    # Imported late: it imports prometheus_client, which workers must prepare for first.
    import ironicclient.client

    options, group = conf.ironic, ironic_conf.GROUP
    if not options.auth_type and not options.auth_section and not options.endpoint_override:
        raise errors.IronicNotConfigured(
            "No Ironic is configured. Set endpoint_override and auth_type in [ironic] of the "
            "configuration, and restart the service."
        )
    http = None
    if transport is not None:
        http = requests.Session()
        http.mount("http://", transport)
        http.mount("https://", transport)
    auth = loading.load_auth_from_conf_options(conf, group) or noauth.NoAuth()
    session: Any = loading.load_session_from_conf_options(conf, group, auth=auth, session=http)
    # keystoneauth would log whole bodies, and with them a BMC's password. ironicclient calls
    # Session.request itself, so that neither Session nor Adapter has an argument against it.
    session.request = functools.partial(session.request, log=False)
    adapter = loading.load_adapter_from_conf_options(conf, group, session=session, auth=auth)
    return ironicclient.client.Client(
        "1",
        endpoint_override=adapter.endpoint_override,
        session=session,
        service_type=adapter.service_type,
        interface=adapter.interface,
        region_name=adapter.region_name,
        os_ironic_api_version=MICROVERSION,
        # They would repeat every conflict for seconds; the flows know which ones to repeat.
        max_retries=0,
    )
