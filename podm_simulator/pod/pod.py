# SPDX-License-Identifier: Apache-2.0

"""A pod: the hardware, the composed nodes, and which node holds what."""

from collections.abc import Callable
from collections.abc import Iterator
import dataclasses
import itertools
import time

from podm_simulator import uris
from podm_simulator.pod import errors
from podm_simulator.pod import factory
from podm_simulator.pod import hardware
from podm_simulator.pod import matching
from podm_simulator.pod.node import ComposedNode
from podm_simulator.pod.node import State
from podm_simulator.pod.requirements import Requirements


@dataclasses.dataclass(slots=True)
class Pace:
    """Durations of allocation and assembly, in seconds."""

    allocate: float = 0.0
    assemble: float = 1.0


# kind of pooled asset -> the protocols that can attach it; the first is the default
PROTOCOLS: dict[type[hardware.Asset], tuple[str, ...]] = {
    hardware.Drive: ("NVMe", "PCIe"),
    hardware.Processor: ("PCIe",),
}


class Pod:
    """All state of one pod manager, in memory.

    Only one thread changes it. ``next_assembly_fault`` is called before each
    assembly; it returns ``fail``, ``stuck``, or None for an assembly that succeeds.
    """

    def __init__(
        self,
        size: factory.Size | None = None,
        *,
        name: str = "pod",
        seed: str = "0",
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.identity = factory.Identity(name, seed)
        self.uuid = self.identity.uuid("pod", name)
        self.stock = factory.build(size or factory.Size(), self.identity)
        self.pace = pace or Pace()
        self.clock = clock
        self.nodes: dict[str, ComposedNode] = {}
        self.next_assembly_fault: Callable[[], str | None] = lambda: None
        self._ids = itertools.count(1)
        self._assets = {asset.path: asset for asset in self._all_assets()}
        self._chassis = {
            uris.chassis(place) for asset in self._assets.values() for place in asset.places
        }

    def _all_assets(self) -> Iterator[hardware.Asset]:
        for system in self.stock.systems.values():
            yield system
            yield from system.parts()
        yield from self.stock.drives.values()
        yield from self.stock.accelerators.values()

    def pooled(self) -> list[hardware.Asset]:
        """Return the assets that any node can attach."""
        return [*self.stock.drives.values(), *self.stock.accelerators.values()]

    def asset(self, path: str) -> hardware.Asset:
        """Return the asset at a path.

        :raises errors.Unknown: no asset has that path.
        """
        asset = self._assets.get(path)
        if asset is None:
            raise errors.Unknown(f"There is no resource {path}.", path)
        return asset

    def allocate(self, requirements: Requirements) -> ComposedNode:
        """Create a node that holds what the requirements describe.

        :raises errors.Invalid: they name a resource that does not exist.
        :raises errors.Conflict: no free hardware fits.
        """
        self._check_links(requirements)
        stock = self.stock
        candidate = matching.choose(
            requirements,
            stock.systems.values(),
            stock.drives.values(),
            stock.accelerators.values(),
        )
        ident = str(next(self._ids))
        node = ComposedNode(
            ident,
            requirements.name,
            requirements.description,
            self.identity.uuid("node", ident),
            candidate.system,
            self.clock,
            list(candidate.pooled),
            clear_tpm_on_delete=requirements.security.get("ClearTPMOnDelete", True),
        )
        for asset in node.holds():
            asset.holder = ident
        _set_vlans(candidate, requirements)
        node.start(State.ALLOCATING, State.ALLOCATED, self.pace.allocate)
        self.nodes[ident] = node
        return node

    def _check_links(self, requirements: Requirements) -> None:
        for name, path in requirements.links():
            if path not in (self._assets if name == "Resource" else self._chassis):
                raise errors.Invalid(f"{name} {path} does not exist.", name)

    def assemble(self, node: ComposedNode) -> None:
        """Start the assembly of a node.

        :raises errors.Conflict: it is not Allocated.
        """
        node.check("Assemble")
        node.assemble(self.pace.assemble, self.next_assembly_fault())

    def attachable(self) -> list[hardware.Asset]:
        """Return the pooled assets that are free."""
        return [asset for asset in self.pooled() if asset.free]

    def attach(self, node: ComposedNode, path: str, protocol: str | None) -> None:
        """Attach a free pooled asset to a node.

        :raises errors.Conflict: the state forbids it, or the asset is missing or held.
        :raises errors.Invalid: the asset cannot be attached, or not by that protocol.
        """
        node.check("AttachResource")
        asset = self._assets.get(path)
        if asset is None:
            raise errors.Conflict(f"Resource {path} does not exist.", "Resource")
        if asset not in self.pooled():
            raise errors.Invalid(f"Resource {path} cannot be attached to a node.", "Resource")
        protocols = PROTOCOLS[type(asset)]
        if protocol is not None and protocol not in protocols:
            raise errors.Invalid(
                f"Protocol {protocol} cannot attach {path}; use {' or '.join(protocols)}.",
                "Protocol",
            )
        if not asset.present:
            raise errors.Conflict(f"Resource {path} is absent.", "Resource")
        if asset.holder is not None:
            raise errors.Conflict(
                f"Resource {path} is already attached to node {asset.holder}.", "Resource"
            )
        asset.holder = node.id
        node.attached.append(asset)

    def detach(self, node: ComposedNode, path: str) -> None:
        """Return a pooled asset of a node to the pool; a drive is erased.

        :raises errors.Conflict: the state forbids it, or the node does not hold the asset.
        """
        node.check("DetachResource")
        asset = self._assets.get(path)
        if asset is None or asset not in node.attached:
            raise errors.Conflict(
                f"Resource {path} is not attached to node {node.id}.", "Resource"
            )
        node.attached.remove(asset)
        _release(asset)

    def renumber(self, *, rotate: bool = False) -> None:
        """Renumber all nodes.

        :param rotate: they exchange their numbers; otherwise all get new ones.
        """
        old = list(self.nodes)
        new = [*old[1:], *old[:1]] if rotate else [str(next(self._ids)) for _ in old]
        nodes = [self.nodes[ident] for ident in old]
        self.nodes = dict(sorted(zip(new, nodes, strict=True), key=lambda pair: int(pair[0])))
        for ident, node in self.nodes.items():
            node.id = ident
            for asset in node.holds():
                asset.holder = ident

    def machine(self, path: str) -> str | None:
        """Return the id of the system that a path, or the node at it, stands for; None: none."""
        place, _, rest = path.removeprefix(f"{uris.ROOT}/").partition("/")
        ident = rest.partition("/")[0]
        if place == "Nodes" and ident in self.nodes:
            return self.nodes[ident].system.id
        return ident if place == "Systems" and ident in self.stock.systems else None

    def delete(self, node: ComposedNode) -> None:
        """Return all assets to the pool: power off, no media, no boot override, drives erased."""
        for asset in node.holds():
            _release(asset)
        node.system.clean()
        del self.nodes[node.id]


def _release(asset: hardware.Asset) -> None:
    asset.holder = None
    if isinstance(asset, hardware.Drive):
        asset.erased = True


def _set_vlans(candidate: matching.Candidate, requirements: Requirements) -> None:
    for nic, wish in zip(candidate.nics, requirements.interfaces, strict=True):
        assert isinstance(nic, hardware.Nic)
        nic.primary_vlan = wish.get("PrimaryVLAN")
        nic.vlans[:] = [
            (vlan["VLANId"], vlan.get("Tagged", False)) for vlan in wish.get("VLANs", ())
        ]
