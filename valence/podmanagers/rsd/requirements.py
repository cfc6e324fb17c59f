# SPDX-License-Identifier: Apache-2.0

"""Translate the properties of a flavor into the body of an RSD Allocate.

The body is the one of the action Allocate of ComposedNodeCollection, RSD 2.1
to 2.5. Pod managers answer 400 to any field that they do not know, so only the fields
of this table are sent.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import re
from typing import Any

from valence import errors
from valence.podmanagers.limitation import Limitation

Fields = dict[str, Any]
Translation = Callable[[Any], Fields]


def _field(name: str) -> Translation:
    return lambda value: {name: value}


def _drive_type(value: str) -> Fields:
    """Translate a drive type: RSD has HDD and SSD, and NVMe as an interface of an SSD."""
    return {"Type": "SSD", "Interface": "NVMe"} if value == "NVMe" else {"Type": value}


def _vlan(value: int) -> Fields:
    return {"PrimaryVLAN": value, "VLANs": [{"VLANId": value, "Tagged": False}]}


#: (section, key) -> the field of the whole node that it becomes.
TOTALS: dict[tuple[str, str], str] = {
    ("processor", "total_cores"): "TotalSystemCoreCount",
    ("memory", "capacity_mib"): "TotalSystemMemoryMiB",
}


@dataclasses.dataclass(frozen=True)
class Section:
    """How the entries of a section of a flavor become entries of a list.

    :ivar field: the list; an entry with a ``count`` is repeated in it.
    :ivar keys: the translation of each key.
    :ivar since: the first version of the API that accepts it; None: every version does.
    """

    field: str
    keys: Mapping[str, Translation]
    since: tuple[int, int] | None = None


SECTIONS: dict[str, Section] = {
    "processor": Section(
        "Processors",
        {
            "model": _field("Model"),
            "instruction_set": _field("InstructionSet"),
            "speed_mhz": _field("AchievableSpeedMHz"),
        },
    ),
    "memory": Section(
        "Memory", {"type": _field("MemoryDeviceType"), "speed_mhz": _field("SpeedMHz")}
    ),
    "storage": Section(
        "LocalDrives",
        {
            "capacity_gib": _field("CapacityGiB"),
            "interface": _field("Interface"),
            "min_rpm": _field("MinRPM"),
            "type": _drive_type,
        },
    ),
    "network": Section("EthernetInterfaces", {"speed_mbps": _field("SpeedMbps"), "vlan": _vlan}),
    "pci_device": Section(
        "Processors", {"model": _field("Model"), "type": _field("ProcessorType")}, since=(2, 2)
    ),
}


#: Of a pod manager whose collection of nodes has no Allocate.
NO_ALLOCATE = Limitation(None, "It does not offer the action Allocate: it cannot compose nodes.")


def allocation(
    name: str, description: str, properties: Mapping[str, Any], api_version: str | None = None
) -> Fields:
    """Return the body of an Allocate.

    :param properties: as in a flavor; empty sections require nothing.
    :param api_version: of the pod manager; None: unknown, taken for the newest.
    :raises PodManagerRefused: this dialect has nothing for one of the properties.
    """
    body: Fields = {"Name": name, "Description": description}
    for section, requirement in properties.items():
        if not requirement:
            continue
        if section not in SECTIONS:
            raise _untranslatable(section)
        _check_version(section, api_version)
        for entry in requirement if isinstance(requirement, list) else [requirement]:
            totals, count, fields = _entry(section, entry)
            body |= totals
            if fields or count:
                body.setdefault(SECTIONS[section].field, []).extend(
                    dict(fields) for _ in range(count or 1)
                )
    return body


def _entry(section: str, entry: Mapping[str, Any]) -> tuple[Fields, int, Fields]:
    """Translate one entry to (fields of the node, how many, fields of each)."""
    totals: Fields = {}
    fields: Fields = {}
    count = 0
    for key, value in entry.items():
        if value is None:
            continue
        if (section, key) in TOTALS:
            totals[TOTALS[section, key]] = value
        elif key == "count":
            count = value
        elif key in SECTIONS[section].keys:
            fields |= SECTIONS[section].keys[key](value)
        else:
            raise _untranslatable(f"{section}.{key}")
    return totals, count, fields


def limitations(api_version: str | None) -> list[Limitation]:
    """Return what a pod manager of a version cannot allocate.

    :param api_version: None, or what is no version: taken for the newest.
    """
    version = re.match(r"\D*(\d{1,9})\.(\d{1,9})", api_version or "")
    if version is None:
        return []
    return [
        Limitation(
            name,
            f"Its version {api_version} cannot allocate {name}; "
            f"{section.since[0]}.{section.since[1]} is the first version that can.",
        )
        for name, section in SECTIONS.items()
        if section.since is not None and (int(version[1]), int(version[2])) < section.since
    ]


def _check_version(section: str, api_version: str | None) -> None:
    for limitation in limitations(api_version):
        if limitation.section == section:
            raise errors.PodManagerRefused(
                "The pod manager cannot compose such a node. Choose another.",
                reason=limitation.reason,
            )


def _untranslatable(requirement: str) -> errors.PodManagerRefused:
    return errors.PodManagerRefused(
        f"Pod managers of this kind cannot allocate by {requirement!r}. Leave it out of the "
        "flavor, or choose a pod manager of another kind."
    )
