# SPDX-License-Identifier: Apache-2.0

"""Find the free hardware that fits a request, or say where it ran out.

The free systems go through one filter after the other. What is left is
counted after each, and a refusal carries the counts, as real pod managers do:
``[available: 9 -> cores: 5 -> memory: 0]``.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from podm_simulator import uris
from podm_simulator.pod import errors
from podm_simulator.pod import hardware
from podm_simulator.pod.requirements import Requirements
from podm_simulator.pod.requirements import Wish

Test = Callable[[Any, Any], bool]


def _same(name: str) -> Test:
    return lambda asset, wanted: str(getattr(asset, name)).lower() == str(wanted).lower()


def _at_least(name: str) -> Test:
    return lambda asset, wanted: (getattr(asset, name) or 0) >= wanted


def _brand_and_capabilities(asset: hardware.Processor, wanted: Wish) -> bool:
    intel = wanted | wanted.get("Intel_RackScale", {})
    return intel.get("Brand", asset.brand) == asset.brand and set(
        intel.get("Capabilities", ())
    ) <= set(asset.capabilities)


def _no_test(_asset: object, _wanted: object) -> bool:
    return True


PLACE: Mapping[str, Test] = {
    "Resource": _same("path"),
    "Chassis": lambda asset, wanted: wanted in [uris.chassis(place) for place in asset.places],
}
PROCESSOR: Mapping[str, Test] = {
    "Model": _same("model"),
    "TotalCores": _at_least("cores"),
    "AchievableSpeedMHz": _at_least("speed_mhz"),
    "InstructionSet": _same("instruction_set"),
    "ProcessorType": _same("kind"),
    "Connectivity": lambda asset, wanted: (
        not wanted or ("Local" if asset.kind == "CPU" else "RemotePCIe") in wanted
    ),
    "Oem": _brand_and_capabilities,
    **PLACE,
}
MEMORY: Mapping[str, Test] = {
    "CapacityMiB": _at_least("capacity_mib"),
    "MemoryType": _same("kind"),
    "MemoryDeviceType": _same("device_type"),
    "SpeedMHz": _at_least("speed_mhz"),
    "Manufacturer": _same("manufacturer"),
    "DataWidthBits": _at_least("data_width_bits"),
    **PLACE,
}
DRIVE: Mapping[str, Test] = {
    "CapacityGiB": _at_least("capacity_gib"),
    "Type": _same("media"),
    "MinRPM": _at_least("rpm"),
    "SerialNumber": _same("serial"),
    "Interface": _same("interface"),
    "FabricSwitch": lambda asset, wanted: asset.pooled is wanted,
    **PLACE,
}
INTERFACE: Mapping[str, Test] = {
    "SpeedMbps": _at_least("speed_mbps"),
    "PrimaryVLAN": _no_test,  # any port can be put into any VLAN
    "VLANs": _no_test,
    **PLACE,
}
SECURITY: Mapping[str, Test] = {
    "TpmPresent": lambda system, wanted: (system.tpm is not None) is wanted,
    "TpmInterfaceType": _same("tpm"),
    "TxtEnabled": lambda system, wanted: not wanted or system.txt,
    "ClearTPMOnDelete": _no_test,
}


def fits(asset: hardware.Asset, wish: Wish, tests: Mapping[str, Test]) -> bool:
    """Tell whether an asset has all that a wish asks for."""
    return all(tests[name](asset, wanted) for name, wanted in wish.items())


def assign(
    wishes: Sequence[Wish], assets: Sequence[hardware.Asset], tests: Mapping[str, Test]
) -> list[hardware.Asset] | None:
    """Give each wish an asset of its own, or return None when that cannot be done.

    Earlier assets are preferred. It follows augmenting paths, so that a modest
    wish never keeps the one asset that a demanding wish depends on.
    """
    holders: dict[int, int] = {}

    def place(wish: int, tried: set[int]) -> bool:
        for number, asset in enumerate(assets):
            if number in tried or not fits(asset, wishes[wish], tests):
                continue
            tried.add(number)
            if number not in holders or place(holders[number], tried):
                holders[number] = wish
                return True
        return False

    if len(wishes) > len(assets) or not all(place(wish, set()) for wish in range(len(wishes))):
        return None
    chosen = {wish: assets[number] for number, wish in holders.items()}
    return [chosen[wish] for wish in range(len(wishes))]


@dataclasses.dataclass(slots=True)
class Candidate:
    """A system that is still in the running, and what would be taken with it."""

    system: hardware.System
    pooled: list[hardware.Asset] = dataclasses.field(default_factory=list)
    nics: list[hardware.Asset] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Pool:
    """What is free now and can be given to any system."""

    drives: Sequence[hardware.Drive]
    accelerators: Sequence[hardware.Processor]


Filter = Callable[[Candidate, Requirements, Pool], bool]


def _parts(tests: Mapping[str, Test], of: str, wanted: str) -> Filter:
    """Make the filter on parts that are fixed in the system."""

    def survive(candidate: Candidate, requirements: Requirements, _pool: Pool) -> bool:
        present = [part for part in getattr(candidate.system, of) if part.present]
        return assign(getattr(requirements, wanted), present, tests) is not None

    return survive


def _interfaces(candidate: Candidate, requirements: Requirements, _pool: Pool) -> bool:
    chosen = assign(requirements.interfaces, candidate.system.nics, INTERFACE)
    candidate.nics = chosen or []
    return chosen is not None


def _local_drives(candidate: Candidate, requirements: Requirements, pool: Pool) -> bool:
    own = [drive for drive in candidate.system.drives if drive.present]
    chosen = assign(requirements.local_drives, [*own, *pool.drives], DRIVE)
    candidate.pooled += [drive for drive in chosen or () if drive not in own]
    return chosen is not None


def _accelerators(candidate: Candidate, requirements: Requirements, pool: Pool) -> bool:
    chosen = assign(requirements.accelerators, pool.accelerators, PROCESSOR)
    candidate.pooled += chosen or []
    return chosen is not None


FILTERS: tuple[tuple[str, Filter], ...] = (
    ("cores", lambda candidate, wanted, _pool: candidate.system.cores >= wanted.cores),
    ("memory", lambda candidate, wanted, _pool: candidate.system.memory_mib >= wanted.memory_mib),
    ("processors", _parts(PROCESSOR, "processors", "processors")),
    ("memory modules", _parts(MEMORY, "memory", "memory")),
    ("ethernet interfaces", _interfaces),
    (
        "security",
        lambda candidate, wanted, _pool: fits(candidate.system, wanted.security, SECURITY),
    ),
    ("local drives", _local_drives),
    ("remote drives", lambda _candidate, wanted, _pool: not wanted.remote_drives),
    ("accelerators", _accelerators),
)


def _useful(
    wishes: Sequence[Wish], assets: Iterable[hardware.Asset], tests: Mapping[str, Test]
) -> list[Any]:
    """Keep so many assets of a large pool as could matter to these wishes.

    Of the assets that fit a wish, as many as there are wishes are enough.
    """
    free = [asset for asset in assets if asset.free]
    kept: dict[int, hardware.Asset] = {}
    for wish in wishes:
        fitting = [asset for asset in free if fits(asset, wish, tests)][: len(wishes)]
        kept.update((id(asset), asset) for asset in fitting)
    return list(kept.values())


def choose(
    requirements: Requirements,
    systems: Iterable[hardware.System],
    drives: Iterable[hardware.Drive],
    accelerators: Iterable[hardware.Processor],
) -> Candidate:
    """Choose the smallest free system that fits, with what it takes from the pool.

    :raises errors.Conflict: nothing fits; the message counts what survived each filter.
    """
    candidates = [Candidate(system) for system in systems if system.free]
    pool = Pool(
        _useful(requirements.local_drives, drives, DRIVE),
        _useful(requirements.accelerators, accelerators, PROCESSOR),
    )
    counts = [f"available: {len(candidates)}"]
    for name, survive in FILTERS:
        candidates = [it for it in candidates if survive(it, requirements, pool)]
        counts.append(f"{name}: {len(candidates)}")
        if not candidates:
            raise errors.Conflict(
                "There are no computer systems available for this allocation request. "
                f"Available assets count after applying filters: [{' -> '.join(counts)}]"
            )
    return min(candidates, key=_cost)


def _cost(candidate: Candidate) -> tuple[int, int, int, int]:
    system = candidate.system
    return system.cores, system.memory_mib, len(candidate.pooled), len(system.drives)
