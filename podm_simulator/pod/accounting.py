# SPDX-License-Identifier: Apache-2.0

"""Usage of a pod (total, free, composed), and a fingerprint of its state."""

from collections.abc import Iterable
import hashlib
import json
from typing import Any

from podm_simulator.pod import hardware
from podm_simulator.pod.pod import Pod


def _usage(total: int, free: int) -> dict[str, int]:
    return {"total": total, "free": free, "composed": total - free}


def _count(assets: Iterable[hardware.Asset]) -> dict[str, int]:
    listed = list(assets)
    return _usage(len(listed), sum(asset.holder is None for asset in listed))


def fingerprint(pod: Pod) -> str:
    """Return a hash of everything that clients can allocate or change.

    Two fingerprints of a pod are equal exactly when the same nodes, under whatever
    numbers, hold the same assets, in the same states, and every machine has the same
    power state, boot override, media and VLANs.
    """
    systems = pod.stock.systems.values()
    record = {
        "held": [
            (asset.path, _holder(pod, asset), asset.present)
            for asset in (*systems, *(p for s in systems for p in s.parts()), *pod.pooled())
        ],
        "nodes": sorted((node.uuid, node.name, node.state) for node in pod.nodes.values()),
        "systems": [_condition(system) for system in systems],
    }
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()


def _holder(pod: Pod, asset: hardware.Asset) -> str | None:
    """Return what tells the holder of an asset from all other nodes, whatever its number."""
    return None if asset.holder is None else pod.nodes[asset.holder].uuid


def _condition(system: hardware.System) -> list[Any]:
    boot = system.boot
    return [
        system.powered,
        system.asset_tag,
        [boot.enabled, boot.target, boot.mode],
        [medium.image for medium in system.media.values()],
        [[nic.primary_vlan, nic.vlans] for nic in system.nics],
    ]


def pool(pod: Pod) -> dict[str, Any]:
    """Return the usage of each resource (total, free, composed), the nodes and the fingerprint."""
    systems = list(pod.stock.systems.values())
    free = [system for system in systems if system.holder is None]
    local = [drive for system in systems for drive in system.drives]
    return {
        "name": pod.name,
        "systems": _count(systems),
        "processor_cores": _usage(sum(s.cores for s in systems), sum(s.cores for s in free)),
        "memory_mib": _usage(sum(s.memory_mib for s in systems), sum(s.memory_mib for s in free)),
        "drives": _count([*local, *pod.stock.drives.values()]),
        "nics": _count(nic for system in systems for nic in system.nics),
        "accelerators": _count(pod.stock.accelerators.values()),
        "nodes": [
            {
                "id": node.id,
                "name": node.name,
                "state": str(node.state),
                "system": node.system.id,
                "attached": [asset.path for asset in node.attached],
            }
            for node in pod.nodes.values()
        ],
        "fingerprint": fingerprint(pod),
    }
