# SPDX-License-Identifier: Apache-2.0

"""Choose the free hardware that fits a request, or report which filter left none.

The free systems pass one filter after the other. The refusal has the number of
systems left after each filter, as that of real pod managers:
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
    return lambda asset, required: str(getattr(asset, name)).lower() == str(required).lower()


def _at_least(name: str) -> Test:
    return lambda asset, required: (getattr(asset, name) or 0) >= required


def _brand_and_capabilities(asset: hardware.Processor, required: Wish) -> bool:
    intel = required | required.get("Intel_RackScale", {})
    return intel.get("Brand", asset.brand) == asset.brand and set(
        intel.get("Capabilities", ())
    ) <= set(asset.capabilities)


def _no_test(_asset: object, _wanted: object) -> bool:
    return True


PLACE: Mapping[str, Test] = {
    "Resource": _same("path"),
    "Chassis": lambda asset, required: required in [uris.chassis(place) for place in asset.places],
}
PROCESSOR: Mapping[str, Test] = {
    "Model": _same("model"),
    "TotalCores": _at_least("cores"),
    "AchievableSpeedMHz": _at_least("speed_mhz"),
    "InstructionSet": _same("instruction_set"),
    "ProcessorType": _same("kind"),
    "Connectivity": lambda asset, required: (
        not required or ("Local" if asset.kind == "CPU" else "RemotePCIe") in required
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
    "FabricSwitch": lambda asset, required: asset.pooled is required,
    **PLACE,
}
INTERFACE: Mapping[str, Test] = {
    "SpeedMbps": _at_least("speed_mbps"),
    "PrimaryVLAN": _no_test,  # any port can be put into any VLAN
    "VLANs": _no_test,
    **PLACE,
}
SECURITY: Mapping[str, Test] = {
    "TpmPresent": lambda system, required: (system.tpm is not None) is required,
    "TpmInterfaceType": _same("tpm"),
    "TxtEnabled": lambda system, required: not required or system.txt,
    "ClearTPMOnDelete": _no_test,
}


def fits(asset: hardware.Asset, wish: Wish, tests: Mapping[str, Test]) -> bool:
    """Return whether an asset satisfies a wish."""
    return all(tests[name](asset, required) for name, required in wish.items())


def assign(
    wishes: Sequence[Wish], assets: Sequence[hardware.Asset], tests: Mapping[str, Test]
) -> list[hardware.Asset] | None:
    """Return an asset for each wish, all different; None when that is impossible.

    Earlier assets are preferred. Augmenting paths ensure that a modest wish never
    keeps the one asset that a demanding wish depends on.
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
    """A system that passed the filters so far, and the assets that would come with it."""

    system: hardware.System
    pooled: list[hardware.Asset] = dataclasses.field(default_factory=list)
    nics: list[hardware.Asset] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Pool:
    """The free assets that any system can use."""

    drives: Sequence[hardware.Drive]
    accelerators: Sequence[hardware.Processor]


Filter = Callable[[Candidate, Requirements, Pool], bool]


def _parts(tests: Mapping[str, Test], of: str, wishes: str) -> Filter:
    """Return the filter on the fixed parts of a system.

    :param of: attribute of the system that has the parts.
    :param wishes: attribute of the requirements.
    """

    def passes(candidate: Candidate, requirements: Requirements, _pool: Pool) -> bool:
        present = [part for part in getattr(candidate.system, of) if part.present]
        return assign(getattr(requirements, wishes), present, tests) is not None

    return passes


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
    ("cores", lambda candidate, required, _pool: candidate.system.cores >= required.cores),
    (
        "memory",
        lambda candidate, required, _pool: candidate.system.memory_mib >= required.memory_mib,
    ),
    ("processors", _parts(PROCESSOR, "processors", "processors")),
    ("memory modules", _parts(MEMORY, "memory", "memory")),
    ("ethernet interfaces", _interfaces),
    (
        "security",
        lambda candidate, required, _pool: fits(candidate.system, required.security, SECURITY),
    ),
    ("local drives", _local_drives),
    ("remote drives", lambda _candidate, required, _pool: not required.remote_drives),
    ("accelerators", _accelerators),
)


def _useful(
    wishes: Sequence[Wish], assets: Iterable[hardware.Asset], tests: Mapping[str, Test]
) -> list[Any]:
    """Return the assets of a large pool that can matter to these wishes.

    Of the assets that fit a wish, as many as there are wishes are enough.
    """
    free = [asset for asset in assets if asset.free]
    useful: dict[int, hardware.Asset] = {}
    for wish in wishes:
        fitting = [asset for asset in free if fits(asset, wish, tests)][: len(wishes)]
        useful.update((id(asset), asset) for asset in fitting)
    return list(useful.values())


def choose(
    requirements: Requirements,
    systems: Iterable[hardware.System],
    drives: Iterable[hardware.Drive],
    accelerators: Iterable[hardware.Processor],
) -> Candidate:
    """Return the smallest free system that fits, with its assets of the pool.

    :raises errors.Conflict: nothing fits; the message has the number left after each filter.
    """
    candidates = [Candidate(system) for system in systems if system.free]
    pool = Pool(
        _useful(requirements.local_drives, drives, DRIVE),
        _useful(requirements.accelerators, accelerators, PROCESSOR),
    )
    counts = [f"available: {len(candidates)}"]
    for name, passes in FILTERS:
        candidates = [it for it in candidates if passes(it, requirements, pool)]
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
