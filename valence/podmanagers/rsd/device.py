# SPDX-License-Identifier: Apache-2.0

"""Read what an RSD pod manager has pooled: drives beside all systems, and accelerators."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from valence.podmanagers import inventory
from valence.podmanagers.redfish import odata
from valence.podmanagers.redfish.reader import Reader
from valence.podmanagers.rsd.chassis import Chassis

#: A composed node that holds something: its path and its Redfish Name.
Holder = tuple[str, str | None]
Holders = Mapping[str, Holder]

#: What flavors call a drive, beside the types that Redfish gives accelerators.
STORAGE = "storage"

#: Properties of an accelerator, as :class:`valence.podmanagers.inventory.Details` have them.
ACCELERATOR = ("model", "cores", "instruction_set", "speed_mhz")


def drives(
    reader: Reader,
    chassis: Mapping[str, Chassis],
    held: Holders,
    known: Mapping[str, inventory.Details],
) -> list[inventory.Device]:
    """Read the pooled drives: those that stand beside no system.

    Each takes a request the first time; with ``$expand`` all of a chassis take one, or none
    if they came with it. A drive that cannot be read is left out.

    :param held: path of what a node holds -> the node.
    :param known: path of a drive -> its details, which are not read again.
    """
    homes = _homes(chassis.values())
    spared = {
        path: known[path]
        for path, home in homes.items()
        if path in known and known[path].fingerprint == _fingerprint(path, home)
    }
    unknown = [path for path in homes if path not in spared]
    for home in {homes[path].path: homes[path] for path in unknown}.values():
        if reader.expands and sum(path not in spared for path in home.drives) > 1:
            reader.members(home.resource.get("Drives"))
    told = dict(zip(unknown, reader.each(reader.read, unknown), strict=True))
    return [
        _device(
            path,
            STORAGE,
            held.get(path),
            home,
            home.path,
            properties=spared[path].drives[0] if path in spared else _drive(told[path] or {}),
            fingerprint=_fingerprint(path, home),
        )
        for path, home in sorted(homes.items())
        if path in spared or told[path] is not None
    ]


def accelerators(
    system: str, details: inventory.Details, around: Sequence[Chassis], held: Holders
) -> list[inventory.Device]:
    """Give the accelerators that a system lists which is no computer.

    :param around: the chassis that they are in, if that is known.
    """
    return [
        _device(
            str(one["path"]),
            str(one["type"]),
            held.get(one["path"]),
            around[0] if around else None,
            system,
            properties={key: one[key] for key in ACCELERATOR if key in one},
        )
        for one in details.processors
    ]


def _homes(chassis: Iterable[Chassis]) -> dict[str, Chassis]:
    """Tell which chassis each pooled drive is in: of several the one that lists fewest."""
    standing = sorted(chassis, key=lambda one: (len(one.drives), one.path))
    local = {drive for one in standing if one.systems for drive in one.drives}
    homes: dict[str, Chassis] = {}
    for one in standing:
        for path in one.drives:
            if path not in local:
                homes.setdefault(path, one)
    return homes


def _device(
    path: str,
    kind: str,
    holder: Holder | None,
    home: Chassis | None,
    listed_by: str,
    **told: Any,
) -> inventory.Device:
    node_path, node_name = holder or (None, None)
    return inventory.Device(
        path=path,
        type=kind,
        state="free" if holder is None else "allocated",
        node_path=node_path,
        node_name=node_name,
        pooled_group_id=_group(home) if home is not None else None,
        listed_by=listed_by,
        **told,
    )


def _group(home: Chassis) -> str:
    return odata.text(home.resource.get("Id")) or home.path.rpartition("/")[2]


def _fingerprint(path: str, home: Chassis) -> str:
    return inventory.fingerprint(path, home.path, home.resource.get("SerialNumber"))


def _drive(resource: odata.JSON) -> dict[str, Any]:
    size = odata.number(resource.get("CapacityBytes"))
    return odata.without_unknown(
        {
            "capacity_gib": size // 1024**3 if size is not None else None,
            "media_type": odata.text(resource.get("MediaType")),
            "protocol": odata.text(resource.get("Protocol")),
            "rpm": odata.number(resource.get("RotationSpeedRPM")) or None,
            "model": odata.text(resource.get("Model")),
            "manufacturer": odata.text(resource.get("Manufacturer")),
            "serial_number": odata.text(resource.get("SerialNumber")),
        }
    )
