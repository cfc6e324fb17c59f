# SPDX-License-Identifier: Apache-2.0

"""Translate what a flavor asks for into the body of an RSD Allocate.

The body is the one of the action Allocate of ComposedNodeCollection, RSD 2.1
to 2.5. Pod managers answer 400 to any field they do not know, so what is sent
is this table and nothing else.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import re
from typing import Any

from valence import errors

Fields = dict[str, Any]
Translation = Callable[[Any], Fields]


def _field(name: str) -> Translation:
    return lambda value: {name: value}


def _drive_type(value: str) -> Fields:
    """Type is HDD or SSD; that a drive speaks NVMe is its interface."""
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

    :ivar field: the list they go to; ``count`` of them, when it is given.
    :ivar keys: what each key becomes.
    :ivar since: the first version of the API that can be asked for it.
    """

    field: str
    keys: Mapping[str, Translation]
    since: tuple[int, int] = (2, 1)


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


def allocation(
    name: str, description: str, properties: Mapping[str, Any], api_version: str | None = None
) -> Fields:
    """Make the body of an Allocate.

    :param properties: as in a flavor; empty sections ask for nothing.
    :param api_version: of the pod manager; None: not known, taken for the newest.
    :raises PodManagerRefused: nothing of this dialect means what is asked for.
    """
    body: Fields = {"Name": name, "Description": description}
    for section, asked in properties.items():
        if not asked:
            continue
        if section not in SECTIONS:
            raise _untranslatable(section)
        _check_version(section, api_version)
        for entry in asked if isinstance(asked, list) else [asked]:
            totals, count, entries = _entry(section, entry)
            body |= totals
            if entries or count:
                body.setdefault(SECTIONS[section].field, []).extend(
                    dict(entries) for _ in range(count or 1)
                )
    return body


def _entry(section: str, asked: Mapping[str, Any]) -> tuple[Fields, int, Fields]:
    """Translate one entry to (fields of the node, how many, fields of each)."""
    totals: Fields = {}
    fields: Fields = {}
    count = 0
    for key, value in asked.items():
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


def _check_version(section: str, api_version: str | None) -> None:
    version = re.match(r"(\d+)\.(\d+)", api_version or "")
    needed = SECTIONS[section].since
    if version and (int(version[1]), int(version[2])) < needed:
        raise errors.PodManagerRefused(
            f"A pod manager of version {api_version} cannot be asked for {section}; "
            f"{needed[0]}.{needed[1]} is the first that can. Choose another pod manager."
        )


def _untranslatable(what: str) -> errors.PodManagerRefused:
    return errors.PodManagerRefused(
        f"Pod managers of this kind cannot be asked for {what!r}. Leave it out of the flavor, "
        "or choose a pod manager of another kind."
    )
