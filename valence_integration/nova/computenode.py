# SPDX-License-Identifier: Apache-2.0

"""Which compute nodes a nova-compute has: a pod manager each, or a group of them."""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from valence_conductor import ids
from valenceclient.podmanager import PodManager


@dataclasses.dataclass(frozen=True)
class ComputeNode:
    """One compute node.

    :ivar uuid: the pod manager's own; of a group, derived from its name.
    :ivar name: what Nova calls it, the hypervisor's hostname: the uuid of the pod
        manager, so that it outlives a change of name, or the name of the group.
    :ivar pods: uuids of the pod managers.
    """

    uuid: str
    name: str
    pods: tuple[str, ...]


def of(
    pods: Mapping[str, PodManager],
    wanted: Collection[str],
    groups: Mapping[str, Sequence[str]],
) -> dict[str, ComputeNode]:
    """Make the compute nodes of a process, by name.

    :param pods: what Valence knows, by uuid.
    :param wanted: names or uuids of those to use; empty: all.
    :param groups: name to names or uuids.
    """
    idents = {ident: pod.uuid for pod in pods.values() for ident in (pod.uuid, pod.name) if ident}
    used = {idents[ident] for ident in wanted if ident in idents} if wanted else set(pods)
    made = {}
    for name, members in groups.items():
        group = tuple(idents[ident] for ident in members if ident in idents)
        used -= set(group)
        if group:
            made[name] = ComputeNode(ids.derive_uuid("compute-node", name, 0), name, group)
    return made | {uuid: ComputeNode(uuid, uuid, (uuid,)) for uuid in sorted(used)}


def unknown(
    pods: Mapping[str, PodManager],
    wanted: Collection[str],
    groups: Mapping[str, Sequence[str]],
) -> list[str]:
    """List the pod managers that the configuration names and Valence does not know."""
    idents = {ident for pod in pods.values() for ident in (pod.uuid, pod.name)}
    named = [*wanted, *(ident for members in groups.values() for ident in members)]
    return sorted({ident for ident in named if ident not in idents})
