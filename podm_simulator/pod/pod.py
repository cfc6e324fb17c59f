# SPDX-License-Identifier: Apache-2.0

"""A pod: the hardware, the composed nodes, and who holds what."""

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
from podm_simulator.pod import node as composed
from podm_simulator.pod.node import ComposedNode
from podm_simulator.pod.requirements import Requirements


@dataclasses.dataclass(slots=True)
class Pace:
    """How long things take, in seconds."""

    allocate: float = 0.0
    assemble: float = 1.0


# What each kind of pooled asset can be attached by; the first is the default.
PROTOCOLS: dict[type[hardware.Asset], tuple[str, ...]] = {
    hardware.Drive: ("NVMe", "PCIe"),
    hardware.Processor: ("PCIe",),
}


class Pod:
    """All state of one pod manager, kept in memory.

    Only one thread changes it. ``next_assembly_fault`` is asked before each
    assembly whether, and how, it shall go wrong.
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
        self._places = {
            uris.chassis(place) for asset in self._assets.values() for place in asset.places
        }

    def _all_assets(self) -> Iterator[hardware.Asset]:
        for system in self.stock.systems.values():
            yield system
            yield from system.parts()
        yield from self.stock.drives.values()
        yield from self.stock.accelerators.values()

    def pooled(self) -> list[hardware.Asset]:
        """List what can be attached to any node."""
        return [*self.stock.drives.values(), *self.stock.accelerators.values()]

    def asset(self, path: str) -> hardware.Asset:
        """Return the asset at that path.

        :raises errors.Unknown: there is none.
        """
        asset = self._assets.get(path)
        if asset is None:
            raise errors.Unknown(f"There is no resource {path}.", path)
        return asset

    def allocate(self, requirements: Requirements) -> ComposedNode:
        """Take what the requirements ask for, for a new node.

        :raises errors.Invalid: they name a resource that does not exist.
        :raises errors.Conflict: nothing that is free fits.
        """
        self._check_links(requirements)
        stock = self.stock
        found = matching.choose(
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
            found.system,
            self.clock,
            list(found.pooled),
            clear_tpm_on_delete=requirements.security.get("ClearTPMOnDelete", True),
        )
        for asset in node.holds():
            asset.holder = ident
        _set_vlans(found, requirements)
        node.start(composed.State.ALLOCATING, composed.State.ALLOCATED, self.pace.allocate)
        self.nodes[ident] = node
        return node

    def _check_links(self, requirements: Requirements) -> None:
        for name, path in requirements.links():
            if path not in (self._assets if name == "Resource" else self._places):
                raise errors.Invalid(f"{name} {path} does not exist.", name)

    def assemble(self, node: ComposedNode) -> None:
        """Begin to assemble a node.

        :raises errors.Conflict: it is not Allocated.
        """
        node.check("Assemble")
        node.assemble(self.pace.assemble, self.next_assembly_fault())

    def attachable(self) -> list[hardware.Asset]:
        """List the pooled assets that are free."""
        return [asset for asset in self.pooled() if asset.free]

    def attach(self, node: ComposedNode, path: str, protocol: str | None) -> None:
        """Give a free pooled asset to a node.

        :raises errors.Conflict: the state is wrong, or the asset missing or taken.
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
        """Take a pooled asset back from a node; a drive is erased.

        :raises errors.Conflict: the state is wrong, or the node does not hold the asset.
        """
        node.check("DetachResource")
        asset = self._assets.get(path)
        if asset is None or asset not in node.attached:
            raise errors.Conflict(
                f"Resource {path} is not attached to node {node.id}.", "Resource"
            )
        node.attached.remove(asset)
        _give_back(asset)

    def delete(self, node: ComposedNode) -> None:
        """Give everything back: power off, media out, boot override gone, drives erased."""
        for asset in node.holds():
            _give_back(asset)
        node.system.clean()
        del self.nodes[node.id]


def _give_back(asset: hardware.Asset) -> None:
    asset.holder = None
    if isinstance(asset, hardware.Drive):
        asset.erased = True


def _set_vlans(found: matching.Candidate, requirements: Requirements) -> None:
    for nic, wish in zip(found.nics, requirements.interfaces, strict=True):
        assert isinstance(nic, hardware.Nic)
        nic.primary_vlan = wish.get("PrimaryVLAN")
        nic.vlans[:] = [
            (vlan["VLANId"], vlan.get("Tagged", False)) for vlan in wish.get("VLANs", ())
        ]
