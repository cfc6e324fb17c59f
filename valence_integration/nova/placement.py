# SPDX-License-Identifier: Apache-2.0

"""What Placement is told of a compute node: resource classes and traits.

Every flavor of Valence is a resource class, and one more stands for what is composed
from properties. They draw on the same hardware: the totals follow what is composed,
and a pod manager that is full or away has no room left to schedule on.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import re

from valence_integration.nova.capacity import Capacity
from valence_integration.nova.capacity import Look
from valence_integration.nova.capacity import NO_FLAVOR
from valence_integration.nova.computenode import ComputeNode

#: Resource classes and traits that begin so are ours.
PREFIX = "CUSTOM_VALENCE_"

#: Of machines that are composed from properties, and from no flavor of Valence's.
ANY_NODE = PREFIX + "NODE"

#: Every compute node of ours has this trait.
COMPOSABLE = PREFIX + "COMPOSABLE"

#: Most characters in the name of a resource class or a trait (Placement's API).
LONGEST = 255

#: What one resource class is, as Placement's API has it.
Inventory = Mapping[str, int | float]


@dataclasses.dataclass(frozen=True)
class _Count:
    """What one compute node has of one class: nodes of our servers, of others, room."""

    ours: int = 0
    others: int = 0
    room: int = 0

    def __add__(self, other: "_Count") -> "_Count":
        """Join two flavors whose names are spelled alike: they share the hardware."""
        room = max(self.room, other.room)
        return _Count(self.ours + other.ours, self.others + other.others, room)

    def inventory(self) -> Inventory:
        """Make Placement's record of it; a total is never below one."""
        total = self.ours + self.others + self.room
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


def of(
    node: ComputeNode,
    look: Look,
    capacity: Capacity,
    own: Collection[str],
    known: Collection[str] = (),
) -> dict[str, Inventory]:
    """Count what a compute node has, by resource class.

    A pod manager that is away keeps what stands on it and has no room. A class that
    Placement knows and no flavor has any more is closed while nodes may be of it.

    :param own: uuids of the nodes that servers of this Nova stand on; what is being
        given back is not theirs any more, and reserved until it is gone.
    :param known: resource classes that Placement has of the compute node.
    """
    counts: dict[str, _Count] = {}
    for flavor in (NO_FLAVOR, *look.flavors):
        name = ANY_NODE if flavor is NO_FLAVOR else resource_class(look.flavors[flavor].name or "")
        counted = _count(node, look, capacity, own, flavor)
        counts[name] = counts.get(name, _Count()) + counted
    orphans = sum(
        1
        for pod in node.pods
        for found in look.on(pod)
        if found.flavor_id and found.flavor_id not in look.flavors
    )
    for name in known:
        if orphans and name.startswith(PREFIX):
            counts.setdefault(name, _Count(others=orphans))
    return {name: count.inventory() for name, count in counts.items()}


def traits(node: ComputeNode, look: Look, known: Iterable[str]) -> set[str]:
    """Name the traits of a compute node: its own, and those that are not ours.

    Its own tell its pod managers, their drivers, and the kinds of devices that they have.
    """
    own = {COMPOSABLE}
    for pod in (look.pods[uuid] for uuid in node.pods if uuid in look.pods):
        own.add(custom("POD_", pod.name or pod.uuid))
        own.add(custom("DRIVER_", pod.driver))
        kinds = (pod.usage.get("devices") or {}).get("by_type") or {}
        own |= {custom("DEVICE_", kind) for kind, count in kinds.items() if count.get("total")}
    return {trait for trait in known if not trait.startswith(PREFIX)} | own


def resource_class(flavor: str) -> str:
    """Name the resource class of a Valence flavor: ``gold`` is CUSTOM_VALENCE_GOLD."""
    return custom("", flavor)


def custom(kind: str, name: str) -> str:
    """Spell a name as resource classes and traits are: capitals, digits and underscores."""
    return (PREFIX + kind + re.sub(r"[^A-Z0-9_]", "_", name.upper()))[:LONGEST]


def _count(
    node: ComputeNode, look: Look, capacity: Capacity, own: Collection[str], flavor: str | None
) -> _Count:
    there = [
        found.uuid for pod in node.pods for found in look.on(pod) if found.flavor_id == flavor
    ]
    ours = sum(1 for uuid in there if uuid in own)
    well = [pod for pod in node.pods if look.is_well(pod)]
    return _Count(ours, len(there) - ours, sum(capacity.room(pod, flavor) for pod in well))
