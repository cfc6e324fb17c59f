# SPDX-License-Identifier: Apache-2.0

"""Read the pooled devices of an RSD pod manager: drives without a system, and accelerators."""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from valence.podmanagers import inventory
from valence.podmanagers import odata
from valence.podmanagers.redfish import fields
from valence.podmanagers.redfish import resources
from valence.podmanagers.redfish.reader import Snapshot
from valence.podmanagers.rsd.chassis import Chassis

#: A composed node that holds something: its path and its Redfish Name.
Holder = tuple[str, str | None]
#: Normal path of a part, or of a system -> the node that holds it.
Holders = Mapping[str, Holder]

#: The type of a drive; the type of an accelerator is the one that Redfish has.
STORAGE = "storage"

#: Properties of an accelerator, of those in :class:`valence.podmanagers.inventory.Details`.
ACCELERATOR = ("model", "cores", "instruction_set", "speed_mhz")


def drives(
    snapshot: Snapshot,
    chassis: Mapping[str, Chassis],
    holders: Holders,
    cached: Mapping[str, inventory.Details],
) -> list[inventory.Device]:
    """Read the pooled drives: those in a chassis without systems.

    The first time each costs a request; with ``$expand`` all of a chassis cost one, or none
    if they came with it. A drive that cannot be read is left out.

    :param cached: normal path of a drive -> its details, which are not read again while their
        fingerprint is unchanged.
    """
    homes = _homes(chassis.values())
    unchanged = {
        path: details
        for path, home in homes.items()
        if (details := cached.get(odata.normal_path(path))) is not None
        and details.fingerprint == _fingerprint(path, home)
    }
    missing = [path for path in homes if path not in unchanged]
    _expand(snapshot, [homes[path] for path in missing])
    read = dict(zip(missing, snapshot.map(snapshot.resource, missing), strict=True))

    def properties(path: str) -> Mapping[str, Any]:
        if path in unchanged:
            return unchanged[path].drives[0]
        return fields.read_known(read[path] or {}, resources.DRIVE, snapshot.bad_values)

    return [
        _device(
            path,
            STORAGE,
            holders.get(odata.normal_path(path)),
            home,
            listed_by=home.path,
            properties=properties(path),
            fingerprint=_fingerprint(path, home),
        )
        for path, home in sorted(homes.items())
        if path in unchanged or read[path] is not None
    ]


def accelerators(
    system: str, details: inventory.Details, around: Sequence[Chassis], holders: Holders
) -> list[inventory.Device]:
    """Return the accelerators listed by a system that is no computer.

    :param system: its path.
    :param around: the chassis that contain it, the innermost first.
    """
    return [
        _device(
            str(processor["path"]),
            str(processor["type"]),
            holders.get(odata.normal_path(str(processor["path"]))),
            around[0] if around else None,
            listed_by=system,
            properties={key: processor[key] for key in ACCELERATOR if key in processor},
        )
        for processor in details.processors
    ]


def _homes(chassis: Iterable[Chassis]) -> dict[str, Chassis]:
    """Return path of a pooled drive -> its chassis: of several the one with fewest drives."""
    by_size = sorted(chassis, key=lambda each: (len(each.drives), each.path))
    drives = [(odata.normal_path(path), path, each) for each in by_size for path in each.drives]
    local = {key for key, _, each in drives if each.systems}
    homes: dict[str, tuple[str, Chassis]] = {}
    for key, path, each in drives:
        if key not in local:
            homes.setdefault(key, (path, each))
    return dict(homes.values())


def _expand(snapshot: Snapshot, homes: Iterable[Chassis]) -> None:
    """Read the drives of chassis with ``$expand``, if the service can.

    :param homes: the chassis of each drive to read; one drive alone costs a request anyway.
    """
    for home, count in collections.Counter(homes).items():
        link = odata.value_of(home.resource, "Drives")
        if count > 1 and snapshot.expansion.of(odata.path_of(link) or ""):
            snapshot.list_members(link)


def _device(
    path: str,
    kind: str,
    holder: Holder | None,
    home: Chassis | None,
    **values: Any,
) -> inventory.Device:
    node_path, node_name = holder or (None, None)
    return inventory.Device(
        path=path,
        type=kind,
        state="free" if holder is None else "allocated",
        node_path=node_path,
        node_name=node_name,
        pooled_group_id=_group(home) if home is not None else None,
        **values,
    )


def _group(home: Chassis) -> str:
    identity = home.resource.get("Id")
    is_usable = identity != "" and isinstance(identity, str | int)
    return str(identity) if is_usable else odata.normal_path(home.path).rpartition("/")[2]


def _fingerprint(path: str, home: Chassis) -> str:
    serial_number = home.resource.get("SerialNumber")
    paths = (odata.normal_path(path), odata.normal_path(home.path))
    return inventory.fingerprint(*paths, serial_number)
