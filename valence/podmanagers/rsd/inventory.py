# SPDX-License-Identifier: Apache-2.0

"""Read the inventory of an RSD pod manager: systems, racks, and which node holds what.

Three collections have nearly all of it: ``Systems``, ``Chassis`` and ``Nodes``. A node's
``Links`` name whatever it holds (RSD 2.1 to 2.5), and a chassis' ``Links.Drives``
the drives in it. The built-in parts of a system are read once, see
:class:`valence.podmanagers.inventory.Details`.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import functools
from typing import Any

from valence.podmanagers import inventory
from valence.podmanagers import odata
from valence.podmanagers.redfish import fields
from valence.podmanagers.redfish import resources
from valence.podmanagers.redfish.fields import BadValues
from valence.podmanagers.redfish.reader import Snapshot
from valence.podmanagers.rsd import chassis as rsd_chassis
from valence.podmanagers.rsd import device as rsd_device
from valence.podmanagers.rsd import node as rsd_node
from valence.podmanagers.rsd.chassis import Chassis

#: Levels of ``$expand`` that include a system's processors, interfaces and drives:
#: members, their collections, the members of those, and what these list.
LEVELS_WITH_PARTS = 4

#: Values of ``Status.State`` of a system that cannot be used.
ABSENT = {"Absent", "UnavailableOffline", "Disabled"}

#: Values of a drive's ``Protocol`` that make its type NVMe in flavors.
NVME = {"NVMe", "NVMeOverFabrics"}


def read(
    snapshot: Snapshot,
    root: odata.JSON,
    nodes: str,
    cached: Mapping[str, inventory.Details],
) -> inventory.Inventory:
    """Read everything.

    Without ``$expand`` this costs a request for each resource and each collection;
    with it, one for each collection: at most four, three once the root is known.

    :param root: the service root.
    :param nodes: path of the composed nodes.
    :param cached: path of a system or drive -> its details.
    :raises PodManagerFailed: a listing cannot be complete.
    """
    cached = {odata.normal_path(path): details for path, details in cached.items()}
    # Where details are cached, the system itself shows whether they are unchanged.
    levels = 1 if cached else LEVELS_WITH_PARTS
    paths = snapshot.list_required_members(odata.value_of(root, "Systems"), levels=levels)
    chassis = rsd_chassis.read(snapshot, root, with_drives=not cached)
    system_holders, part_holders = _holders(snapshot, nodes)
    homes = {system: each for each in chassis.values() for system in each.systems}
    read_system = functools.partial(_read_system, snapshot, homes, cached)
    systems: list[inventory.System] = []
    apart: dict[str, inventory.Details] = {}
    devices = rsd_device.drives(snapshot, chassis, part_holders, cached)
    for path, resource, details in filter(None, snapshot.map(read_system, paths)):
        around = _around(path, resource, chassis, homes)
        if _is_apart(resource, details, snapshot.bad_values):
            apart[path] = details
            devices += rsd_device.accelerators(path, details, around, part_holders)
        else:
            holder = system_holders.get(odata.normal_path(path))
            systems.append(_system(path, resource, details, holder, around, snapshot.bad_values))
    return inventory.Inventory(
        systems=systems,
        racks=_racks(chassis, systems, snapshot.bad_values),
        apart=apart,
        devices=devices,
        unread=frozenset(snapshot.unread),
        partial=snapshot.partial,
        latency=snapshot.latency,
        requests=snapshot.requests,
    )


def _read_system(
    snapshot: Snapshot,
    homes: Mapping[str, Chassis],
    cached: Mapping[str, inventory.Details],
    path: str,
) -> tuple[str, odata.JSON, inventory.Details] | None:
    """Return path, resource and details of a system; None: it cannot be read."""
    resource = snapshot.resource(path)
    if resource is None:
        return None
    key = odata.normal_path(path)
    drives = homes[key].drives if key in homes else ()
    return path, resource, _details(snapshot, resource, drives, cached.get(key))


def _holders(snapshot: Snapshot, nodes: str) -> tuple[rsd_device.Holders, rsd_device.Holders]:
    """Return normal path of a system, and of another part -> the node that holds it."""
    systems: dict[str, rsd_device.Holder] = {}
    parts: dict[str, rsd_device.Holder] = {}
    paths = snapshot.list_required_members(nodes)
    for path, resource in zip(paths, snapshot.map(snapshot.resource, paths), strict=True):
        if resource is None:
            continue
        node = fields.read(resource, rsd_node.NODE, snapshot.bad_values)
        holder = (path, node["name"])
        if node["system_path"] is not None:
            systems[odata.normal_path(node["system_path"])] = holder
        parts.update(dict.fromkeys(map(odata.normal_path, rsd_node.parts(resource)), holder))
    return systems, parts


def _system(
    path: str,
    resource: odata.JSON,
    details: inventory.Details,
    holder: rsd_device.Holder | None,
    around: list[Chassis],
    bad_values: BadValues,
) -> inventory.System:
    state = fields.read(resource, resources.SYSTEM_STATE, bad_values)["state"]
    processors = fields.read(resource, resources.PROCESSOR_SUMMARY, bad_values)
    memory = fields.read(resource, resources.MEMORY_SUMMARY, bad_values)
    node_path, node_name = holder or (None, None)
    racks = [*filter(_is_rack, around), *around[-1:]]
    return inventory.System(
        **fields.read(resource, resources.SYSTEM, bad_values),
        path=path,
        state="absent" if state in ABSENT else "free" if holder is None else "used",
        processor_count=processors["count"],
        processor_model=processors["model"],
        cores=_cores(details) or processors["cores"],
        memory_mib=memory["capacity_mib"],
        node_path=node_path,
        node_name=node_name,
        chassis_path=around[0].path if around else None,
        rack_path=racks[0].path if racks else None,
        details=details,
    )


def _around(
    path: str,
    resource: odata.JSON,
    chassis: Mapping[str, Chassis],
    homes: Mapping[str, Chassis],
) -> list[Chassis]:
    """List the chassis that contain a system, the innermost first."""
    linked = odata.paths_of(odata.value_of(odata.mapping(resource, "Links"), "Chassis"))
    known = filter(None, (chassis.get(odata.normal_path(each)) for each in linked))
    innermost = next(known, None) or homes.get(odata.normal_path(path))
    around: list[Chassis] = []
    while innermost is not None and innermost not in around:
        around.append(innermost)
        innermost = chassis.get(innermost.container or "")
    return around


def _is_rack(chassis: Chassis) -> bool:
    kind = odata.value_of(chassis.resource, "ChassisType")
    return isinstance(kind, str) and kind.lower() == "rack"


def _racks(
    chassis: Mapping[str, Chassis], systems: Iterable[inventory.System], bad_values: BadValues
) -> list[inventory.Rack]:
    """Return all racks, and what stands for the rack of a system where there is none."""
    paths = {system.rack_path for system in systems if system.rack_path}
    return [
        inventory.Rack(path=each.path, **fields.read(each.resource, resources.CHASSIS, bad_values))
        for each in sorted(chassis.values(), key=lambda each: each.path)
        if each.path in paths or _is_rack(each)
    ]


def _details(
    snapshot: Snapshot,
    resource: odata.JSON,
    drives: Iterable[str],
    cached: inventory.Details | None,
) -> inventory.Details:
    """Return the details of a system: the cached ones if they are its own, or else read.

    If some cannot be read now, there is no fingerprint, and they are read the next time.
    Those that do not exist, though they are linked, are not waited for.
    """
    drive_paths = sorted(drives)
    fingerprint = _fingerprint(resource, sorted(map(odata.normal_path, drives)))
    if cached is not None and cached.fingerprint == fingerprint:
        return cached
    processor_paths = snapshot.list_members(odata.value_of(resource, "Processors"))
    nic_paths = snapshot.list_members(odata.value_of(resource, "EthernetInterfaces"))
    processors = _read_known(snapshot, processor_paths, resources.PROCESSOR)
    nics = _read_known(snapshot, nic_paths, resources.ETHERNET_INTERFACE)
    local_drives = _read_known(snapshot, drive_paths, resources.DRIVE)
    listed = [*(processor_paths or ()), *(nic_paths or ()), *drive_paths]
    complete = None not in (processor_paths, nic_paths) and all(map(snapshot.is_settled, listed))
    if not complete and cached is not None:
        return dataclasses.replace(cached, fingerprint="")
    return inventory.Details(
        fingerprint=fingerprint if complete else "",
        processors=[{"path": path, **values} for path, values in processors.items()],
        nics=_distinct_nics(nics.values()),
        drives=[_local_drive(path, values) for path, values in local_drives.items()],
    )


def _distinct_nics(nics: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return interfaces without those that have the MAC address of an earlier one."""
    distinct: dict[Any, Mapping[str, Any]] = {}
    for number, nic in enumerate(nics):
        distinct.setdefault(nic.get("mac", number), nic)
    return list(distinct.values())


def _read_known(
    snapshot: Snapshot, paths: Iterable[str] | None, table: fields.Table
) -> dict[str, dict[str, Any]]:
    """Return path -> known fields, without the resources that cannot be read."""
    read = {path: snapshot.resource(path) for path in paths or ()}
    return {
        path: fields.read_known(resource, table, snapshot.bad_values)
        for path, resource in read.items()
        if resource is not None
    }


def _fingerprint(resource: odata.JSON, drives: list[str]) -> str:
    # Of raw values: it is compared with those that earlier releases have stored.
    return inventory.fingerprint(
        resource.get("UUID"),
        resource.get("SerialNumber"),
        odata.mapping(resource, "ProcessorSummary").get("Count"),
        odata.mapping(resource, "ProcessorSummary").get("Model"),
        odata.mapping(resource, "MemorySummary").get("TotalSystemMemoryGiB"),
        drives,
    )


def _local_drive(path: str, drive: Mapping[str, Any]) -> dict[str, Any]:
    """Return a drive as :class:`valence.podmanagers.inventory.Details` have it."""
    protocol = drive.get("protocol")
    return fields.without_unknown(
        {
            "path": path,
            "type": "NVMe" if protocol in NVME else drive.get("media_type"),
            "interface": protocol,
            "capacity_gib": drive.get("capacity_gib"),
            "rpm": drive.get("rpm"),
        }
    )


def _cores(details: inventory.Details) -> int | None:
    """Return the number of cores of all CPUs; None if one of them does not report it."""
    cores = [each.get("cores") for each in details.processors if each.get("type", "CPU") == "CPU"]
    known = [number for number in cores if number is not None]
    return sum(known) if cores and len(known) == len(cores) else None


def _is_apart(resource: odata.JSON, details: inventory.Details, bad_values: BadValues) -> bool:
    """Return whether a system is no computer, but a list of pooled accelerators.

    RSD 2.4 lists pooled FPGAs as processors of a system that has no CPU.
    """
    types = [each.get("type", "CPU") for each in details.processors]
    memory = fields.read(resource, resources.MEMORY_SUMMARY, bad_values)["capacity_mib"]
    return bool(types) and "CPU" not in types and not memory
