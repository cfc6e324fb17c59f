# SPDX-License-Identifier: Apache-2.0

"""The compute nodes of a nova-compute: one for each pod manager, or for a group of them."""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from valence_conductor import ids
from valenceclient.podmanager import PodManager


@dataclasses.dataclass(frozen=True)
class ComputeNode:
    """One compute node.

    :ivar uuid: of the pod manager; of a group, derived from its name.
    :ivar name: the hypervisor hostname in Nova: the uuid of the pod manager, so that
        the pod manager can be renamed, or the name of the group.
    :ivar podm_ids: uuids of the pod managers.
    """

    uuid: str
    name: str
    podm_ids: tuple[str, ...]


def build(
    podmanagers: Mapping[str, PodManager],
    selection: Collection[str],
    groups: Mapping[str, Sequence[str]],
) -> dict[str, ComputeNode]:
    """Return the compute nodes of a process, by name.

    :param podmanagers: all of Valence's, by uuid.
    :param selection: names or uuids of those to use; empty means all.
    :param groups: name to names or uuids.
    """
    uuids = {
        ident: podmanager.uuid
        for podmanager in podmanagers.values()
        for ident in (podmanager.uuid, podmanager.name)
        if ident
    }
    single = {uuids[ident] for ident in selection if ident in uuids}
    if not selection:
        single = set(podmanagers)
    compute_nodes = {}
    for name, members in groups.items():
        group = tuple(uuids[ident] for ident in members if ident in uuids)
        single -= set(group)
        if group:
            uuid = ids.derive_uuid("compute-node", name, 0)
            compute_nodes[name] = ComputeNode(uuid, name, group)
    return compute_nodes | {uuid: ComputeNode(uuid, uuid, (uuid,)) for uuid in sorted(single)}


def find_unknown(
    podmanagers: Mapping[str, PodManager],
    selection: Collection[str],
    groups: Mapping[str, Sequence[str]],
) -> list[str]:
    """Return the pod managers that the configuration names and Valence does not know."""
    idents = {
        ident
        for podmanager in podmanagers.values()
        for ident in (podmanager.uuid, podmanager.name)
    }
    named = [*selection, *(ident for members in groups.values() for ident in members)]
    return sorted({ident for ident in named if ident not in idents})
