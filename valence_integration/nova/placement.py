# SPDX-License-Identifier: Apache-2.0

"""The inventory and traits that Placement has of a compute node.

Each flavor of Valence is a resource class; one more class is for nodes that are composed
from properties. All of them share the same hardware: the totals follow what is composed,
and a pod manager that is full or unavailable has no room to schedule on.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import re

from valence_integration.nova.capacity import Capacity
from valence_integration.nova.capacity import NO_FLAVOR
from valence_integration.nova.capacity import Snapshot
from valence_integration.nova.computenode import ComputeNode

#: The prefix of the driver's own resource classes and traits.
PREFIX = "CUSTOM_VALENCE_"

#: The resource class of nodes that are composed from properties.
ANY_NODE = PREFIX + "NODE"

#: The trait of every compute node of the driver.
COMPOSABLE = PREFIX + "COMPOSABLE"

#: Most characters in the name of a resource class or a trait (Placement's API).
MAX_NAME = 255

#: The inventory of one resource class, as in Placement's API.
Inventory = Mapping[str, int | float]


@dataclasses.dataclass(frozen=True)
class _Count:
    """Nodes of one resource class on one compute node.

    :ivar own: of servers of this Nova.
    :ivar others: of other users, or being released.
    :ivar room: that could be composed.
    """

    own: int = 0
    others: int = 0
    room: int = 0

    def __add__(self, other: "_Count") -> "_Count":
        """Add a flavor that has the same resource class: both share the hardware."""
        room = max(self.room, other.room)
        return _Count(self.own + other.own, self.others + other.others, room)

    def inventory(self) -> Inventory:
        """Return the record for Placement, whose total cannot be less than one."""
        total = self.own + self.others + self.room
        reserved = self.others
        if total == 0:
            total = reserved = 1
        return {
            "total": total,
            "reserved": reserved,
            "min_unit": 1,
            "max_unit": 1,
            "step_size": 1,
            "allocation_ratio": 1.0,
        }


def inventory(
    compute_node: ComputeNode,
    snapshot: Snapshot,
    capacity: Capacity,
    own: Collection[str],
    existing: Collection[str] = (),
) -> dict[str, Inventory]:
    """Return the inventory of a compute node, by resource class.

    A pod manager that is unavailable keeps its nodes and has no room. A class in Placement
    whose flavor no longer exists is fully reserved while nodes may belong to it.

    :param own: uuids of the nodes of this Nova's servers, without those that are being
        released: they count as reserved until they are deleted.
    :param existing: resource classes that Placement has of the compute node.
    """
    counts: dict[str, _Count] = {}
    for flavor_id in (NO_FLAVOR, *snapshot.flavors):
        name = ANY_NODE
        if flavor_id is not NO_FLAVOR:
            name = resource_class(snapshot.flavors[flavor_id].name or "")
        count = _count(compute_node, snapshot, capacity, own, flavor_id)
        counts[name] = counts.get(name, _Count()) + count
    orphans = sum(
        1
        for podm_id in compute_node.podm_ids
        for node in snapshot.nodes_on(podm_id)
        if node.flavor_id and node.flavor_id not in snapshot.flavors
    )
    for name in existing:
        if orphans and name.startswith(PREFIX):
            counts.setdefault(name, _Count(others=orphans))
    return {name: count.inventory() for name, count in counts.items()}


def traits(compute_node: ComputeNode, snapshot: Snapshot, existing: Iterable[str]) -> set[str]:
    """Return the traits of a compute node: the driver's own, and the others that exist.

    The driver's own name the pod managers, their drivers, and the types of their devices.
    """
    own = {COMPOSABLE}
    for podm_id in compute_node.podm_ids:
        podmanager = snapshot.podmanagers.get(podm_id)
        if podmanager is None:
            continue
        own.add(custom_name("POD_", podmanager.name or podmanager.uuid))
        own.add(custom_name("DRIVER_", podmanager.driver))
        types = (podmanager.usage.get("devices") or {}).get("by_type") or {}
        own |= {
            custom_name("DEVICE_", name) for name, count in types.items() if count.get("total")
        }
    return {trait for trait in existing if not trait.startswith(PREFIX)} | own


def resource_class(flavor_name: str) -> str:
    """Return the resource class of a Valence flavor: ``gold`` is CUSTOM_VALENCE_GOLD."""
    return custom_name("", flavor_name)


def custom_name(kind: str, name: str) -> str:
    """Return a name in the form of resource classes and traits: capitals, digits and ``_``."""
    return (PREFIX + kind + re.sub(r"[^A-Z0-9_]", "_", name.upper()))[:MAX_NAME]


def _count(
    compute_node: ComputeNode,
    snapshot: Snapshot,
    capacity: Capacity,
    own: Collection[str],
    flavor_id: str | None,
) -> _Count:
    nodes = [
        node.uuid
        for podm_id in compute_node.podm_ids
        for node in snapshot.nodes_on(podm_id)
        if node.flavor_id == flavor_id
    ]
    own_count = sum(1 for uuid in nodes if uuid in own)
    usable = [podm_id for podm_id in compute_node.podm_ids if snapshot.is_usable(podm_id)]
    room = sum(capacity.room(podm_id, flavor_id) for podm_id in usable)
    return _Count(own_count, len(nodes) - own_count, room)
