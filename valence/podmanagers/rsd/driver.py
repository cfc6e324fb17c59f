# SPDX-License-Identifier: Apache-2.0

"""Pod managers that speak the Intel RSD API, 2.1 to 2.5.

The dialects differ in where things hang, how they are spelled and what they
leave out; what is advertised is believed, what is absent is looked for.
What is remembered (where the nodes are, the targets of actions) costs one
request each to learn, and is learnt anew when it turns out to be wrong.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import threading
from typing import Any

from oslo_log import log

from valence import errors
from valence.podmanagers import base
from valence.podmanagers import inventory
from valence.podmanagers.http import connection
from valence.podmanagers.http import exchange
from valence.podmanagers.http import failures
from valence.podmanagers.redfish import collection
from valence.podmanagers.redfish import messages
from valence.podmanagers.redfish import odata
from valence.podmanagers.rsd import inventory as rsd_inventory
from valence.podmanagers.rsd import node as rsd_node
from valence.podmanagers.rsd import requirements as rsd_requirements

LOG = log.getLogger(__name__)

#: Where the composed nodes hang: 2.3 and later; older services; 2.1 and 2.2.
NODES = [("Oem", "Intel_RackScale"), ("Oem", "Intel:RackScale"), ()]

#: Targets of Assemble remembered, of nodes that were seen but not assembled yet.
REMEMBERED = 1000


@dataclasses.dataclass(frozen=True)
class _Root:
    """What of the service's root is worth remembering."""

    nodes: str
    api_version: str | None
    resource: odata.JSON


class RSDDriver(base.Driver):
    """Speak the Intel RSD API to one pod manager."""

    def __init__(self, client: connection.Connection) -> None:
        self._client = client
        self._collections = collection.Collections(client)
        self._lock = threading.RLock()
        self._known_root: _Root | None = None
        self._known_allocate: str | None = None
        self._known_assemble: dict[str, str] = {}

    def check(self) -> base.ServiceInfo:
        """Find out whether this is an RSD pod manager and lets us in."""
        self._forget()
        root = self._root()
        # The root answers anybody: only the nodes tell whether we are let in.
        nodes = self._collection()
        return base.ServiceInfo(
            name=odata.text(root.resource.get("Name")),
            uuid=odata.text(root.resource.get("UUID")),
            redfish_version=odata.text(root.resource.get("RedfishVersion")),
            api_version=root.api_version,
            nodes=odata.number(nodes.get("Members@odata.count"))
            or len(self._collections.members(root.nodes, nodes)),
        )

    def allocate(self, name: str, description: str, properties: Mapping[str, Any]) -> str:
        """Take what a node needs out of the pool: one POST, never repeated.

        An error whose details have ``sent: false`` says that nothing was taken.
        """
        with failures.unsent():
            version = self._root().api_version
            body = rsd_requirements.allocation(name, description, properties, version)
        try:
            answer = self._post_allocate(body)
        except errors.PodManagerRefused as exc:
            raise errors.PodManagerRefused(
                f"The pod manager at {self._client.base} cannot allocate such a node. Ask for "
                "less, give nodes back, or choose another pod manager.",
                reason=exc.own_words,
                answered=exc.details.get("answered"),
            ) from exc
        path = self._node_in(answer.location) or self._node_in(odata.path_of(answer.body))
        path = path or self.find(name)
        if path is None:
            raise errors.PodManagerFailed(
                f"The pod manager at {self._client.base} answered {answer.status} to Allocate, "
                f"but has no node named {name!r}. Look at its log, and compose again.",
                reason=messages.words(answer.body),
            )
        LOG.info("Allocated %s as %s on %s", name, path, self._client.base)
        return path

    def find(self, name: str) -> str | None:
        """Look for a node by its Redfish Name: the newest, if there are more."""
        for path, member in reversed(list(self._nodes(expanded=True))):
            if member.get("Name", name) != name:
                continue
            try:
                known = "Name" in member or self._client.get(path).get("Name") == name
            except errors.PodManagerNodeGone:
                continue
            if known:
                return path
        return None

    def state(self, path: str) -> base.NodeState:
        """Look how far a node has come: one request."""
        resource = self._client.get(path)
        state = rsd_node.state(resource)
        if state is None:
            seen = ", ".join(rsd_node.states_said(resource)) or "none"
            raise errors.PodManagerFailed(
                f"{path} of the pod manager at {self._client.base} is in a state that RSD does "
                f"not have ({seen}). See the log of the pod manager."
            )
        self._remember(path, state, odata.action_target(resource, "Assemble"))
        return base.NodeState(
            state=state,
            reason=rsd_node.reason(resource),
            system_path=rsd_node.system_path(resource),
            power_state=odata.word(resource.get("PowerState")),
        )

    def assemble(self, path: str) -> None:
        """Ask for an allocated node to be assembled; then look at its state."""
        try:
            self._post_assemble(path, self._known_assemble.pop(path, None))
        except errors.PodManagerRefused:
            if self.state(path).state not in (base.State.ASSEMBLING, base.State.ASSEMBLED):
                raise
        LOG.info("Assembling %s on %s", path, self._client.base)

    def read(self, path: str) -> base.ComposedNode:
        """Read a node: two requests at the most."""
        resource = self._client.get(path)
        system_path = rsd_node.system_path(resource)
        system: odata.JSON = {}
        if system_path:
            try:
                system = self._client.get(system_path)
            except errors.PodManagerNodeGone:
                LOG.warning("%s has no system at %s", path, system_path)
        return base.ComposedNode(
            path=path,
            name=odata.text(resource.get("Name")),
            state=rsd_node.state(resource),
            reason=rsd_node.reason(resource),
            system_path=system_path,
            power_state=odata.word(system.get("PowerState") or resource.get("PowerState")),
            processor=rsd_node.processor(system, resource),
            memory=rsd_node.memory(system, resource),
            parts=rsd_node.held(resource),
        )

    def controls(self, path: str) -> base.Controls:
        """Look what a node lets itself be asked for: one request."""
        return rsd_node.controls(self._client.get(path))

    def reset(self, controls: base.Controls, kind: str) -> None:
        """Reset a node: one POST, never repeated."""
        self._client.post(controls.reset_target or "", {"ResetType": kind})

    def set_boot(self, path: str, override: Mapping[str, str]) -> None:
        """Say what a node boots from."""
        self._client.patch(path, {"Boot": dict(override)})

    def interfaces(self, system_path: str) -> list[base.Interface]:
        """List the Ethernet interfaces of a node's system that have a MAC."""
        ports = odata.path_of(self._client.get(system_path).get("EthernetInterfaces"))
        if ports is None:
            return []
        found = []
        first = self._collections.first(ports, expanded=True)
        for path, member in self._collections.walk(ports, first):
            port = member if "MACAddress" in member else self._client.get(path)
            mac = rsd_node.mac(port.get("MACAddress")) or rsd_node.mac(
                port.get("PermanentMACAddress")
            )
            if mac:
                speed = odata.number(port.get("SpeedMbps"))
                found.append(base.Interface(mac=mac, path=path, speed_mbps=speed))
        return found

    def delete(self, path: str) -> None:
        """Give a node back; that there is no such node is fine."""
        self._known_assemble.pop(path, None)
        try:
            self._client.delete(path)
        except errors.PodManagerNodeGone:
            LOG.debug("%s is gone from %s already", path, self._client.base)
        else:
            LOG.info("Deleted %s on %s", path, self._client.base)

    def exists(self, path: str) -> bool:
        """Look whether a node is in the collection."""
        wanted = odata.path_of(path)
        return any(member == wanted for member, _ in self._nodes())

    def members(self) -> list[base.Member]:
        """List the nodes of the collection."""
        return [rsd_node.member(path, resource) for path, resource in self._nodes(expanded=True)]

    def member(self, path: str) -> base.Member:
        """Read who a node is: one request."""
        return rsd_node.member(path, self._client.get(path))

    def inventory(self, known: Mapping[str, inventory.Details]) -> inventory.Inventory:
        """Read what the pod manager has: every system and rack, and who has which."""
        root = self._root()
        try:
            return rsd_inventory.read(self._client, root.resource, root.nodes, known)
        except errors.PodManagerFailed:
            self._forget()  # it may have been upgraded under us
            raise

    def bmc(self, system_path: str) -> dict[str, Any]:
        """Say how Ironic reaches a node's system (driver redfish)."""
        client = self._client
        prefix = "" if client.root == connection.ROOT else client.root
        return odata.without_unknown(
            {
                "redfish_address": client.base + prefix,
                "redfish_system_id": system_path,
                "redfish_username": client.username,
                "redfish_password": client.password,
                "redfish_verify_ca": client.verify_ca,
            }
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # What is remembered, and how it is learnt.

    def _forget(self) -> None:
        with self._lock:
            self._known_root = None
            self._known_allocate = None

    def _root(self) -> _Root:
        with self._lock:  # held while asking, so that many at once ask once
            if self._known_root is None:
                self._known_root = self._read_root()
            return self._known_root

    def _read_root(self) -> _Root:
        client = self._client
        try:
            resource = self._get_root()
        except errors.PodManagerNodeGone as exc:
            raise errors.PodManagerFailed(
                f"There is no Redfish service at {client.base}{client.root}. Check the URL.",
                reason=exc.own_words,
            ) from exc
        self._collections.learn(resource)
        nodes = [odata.path_of(odata.mapping(resource, *keys).get("Nodes")) for keys in NODES]
        versions = [odata.mapping(resource, *keys).get("ApiVersion") for keys in NODES]
        for path in filter(None, nodes):
            version = odata.text(next(filter(None, versions), None))
            return _Root(nodes=path, api_version=version, resource=resource)
        raise errors.PodManagerFailed(
            f"What answers at {client.base} is no RSD pod manager: its root names no Nodes, "
            "neither itself nor under Oem.Intel_RackScale. Check the URL, or the driver."
        )

    def _get_root(self) -> dict[str, Any]:
        """Read the service's root; some have it without the slash that belongs there."""
        root = self._client.root
        try:
            return self._client.get(root)
        except errors.PodManagerNodeGone as exc:
            with contextlib.suppress(errors.PodManagerNodeGone):
                return self._client.get(root.rstrip("/"))
            raise exc

    def _allocate_target(self) -> str:
        with self._lock:
            if self._known_allocate is None:
                self._collection()
            if self._known_allocate is None:
                raise errors.PodManagerFailed(
                    f"{self._root().nodes} of the pod manager at {self._client.base} does not "
                    "offer the action Allocate: it composes no nodes."
                )
            return self._known_allocate

    def _post_allocate(self, body: dict[str, Any]) -> exchange.Answer:
        with failures.unsent():
            target = self._allocate_target()
        try:
            return self._client.post(target, body)
        except errors.PodManagerNodeGone:
            # The pod manager was upgraded under us: nothing was done.
            self._forget()
        with failures.unsent():
            target = self._allocate_target()
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

    def _remember(self, path: str, state: base.State, target: str | None) -> None:
        """Spare :meth:`assemble` the request that finds its target."""
        waits = state in (base.State.ALLOCATING, base.State.ALLOCATED)
        if target and waits and len(self._known_assemble) < REMEMBERED:
            self._known_assemble[path] = target

    def _node_in(self, reference: str | None) -> str | None:
        """Take a reference to a node; None for one to anything else, such as a task."""
        path = odata.path_of(reference)
        parent, _, name = (path or "").rpartition("/")
        return path if name and parent == self._root().nodes else None

    # The collection of nodes.

    def _collection(self, *, expanded: bool = False) -> odata.JSON:
        """Read the collection of nodes, or its first page."""
        try:
            found = self._collections.first(self._root().nodes, expanded=expanded)
        except errors.PodManagerNodeGone:
            self._forget()
            found = self._collections.page(self._root().nodes)
        self._known_allocate = odata.action_target(found, "Allocate")
        return found

    def _nodes(self, *, expanded: bool = False) -> Iterator[tuple[str, odata.JSON]]:
        """List the nodes: (path, what the collection says of it, all if it is expanded)."""
        found = self._collection(expanded=expanded)
        yield from self._collections.walk(self._root().nodes, found)
