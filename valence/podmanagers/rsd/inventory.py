# SPDX-License-Identifier: Apache-2.0

"""Read what an RSD pod manager has: systems, racks, and which node has what.

Three collections tell nearly all: ``Systems``, ``Chassis`` and ``Nodes``. A node's
``Links`` name whatever it holds (RSD 2.1 to 2.5), and a chassis' ``Links.Drives``
the drives in it. What is soldered into a system is read once, see
:class:`valence.podmanagers.inventory.Details`.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
from typing import Any

from valence.podmanagers import inventory
from valence.podmanagers.http.connection import Connection
from valence.podmanagers.redfish import odata
from valence.podmanagers.redfish.reader import Reader
from valence.podmanagers.rsd import chassis as rsd_chassis
from valence.podmanagers.rsd import device as rsd_device
from valence.podmanagers.rsd import node as rsd_node
from valence.podmanagers.rsd.chassis import Chassis

#: Levels of ``$expand`` that bring a system's processors, interfaces and drives along:
#: members, their collections, the members of those, and what these list.
DEEP = 4

#: How a system says that nobody can use it.
GONE = {"Absent", "UnavailableOffline", "Disabled"}

#: What a drive's ``Protocol`` and ``MediaType`` make of it, as flavors say it.
NVME = {"NVMe", "NVMeOverFabrics"}


def read(
    client: Connection,
    root: odata.JSON,
    nodes: str,
    known: Mapping[str, inventory.Details],
) -> inventory.Inventory:
    """Read all there is.

    Without ``$expand`` that is a request for each resource and each collection;
    with it, one a collection: four at the most, three once the root is known.

    :param root: the service's root.
    :param nodes: path of the composed nodes.
    :param known: path of a system -> its details.
    :raises PodManagerFailed: what is listed cannot be all there is.
    """
    reader = Reader(client, root)
    # One that is known needs no depth: its own words tell whether it is the same.
    paths = reader.listing(root.get("Systems"), 1 if known else DEEP)
    chassis = rsd_chassis.read(reader, root, whole=not known)
    holders, held = _holders(reader, nodes)
    inside = {system: one for one in chassis.values() for system in one.systems}

    def one(path: str) -> tuple[str, odata.JSON, inventory.Details] | None:
        resource = reader.read(path)
        if resource is None:
            return None
        drives = inside[path].drives if path in inside else ()
        return path, resource, _details(reader, resource, drives, known.get(path))

    systems: list[inventory.System] = []
    apart: dict[str, inventory.Details] = {}
    devices = rsd_device.drives(reader, chassis, held, known)
    for path, resource, details in filter(None, reader.each(one, paths)):
        around = _around(path, resource, chassis, inside)
        if _is_apart(resource, details):
            apart[path] = details
            devices += rsd_device.accelerators(path, details, around[:1], held)
        else:
            systems.append(_system(path, resource, details, holders.get(path), around))
    racks = {system.rack_path for system in systems} | _racks(chassis)
    return inventory.Inventory(
        systems=systems,
        racks=[_rack(chassis[path]) for path in sorted(filter(None, racks))],
        apart=apart,
        devices=devices,
        unread=frozenset(reader.unread),
        latency=reader.latency,
        requests=reader.requests,
    )


def _holders(reader: Reader, nodes: str) -> tuple[rsd_device.Holders, rsd_device.Holders]:
    """Tell which node has which system, and which has whatever else nodes hold."""
    holders: dict[str, rsd_device.Holder] = {}
    held: dict[str, rsd_device.Holder] = {}
    paths = reader.listing(nodes)
    for path, resource in zip(paths, reader.each(reader.read, paths), strict=True):
        if resource is None:
            continue
        system, holder = rsd_node.system_path(resource), (path, odata.text(resource.get("Name")))
        if system is not None:
            holders[system] = holder
        held.update(dict.fromkeys(rsd_node.held(resource), holder))
    return holders, held


def _system(
    path: str,
    resource: odata.JSON,
    details: inventory.Details,
    holder: rsd_device.Holder | None,
    around: list[Chassis],
) -> inventory.System:
    status = odata.mapping(resource, "Status")
    node_path, node_name = holder or (None, None)
    processor, memory = rsd_node.processor(resource, {}), rsd_node.memory(resource, {})
    absent = status.get("State") in GONE
    return inventory.System(
        path=path,
        name=odata.text(resource.get("Name")),
        state="absent" if absent else "free" if holder is None else "used",
        redfish_uuid=odata.text(resource.get("UUID")),
        serial_number=odata.text(resource.get("SerialNumber")),
        manufacturer=odata.text(resource.get("Manufacturer")),
        model=odata.text(resource.get("Model")),
        health=odata.text(status.get("Health")),
        power_state=odata.word(resource.get("PowerState")),
        processor_count=processor.get("count"),
        processor_model=processor.get("model"),
        cores=_cores(details) or processor.get("cores"),
        memory_mib=memory.get("capacity_mib"),
        node_path=node_path,
        node_name=node_name,
        chassis_path=around[0].path if around else None,
        rack_path=next((one.path for one in [*filter(_is_rack, around), *around[-1:]]), None),
        details=details,
    )


def _around(
    path: str,
    resource: odata.JSON,
    chassis: Mapping[str, Chassis],
    inside: Mapping[str, Chassis],
) -> list[Chassis]:
    """List the chassis around a system, the innermost first."""
    linked = odata.first_path(odata.mapping(resource, "Links").get("Chassis"))
    own = chassis.get(linked or "") or inside.get(path)
    found: list[Chassis] = []
    while own is not None and own not in found:
        found.append(own)
        own = chassis.get(own.around or "")
    return found


def _racks(chassis: Mapping[str, Chassis]) -> set[str | None]:
    return {one.path for one in chassis.values() if _is_rack(one)}


def _is_rack(chassis: Chassis) -> bool:
    return chassis.resource.get("ChassisType") == "Rack"


def _rack(chassis: Chassis) -> inventory.Rack:
    resource = chassis.resource
    return inventory.Rack(
        path=chassis.path,
        name=odata.text(resource.get("Name")),
        chassis_type=odata.text(resource.get("ChassisType")),
        manufacturer=odata.text(resource.get("Manufacturer")),
        model=odata.text(resource.get("Model")),
        serial_number=odata.text(resource.get("SerialNumber")),
        health=odata.text(odata.mapping(resource, "Status").get("Health")),
    )


def _details(
    reader: Reader,
    resource: odata.JSON,
    drives: Iterable[str],
    known: inventory.Details | None,
) -> inventory.Details:
    """Give what is known of a system, or read it if that is of another one.

    What cannot be read now has no fingerprint, and is read again the next time.
    """
    paths = sorted(drives)
    fingerprint = _fingerprint(resource, paths)
    if known is not None and known.fingerprint == fingerprint:
        return known
    processors = reader.members(resource.get("Processors"))
    nics = reader.members(resource.get("EthernetInterfaces"))
    found = [
        [(path, reader.read(path)) for path in group or ()] for group in (processors, nics, paths)
    ]
    complete = None not in (processors, nics) and all(
        resource is not None for group in found for _, resource in group
    )
    if not complete and known is not None:
        return dataclasses.replace(known, fingerprint="")
    told = [[(path, one) for path, one in group if one is not None] for group in found]
    return inventory.Details(
        fingerprint=fingerprint if complete else "",
        processors=[_processor(path, one) for path, one in told[0]],
        nics=[_nic(one) for _, one in told[1]],
        drives=[_drive(path, one) for path, one in told[2]],
    )


def _fingerprint(resource: odata.JSON, drives: list[str]) -> str:
    return inventory.fingerprint(
        resource.get("UUID"),
        resource.get("SerialNumber"),
        odata.mapping(resource, "ProcessorSummary").get("Count"),
        odata.mapping(resource, "ProcessorSummary").get("Model"),
        odata.mapping(resource, "MemorySummary").get("TotalSystemMemoryGiB"),
        drives,
    )


def _processor(path: str, resource: odata.JSON) -> dict[str, Any]:
    return odata.without_unknown(
        {
            "path": path,
            "type": odata.text(resource.get("ProcessorType")),
            "model": odata.text(resource.get("Model")),
            "cores": odata.number(resource.get("TotalCores")),
            "instruction_set": odata.text(resource.get("InstructionSet")),
            "speed_mhz": odata.number(resource.get("MaxSpeedMHz")),
        }
    )


def _nic(resource: odata.JSON) -> dict[str, Any]:
    mac = rsd_node.mac(resource.get("MACAddress")) or rsd_node.mac(
        resource.get("PermanentMACAddress")
    )
    speed = odata.number(resource.get("SpeedMbps"))
    return odata.without_unknown({"mac": mac, "speed_mbps": speed})


def _drive(path: str, resource: odata.JSON) -> dict[str, Any]:
    size = odata.number(resource.get("CapacityBytes"))
    protocol = odata.text(resource.get("Protocol"))
    media = odata.text(resource.get("MediaType"))
    return odata.without_unknown(
        {
            "path": path,
            "type": "NVMe" if protocol in NVME else media,
            "interface": protocol,
            "capacity_gib": size // 1024**3 if size is not None else None,
            "rpm": odata.number(resource.get("RotationSpeedRPM")) or None,
        }
    )


def _cores(details: inventory.Details) -> int | None:
    """Add up the cores of the CPUs; None as long as one of them does not tell."""
    cores = [one.get("cores") for one in details.processors if one.get("type", "CPU") == "CPU"]
    known = [each for each in cores if each is not None]
    return sum(known) if cores and len(known) == len(cores) else None


def _is_apart(resource: odata.JSON, details: inventory.Details) -> bool:
    """Tell whether a system is no computer, but a list of pooled accelerators.

    RSD 2.4 lists pooled FPGAs as processors of a system that has no CPU.
    """
    kinds = [one.get("type", "CPU") for one in details.processors]
    memory = odata.mapping(resource, "MemorySummary").get("TotalSystemMemoryGiB")
    return bool(kinds) and "CPU" not in kinds and not memory
