# SPDX-License-Identifier: Apache-2.0

"""What the pod has, what of it is free, and a fingerprint of the whole."""

from collections.abc import Iterable
import hashlib
import json
from typing import Any

from podm_simulator.pod import hardware
from podm_simulator.pod.pod import Pod


def _line(total: int, free: int) -> dict[str, int]:
    return {"total": total, "free": free, "composed": total - free}


def _count(assets: Iterable[hardware.Asset]) -> dict[str, int]:
    listed = list(assets)
    return _line(len(listed), sum(asset.holder is None for asset in listed))


def fingerprint(pod: Pod) -> str:
    """Return a hash of all that can be taken or changed, and who holds it.

    Two fingerprints of a pod are equal exactly when the same things are held
    by the same nodes, in the same states, and every machine stands as it stood:
    power, boot override, media, VLANs.
    """
    systems = pod.stock.systems.values()
    record = {
        "held": [
            (asset.path, asset.holder, asset.present)
            for asset in (*systems, *(p for s in systems for p in s.parts()), *pod.pooled())
        ],
        "nodes": [(node.id, node.name, node.state) for node in pod.nodes.values()],
        "systems": [_condition(system) for system in systems],
    }
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()


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
    """Return the books: per resource the total, the free and the composed."""
    systems = list(pod.stock.systems.values())
    free = [system for system in systems if system.holder is None]
    local = [drive for system in systems for drive in system.drives]
    return {
        "name": pod.name,
        "systems": _count(systems),
        "processor_cores": _line(sum(s.cores for s in systems), sum(s.cores for s in free)),
        "memory_mib": _line(sum(s.memory_mib for s in systems), sum(s.memory_mib for s in free)),
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
