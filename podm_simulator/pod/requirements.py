# SPDX-License-Identifier: Apache-2.0

"""The properties that Allocate accepts, as tables, and their reader.

The properties are those of the Intel RSD pod manager API 2.1 to 2.5 (schema
``AllocationComposedNodeRequest``). A property that is not in a table is refused;
null means any value.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

from podm_simulator import uris
from podm_simulator.pod import errors

MAX_ITEMS = 64

Wish = dict[str, Any]
Reader = Callable[[str, object], Any]


def _text(where: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > 255:
        raise errors.Invalid(f"{where} must be a string of at most 255 characters.", where)
    return value


def _positive_integer(where: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise errors.Invalid(f"{where} must be a positive integer, not {value!r}.", where)
    return value


def _positive_number(where: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        raise errors.Invalid(f"{where} must be a positive number, not {value!r}.", where)
    return value


def _flag(where: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise errors.Invalid(f"{where} must be true or false, not {value!r}.", where)
    return value


def _vlan_id(where: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 4094:
        raise errors.Invalid(f"{where} must be a VLAN id from 1 to 4094, not {value!r}.", where)
    return value


def link(where: str, value: object) -> str:
    """Return the path of ``{"@odata.id": path}``."""
    if not isinstance(value, Mapping) or not isinstance(value.get("@odata.id"), str):
        raise errors.Invalid(f'{where} must be an object {{"@odata.id": "<path>"}}.', where)
    return uris.normal(value["@odata.id"])


def _one_of(*allowed: str) -> Reader:
    def read(where: str, value: object) -> str:
        if value not in allowed:
            raise errors.Invalid(
                f"{where} must be one of {', '.join(allowed)}, not {value!r}.", where
            )
        return str(value)

    return read


def _some_of(*allowed: str) -> Reader:
    each = _one_of(*allowed) if allowed else _text

    def read(where: str, value: object) -> list[str]:
        if not isinstance(value, list):
            raise errors.Invalid(f"{where} must be an array.", where)
        return [each(f"{where}/{number}", item) for number, item in enumerate(value)]

    return read


def _object(fields: Mapping[str, Reader]) -> Reader:
    def read(where: str, value: object) -> Wish:
        if not isinstance(value, Mapping):
            raise errors.Invalid(f"{where} must be an object.", where)
        wish = {}
        for name, item in value.items():
            if name not in fields:
                raise errors.Invalid(f"{where}/{name} is not a property of this request.", name)
            if item is not None:
                wish[name] = fields[name](f"{where}/{name}", item)
        return wish

    return read


def _list(fields: Mapping[str, Reader]) -> Reader:
    each = _object(fields)

    def read(where: str, value: object) -> list[Wish]:
        if not isinstance(value, list):
            raise errors.Invalid(f"{where} must be an array of objects.", where)
        if len(value) > MAX_ITEMS:
            raise errors.Invalid(f"{where} has more than {MAX_ITEMS} items.", where)
        return [each(f"{where}/{number}", item) for number, item in enumerate(value)]

    return read


PROTOCOLS = ("PCIe", "NVMe", "NVMeOverFabrics", "FPGAoverFabrics", "iSCSI", "SAS", "SATA")

PLACE: Mapping[str, Reader] = {"Resource": link, "Chassis": link}
OEM: Mapping[str, Reader] = {"Brand": _text, "Capabilities": _some_of()}
PROCESSOR: Mapping[str, Reader] = {
    "Model": _text,
    "TotalCores": _positive_integer,
    "AchievableSpeedMHz": _positive_integer,
    "InstructionSet": _text,
    "ProcessorType": _one_of("CPU", "GPU", "FPGA", "DSP", "Accelerator", "OEM"),
    "Connectivity": _some_of("Local", "Ethernet", "RemotePCIe"),
    # The schema has the section; clients of 2.1 omit it.
    "Oem": _object({"Intel_RackScale": _object(OEM), **OEM}),
    **PLACE,
}
MEMORY: Mapping[str, Reader] = {
    "CapacityMiB": _positive_integer,
    "MemoryType": _one_of(
        "DRAM", "NVDIMM_N", "NVDIMM_F", "NVDIMM_P", "NVMDIMM_N", "NVMDIMM_F", "IntelOptane"
    ),
    "MemoryDeviceType": _one_of("DDR", "DDR2", "DDR3", "DDR4", "DDR4_SDRAM", "DDR5", "Logical"),
    "SpeedMHz": _positive_integer,
    "Manufacturer": _text,
    "DataWidthBits": _positive_integer,
    **PLACE,
}
LOCAL_DRIVE: Mapping[str, Reader] = {
    "CapacityGiB": _positive_number,
    "Type": _text,
    "MinRPM": _positive_integer,
    "SerialNumber": _text,
    "Interface": _text,
    "FabricSwitch": _flag,
    **PLACE,
}
REMOTE_DRIVE: Mapping[str, Reader] = {
    "CapacityGiB": _positive_number,
    "Protocol": _one_of(*PROTOCOLS),
    "Master": _object({"Type": _one_of("Snapshot", "Clone"), "Resource": link}),
    "Resource": link,
}
INTERFACE: Mapping[str, Reader] = {
    "SpeedMbps": _positive_integer,
    "PrimaryVLAN": _vlan_id,
    "VLANs": _list({"VLANId": _vlan_id, "Tagged": _flag}),
    **PLACE,
}
SECURITY: Mapping[str, Reader] = {
    "TpmPresent": _flag,
    "TpmInterfaceType": _one_of("TPM1_2", "TPM2_0", "TCM1_0"),
    "TxtEnabled": _flag,
    "ClearTPMOnDelete": _flag,
}
REQUEST: Mapping[str, Reader] = {
    "Name": _text,
    "Description": _text,
    "TotalSystemCoreCount": _positive_integer,
    "TotalSystemMemoryMiB": _positive_integer,
    "Processors": _list(PROCESSOR),
    "Memory": _list(MEMORY),
    "LocalDrives": _list(LOCAL_DRIVE),
    "RemoteDrives": _list(REMOTE_DRIVE),
    "EthernetInterfaces": _list(INTERFACE),
    "Security": _object(SECURITY),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Requirements:
    """An Allocate request: numbers are minimums, text must be equal."""

    name: str = "Composed Node"
    description: str | None = None
    cores: int = 0
    memory_mib: int = 0
    processors: tuple[Wish, ...] = ()
    accelerators: tuple[Wish, ...] = ()
    memory: tuple[Wish, ...] = ()
    local_drives: tuple[Wish, ...] = ()
    remote_drives: tuple[Wish, ...] = ()
    interfaces: tuple[Wish, ...] = ()
    security: Wish = dataclasses.field(default_factory=dict)

    def links(self) -> list[tuple[str, str]]:
        """Return the paths that the request names, as ``(property, path)``."""
        wishes = (
            *self.processors,
            *self.accelerators,
            *self.memory,
            *self.local_drives,
            *self.remote_drives,
            *self.interfaces,
        )
        return [(name, wish[name]) for wish in wishes for name in PLACE if name in wish]


def read(body: object) -> Requirements:
    """Return the requirements in the body of Allocate; an empty one accepts any system.

    :raises errors.Invalid: a property is unknown or its value invalid.
    """
    wish: Wish = _object(REQUEST)("", {} if body is None else body)
    processors = wish.get("Processors", [])
    return Requirements(
        name=wish.get("Name", "Composed Node"),
        description=wish.get("Description"),
        cores=wish.get("TotalSystemCoreCount", 0),
        memory_mib=wish.get("TotalSystemMemoryMiB", 0),
        processors=tuple(item for item in processors if item.get("ProcessorType", "CPU") == "CPU"),
        accelerators=tuple(
            item for item in processors if item.get("ProcessorType", "CPU") != "CPU"
        ),
        memory=tuple(wish.get("Memory", [])),
        local_drives=tuple(wish.get("LocalDrives", [])),
        remote_drives=tuple(wish.get("RemoteDrives", [])),
        interfaces=tuple(wish.get("EthernetInterfaces", [])),
        security=wish.get("Security", {}),
    )
