# SPDX-License-Identifier: Apache-2.0

"""The driver for pod managers with the Intel RSD API, 2.1 to 2.5.

The dialects differ in where resources are, how they are spelled and what is left
out: what is advertised is used, and what is not advertised is searched for.
What is cached (the path of the nodes, the targets of actions) costs one
request each to read, and is read again when it turns out to be wrong.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

from oslo_log import log

from valence import errors
from valence.podmanagers import base
from valence.podmanagers import inventory
from valence.podmanagers import odata
from valence.podmanagers import service_identity
from valence.podmanagers.http import url as podm_url
from valence.podmanagers.http.connection import Connection
from valence.podmanagers.http.exchange import Response
from valence.podmanagers.identity import Facts
from valence.podmanagers.redfish import fields
from valence.podmanagers.redfish import resources
from valence.podmanagers.redfish import service
from valence.podmanagers.redfish import task
from valence.podmanagers.redfish.reader import LOCAL_ERRORS
from valence.podmanagers.redfish.reader import Reader
from valence.podmanagers.redfish.reader import Snapshot
from valence.podmanagers.rsd import inventory as rsd_inventory
from valence.podmanagers.rsd import node as rsd_node
from valence.podmanagers.rsd.collection import NodeCollection

LOG = log.getLogger(__name__)

#: Cached targets of Assemble, of nodes that were read but not assembled yet.
MAX_TARGETS = 1000


class RSDDriver(base.Driver):
    """Speak the Intel RSD API to one pod manager."""

    def __init__(self, client: Connection) -> None:
        self._client = client
        self._reader = Reader(client)
        self._nodes = NodeCollection(client, self._reader)
        self._assemble_targets: dict[str, str] = {}

    def check(self) -> base.ServiceInfo:
        """Check that this is an RSD pod manager and accepts the credentials."""
        self._nodes.forget()
        root = self._nodes.root()
        # The root needs no credentials: only the nodes show whether they are accepted.
        nodes = self._nodes.read()
        limitations = self._nodes.limitations(root)
        for limitation in limitations:
            LOG.warning("Pod manager at %s: %s", self._client.base, limitation.reason)
        return base.ServiceInfo(
            **fields.read(root.resource, resources.SERVICE_ROOT, self._reader.bad_values),
            api_version=root.api_version,
            nodes=self._reader.count(root.nodes, nodes),
            limitations=limitations,
        )

    def identify_service(self, *, systems: bool = False) -> service_identity.Service:
        """Read which service answers now; what it offers may have changed since."""
        resource = service.read_root(self._reader)
        self._nodes.renew(resource)
        return service.identify(self._reader, resource, systems=systems)

    def allocate(
        self,
        name: str,
        description: str,
        properties: Mapping[str, Any],
        cancelled: Callable[[], bool] | None = None,
    ) -> str:
        """Allocate a node from the pool: one POST, never repeated."""
        return self._nodes.allocate(name, description, properties, cancelled)

    def find(self, name: str) -> str | None:
        """Return the path of the newest node with this Redfish Name; None: there is none."""
        return self._nodes.find(name)

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
            facts=rsd_node.facts(path, resource, self._reader.bad_values),
        )

    def assemble(self, path: str, cancelled: Callable[[], bool] | None = None) -> None:
        """Request the assembly of an allocated node; poll :meth:`state` for its end."""
        timeout = self._client.options.assemble_timeout
        try:
            response = self._post_assemble(path, self._assemble_targets.pop(path, None))
            task.settle(self._client, response, within=timeout, cancelled=cancelled)
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
            except LOCAL_ERRORS as exc:
                LOG.warning("Node %s is read without its system: %s", path, exc)
        return rsd_node.composed(path, resource, system, bad_values)

    def controls(self, path: str) -> base.Controls:
        """Read which actions and boot settings a node offers: one request."""
        return rsd_node.controls(self._client.get(path), self._reader.bad_values)

    def reset(self, controls: base.Controls, kind: str) -> None:
        """Reset a node: one POST, never repeated."""
        response = self._client.post(controls.reset_target or "", {"ResetType": kind})
        task.settle(self._client, response, within=self._client.options.task_timeout)

    def set_boot(self, path: str, override: Mapping[str, str]) -> None:
        """Set what a node boots from."""
        response = self._client.patch(path, {"Boot": dict(override)})
        task.settle(self._client, response, within=self._client.options.task_timeout)

    def interfaces(self, system_path: str) -> list[base.Interface]:
        """List the Ethernet interfaces of a node's system that have a MAC address."""
        system = self._client.get(system_path)
        collection = odata.path_of(odata.value_of(system, "EthernetInterfaces"))
        if collection is None:
            return []
        try:
            listing = self._reader.listing(collection, levels=1)
        except errors.PodManagerNodeGone:
            return []
        listing.require_complete()
        interfaces: dict[str, base.Interface] = {}
        for path, member in listing.members:
            try:
                resource = member if "MACAddress" in member else self._client.get(path)
            except errors.PodManagerNodeGone:
                LOG.warning("%s on %s is linked and does not exist", path, self._client.base)
                continue
            values = fields.read(resource, resources.ETHERNET_INTERFACE, self._reader.bad_values)
            if values["mac"]:
                interfaces.setdefault(values["mac"], base.Interface(path=path, **values))
        return list(interfaces.values())

    def delete(self, path: str) -> None:
        """Delete a node and return its parts to the pool."""
        self._assemble_targets.pop(path, None)
        try:
            response = self._client.delete(path)
            task.settle(self._client, response, within=self._client.options.task_timeout)
        except errors.PodManagerNodeGone:
            LOG.debug("Node %s does not exist on %s any more", path, self._client.base)
        else:
            LOG.info("Deleted node %s on %s", path, self._client.base)

    def exists(self, path: str) -> bool:
        """Return whether the collection lists a node."""
        listing = self._nodes.listing()
        if odata.normal_path(path) in map(odata.normal_path, listing.paths):
            return True
        listing.require_complete()
        return False

    def members(self) -> list[Facts]:
        """List the nodes of the collection, with what one listing reports about each."""
        listing = self._nodes.listing(expanded=True)
        listing.require_complete()
        bad_values = self._reader.bad_values
        return [rsd_node.facts(path, found, bad_values) for path, found in listing.members]

    def member(self, path: str) -> Facts:
        """Read the facts of a node, without those of its system: one request."""
        return rsd_node.facts(path, self._client.get(path), self._reader.bad_values)

    def with_system(self, facts: Facts) -> Facts:
        """Read the facts of a node's system: one request."""
        if facts.system_path is None:
            return facts
        try:
            system = self._client.get(facts.system_path)
        except (
            errors.PodManagerNodeGone,
            errors.PodManagerFailed,
            errors.PodManagerRefused,
        ) as exc:
            LOG.info(
                "Could not read the system of %s on %s: %s", facts.path, self._client.base, exc
            )
            return facts
        return rsd_node.with_system(facts, system, self._reader.bad_values)

    def inventory(self, cached: Mapping[str, inventory.Details]) -> inventory.Inventory:
        """Read the pool: every system, rack and device, and which node holds which."""
        root = self._nodes.root()
        try:
            snapshot = Snapshot(self._reader)
            pool = rsd_inventory.read(snapshot, root.resource, root.nodes, cached)
            self._nodes.learn(snapshot.collections.get(odata.normal_path(root.nodes), {}))
            return dataclasses.replace(pool, limitations=self._nodes.limitations(root))
        except errors.PodManagerFailed:
            # It may have been upgraded, and have its collections elsewhere now.
            self._nodes.forget()
            raise

    def bmc(self, system_path: str) -> dict[str, Any]:
        """Return the ``driver_info`` by which Ironic reaches a node's system (driver redfish)."""
        client, access = self._client, self._client.access
        prefix = "" if client.root == podm_url.ROOT else client.root
        return fields.without_unknown(
            {
                "redfish_address": client.base + prefix,
                # Ironic would follow one that leads elsewhere, with the credentials.
                "redfish_system_id": client.local(system_path),
                "redfish_username": access.username,
                "redfish_password": access.password,
                "redfish_verify_ca": access.verify_ca,
            }
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post_assemble(self, path: str, target: str | None) -> Response:
        if target:
            try:
                return self._client.post(target)
            except errors.PodManagerNodeGone:
                LOG.debug("%s is not the target of Assemble any more", target)
        advertised = odata.action_target(self._client.get(path), "Assemble")
        default = f"{path.rstrip('/')}/Actions/ComposedNode.Assemble"
        return self._client.post(advertised or default)

    def _cache_assemble_target(self, path: str, state: base.State, target: str | None) -> None:
        """Save :meth:`assemble` the request that finds its target."""
        is_pending = state in (base.State.ALLOCATING, base.State.ALLOCATED)
        if target and is_pending and len(self._assemble_targets) < MAX_TARGETS:
            self._assemble_targets[path] = target
