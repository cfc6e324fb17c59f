# SPDX-License-Identifier: Apache-2.0

"""The driver for pod managers with the Intel RSD API, 2.1 to 2.5.

The dialects differ in where resources are, how they are spelled and what is left
out: what is advertised is used, and what is not advertised is searched for.
What is cached (the path of the nodes, the targets of actions) costs one
request each to read, and is read again when it turns out to be wrong.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import threading
from typing import Any

from oslo_log import log

from valence import errors
from valence.podmanagers import base
from valence.podmanagers import inventory
from valence.podmanagers import messages
from valence.podmanagers import odata
from valence.podmanagers import service_identity
from valence.podmanagers.http import failures
from valence.podmanagers.http import url as podm_url
from valence.podmanagers.http.connection import Connection
from valence.podmanagers.http.exchange import Response
from valence.podmanagers.redfish import fields
from valence.podmanagers.redfish import resources
from valence.podmanagers.redfish import service
from valence.podmanagers.redfish.fields import Field
from valence.podmanagers.redfish.reader import Reader
from valence.podmanagers.redfish.reader import Snapshot
from valence.podmanagers.rsd import inventory as rsd_inventory
from valence.podmanagers.rsd import node as rsd_node
from valence.podmanagers.rsd import requirements as rsd_requirements

LOG = log.getLogger(__name__)

#: What RSD adds to the service root: 2.3 and later; older services; 2.1 and 2.2.
OEM = ("Oem/Intel_RackScale/", "Oem/Intel:RackScale/", "")
ROOT = {
    "nodes": Field(*(f"{prefix}Nodes" for prefix in OEM), convert=odata.path_of),
    "api_version": Field(*(f"{prefix}ApiVersion" for prefix in OEM)),
}

#: Cached targets of Assemble, of nodes that were read but not assembled yet.
MAX_TARGETS = 1000


@dataclasses.dataclass(frozen=True)
class _Root:
    """What is cached of the service root.

    :ivar nodes: path of the composed nodes.
    """

    nodes: str
    api_version: str | None
    resource: odata.JSON


class RSDDriver(base.Driver):
    """Speak the Intel RSD API to one pod manager."""

    def __init__(self, client: Connection) -> None:
        self._client = client
        self._reader = Reader(client)
        self._lock = threading.RLock()
        self._cached_root: _Root | None = None
        self._allocate_target: str | None = None
        self._assemble_targets: dict[str, str] = {}

    def check(self) -> base.ServiceInfo:
        """Check that this is an RSD pod manager and accepts the credentials."""
        self._forget()
        root = self._root()
        # The root needs no credentials: only the nodes show whether they are accepted.
        nodes = self._collection()
        return base.ServiceInfo(
            **fields.read(root.resource, resources.SERVICE_ROOT, self._reader.bad_values),
            api_version=root.api_version,
            nodes=self._reader.count(root.nodes, nodes),
        )

    def identify_service(self, *, systems: bool = False) -> service_identity.Service:
        """Read which service answers now."""
        return service.read(self._reader, systems=systems)

    def allocate(self, name: str, description: str, properties: Mapping[str, Any]) -> str:
        """Allocate a node from the pool: one POST, never repeated.

        Nothing was allocated if the details of an error have ``sent: false``.
        """
        with failures.before_sending():
            version = self._root().api_version
            body = rsd_requirements.allocation(name, description, properties, version)
        try:
            response = self._post_allocate(body)
        except errors.PodManagerRefused as exc:
            raise errors.PodManagerRefused(
                f"The pod manager at {self._client.base} cannot allocate such a node. Require "
                "less, delete other nodes, or choose another pod manager.",
                reason=exc.own_words,
                answered=exc.details.get("answered"),
            ) from exc
        path = self._node_path(response.location) or self._node_path(odata.path_of(response.body))
        path = path or self.find(name)
        if path is None:
            raise errors.PodManagerFailed(
                f"The pod manager at {self._client.base} answered {response.status} to Allocate, "
                f"but has no node named {name!r}. See its log, and compose again.",
                reason=messages.reason(response.body),
            )
        LOG.info("Allocated node %s at %s on %s", name, path, self._client.base)
        return path

    def find(self, name: str) -> str | None:
        """Return the path of the newest node with this Redfish Name; None: there is none."""
        for path, member in reversed(list(self._nodes(expanded=True))):
            if member.get("Name", name) != name:
                continue
            try:
                if "Name" in member or self._client.get(path).get("Name") == name:
                    return path
            except errors.PodManagerNodeGone:
                continue
        return None

    def state(self, path: str) -> base.NodeState:
        """Read the state of a node: one request."""
        resource = self._client.get(path)
        state = rsd_node.state(resource)
        if state is None:
            raw_states = ", ".join(rsd_node.raw_states(resource)) or "none"
            raise errors.PodManagerFailed(
                f"{path} of the pod manager at {self._client.base} is in a state that RSD does "
                f"not define ({raw_states}). See the log of the pod manager."
            )
        self._cache_assemble_target(path, state, odata.action_target(resource, "Assemble"))
        node = fields.read(resource, rsd_node.NODE, self._reader.bad_values)
        return base.NodeState(
            state=state,
            reason=rsd_node.reason(resource),
            system_path=node["system_path"],
            power_state=node["power_state"],
        )

    def assemble(self, path: str) -> None:
        """Request the assembly of an allocated node; poll :meth:`state` for its end."""
        try:
            self._post_assemble(path, self._assemble_targets.pop(path, None))
        except errors.PodManagerRefused:
            if self.state(path).state not in (base.State.ASSEMBLING, base.State.ASSEMBLED):
                raise
        LOG.info("Requested assembly of node %s on %s", path, self._client.base)

    def read(self, path: str) -> base.ComposedNode:
        """Read a node: at most two requests."""
        resource = self._client.get(path)
        bad_values = self._reader.bad_values
        system_path = fields.read(resource, rsd_node.NODE, bad_values)["system_path"]
        system: odata.JSON = {}
        if system_path:
            try:
                system = self._client.get(system_path)
            except errors.PodManagerNodeGone:
                LOG.warning(
                    "Node %s on %s has no system at %s", path, self._client.base, system_path
                )
        return rsd_node.composed(path, resource, system, bad_values)

    def controls(self, path: str) -> base.Controls:
        """Read which actions and boot settings a node offers: one request."""
        return rsd_node.controls(self._client.get(path), self._reader.bad_values)

    def reset(self, controls: base.Controls, kind: str) -> None:
        """Reset a node: one POST, never repeated."""
        self._client.post(controls.reset_target or "", {"ResetType": kind})

    def set_boot(self, path: str, override: Mapping[str, str]) -> None:
        """Set what a node boots from."""
        self._client.patch(path, {"Boot": dict(override)})

    def interfaces(self, system_path: str) -> list[base.Interface]:
        """List the Ethernet interfaces of a node's system that have a MAC address."""
        collection = odata.path_of(self._client.get(system_path).get("EthernetInterfaces"))
        if collection is None:
            return []
        interfaces = []
        page = self._reader.first_page(collection, levels=1)
        for path, member in self._reader.walk(collection, page):
            resource = member if "MACAddress" in member else self._client.get(path)
            values = fields.read(resource, resources.ETHERNET_INTERFACE, self._reader.bad_values)
            if values["mac"]:
                interfaces.append(base.Interface(path=path, **values))
        return interfaces

    def delete(self, path: str) -> None:
        """Delete a node and return its parts to the pool."""
        self._assemble_targets.pop(path, None)
        try:
            self._client.delete(path)
        except errors.PodManagerNodeGone:
            LOG.debug("Node %s does not exist on %s any more", path, self._client.base)
        else:
            LOG.info("Deleted node %s on %s", path, self._client.base)

    def exists(self, path: str) -> bool:
        """Return whether the collection lists a node."""
        node_path = odata.path_of(path)
        return any(member_path == node_path for member_path, _ in self._nodes())

    def members(self) -> list[base.Member]:
        """List the nodes of the collection, with what one listing reports about each."""
        bad_values = self._reader.bad_values
        nodes = self._nodes(expanded=True)
        return [rsd_node.member(path, resource, bad_values) for path, resource in nodes]

    def member(self, path: str) -> base.Member:
        """Read the identity of a node: one request."""
        return rsd_node.member(path, self._client.get(path), self._reader.bad_values)

    def inventory(self, cached: Mapping[str, inventory.Details]) -> inventory.Inventory:
        """Read the pool: every system, rack and device, and which node holds which."""
        root = self._root()
        try:
            snapshot = Snapshot(self._reader)
            return rsd_inventory.read(snapshot, root.resource, root.nodes, cached)
        except errors.PodManagerFailed:
            # It may have been upgraded, and have its collections elsewhere now.
            self._forget()
            raise

    def bmc(self, system_path: str) -> dict[str, Any]:
        """Return the ``driver_info`` by which Ironic reaches a node's system (driver redfish)."""
        client, access = self._client, self._client.access
        prefix = "" if client.root == podm_url.ROOT else client.root
        return fields.without_unknown(
            {
                "redfish_address": client.base + prefix,
                "redfish_system_id": system_path,
                "redfish_username": access.username,
                "redfish_password": access.password,
                "redfish_verify_ca": access.verify_ca,
            }
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # What is cached, and how it is read.

    def _forget(self) -> None:
        with self._lock:
            self._cached_root = None
            self._allocate_target = None

    def _root(self) -> _Root:
        with self._lock:  # during the request, so that many threads send one
            if self._cached_root is None:
                self._cached_root = self._read_root()
            return self._cached_root

    def _read_root(self) -> _Root:
        resource = self._reader.read_root()
        root = fields.read(resource, ROOT, self._reader.bad_values)
        if root["nodes"] is None:
            raise errors.PodManagerFailed(
                f"The service at {self._client.base} is no RSD pod manager: its root names no "
                "Nodes, neither itself nor under Oem.Intel_RackScale. Check the URL, or the "
                "driver."
            )
        return _Root(resource=resource, **root)

    def _find_allocate_target(self) -> str:
        with self._lock:
            if self._allocate_target is None:
                self._collection()
            if self._allocate_target is None:
                raise errors.PodManagerFailed(
                    f"{self._root().nodes} of the pod manager at {self._client.base} does not "
                    "offer the action Allocate: it cannot compose nodes."
                )
            return self._allocate_target

    def _post_allocate(self, body: dict[str, Any]) -> Response:
        with failures.before_sending():
            target = self._find_allocate_target()
        try:
            return self._client.post(target, body)
        except errors.PodManagerNodeGone:
            # The pod manager was upgraded: nothing was allocated.
            self._forget()
        with failures.before_sending():
            target = self._find_allocate_target()
        try:
            return self._client.post(target, body)
        except errors.PodManagerNodeGone as exc:
            raise errors.PodManagerFailed(
                f"The pod manager at {self._client.base} offers Allocate at {target}, and "
                "answers 404 there. See the log of the pod manager.",
                reason=exc.own_words,
                sent=False,
            ) from exc

    def _post_assemble(self, path: str, target: str | None) -> None:
        if target:
            try:
                self._client.post(target)
            except errors.PodManagerNodeGone:
                LOG.debug("%s is not the target of Assemble any more", target)
            else:
                return
        advertised = odata.action_target(self._client.get(path), "Assemble")
        self._client.post(advertised or f"{path}/Actions/ComposedNode.Assemble")

    def _cache_assemble_target(self, path: str, state: base.State, target: str | None) -> None:
        """Save :meth:`assemble` the request that finds its target."""
        is_pending = state in (base.State.ALLOCATING, base.State.ALLOCATED)
        if target and is_pending and len(self._assemble_targets) < MAX_TARGETS:
            self._assemble_targets[path] = target

    def _node_path(self, reference: str | None) -> str | None:
        """Return the path of a node; None for a reference to anything else, such as a task."""
        path = odata.path_of(reference)
        parent, _, name = (path or "").rpartition("/")
        return path if name and parent == self._root().nodes else None

    # The collection of nodes.

    def _collection(self, *, expanded: bool = False) -> odata.JSON:
        """Read the collection of nodes, or its first page."""
        try:
            page = self._reader.first_page(self._root().nodes, levels=1 if expanded else 0)
        except errors.PodManagerNodeGone:
            self._forget()
            page = self._reader.required_page(self._root().nodes)
        self._allocate_target = odata.action_target(page, "Allocate")
        return page

    def _nodes(self, *, expanded: bool = False) -> Iterator[tuple[str, odata.JSON]]:
        """Iterate over the nodes: (path, what the collection has of it)."""
        page = self._collection(expanded=expanded)
        yield from self._reader.walk(self._root().nodes, page)
