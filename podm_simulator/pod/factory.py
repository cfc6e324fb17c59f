# SPDX-License-Identifier: Apache-2.0

"""Build the hardware of a pod from its size; the same size gives the same hardware."""

from collections.abc import Iterable
import dataclasses
import hashlib
import uuid

from podm_simulator import uris
from podm_simulator.pod import hardware

RACK = "Rack1"
DRAWER = "Drawer1"
POOL_SYSTEM = "Accelerators"


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """Systems of one configuration.

    :ivar cores: of each system, divided among its ``processors``.
    :ivar memory_mib: of each system, divided among its ``memory_modules``.
    :ivar drives: in each system's own sled.
    """

    systems: int = 4
    cores: int = 16
    processors: int = 2
    processor_model: str = "Simulated Xeon Gold 6140"
    processor_speed_mhz: int = 3700
    instruction_set: str = "x86-64"
    memory_mib: int = 65536
    memory_modules: int = 2
    memory_speed_mhz: int = 2400
    memory_device_type: str = "DDR4"
    drives: int = 1
    drive_gib: int = 480
    drive_media: str = "SSD"
    drive_interface: str = "SATA"
    nics: int = 2
    nic_speed_mbps: int = 25000
    tpm: str | None = "TPM2_0"
    txt: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """The whole pod: systems of one or more shapes, and their shared pool.

    :ivar pooled_drives: NVMe drives behind the PCIe switch, in the drawer.
    :ivar fpgas: pooled FPGAs; ``gpus`` likewise.
    """

    shapes: tuple[Shape, ...] = (Shape(),)
    pooled_drives: int = 4
    pooled_drive_gib: int = 1600
    fpgas: int = 0
    gpus: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Stock:
    """All hardware of a pod, by id."""

    systems: dict[str, hardware.System]
    drives: dict[str, hardware.Drive]
    accelerators: dict[str, hardware.Processor]


class Identity:
    """UUIDs, serials and addresses, which depend on the pod's name and seed only."""

    def __init__(self, name: str, seed: str) -> None:
        self._namespace = uuid.uuid5(uuid.NAMESPACE_OID, f"podm-simulator/{name}/{seed}")
        self._mac_base = int.from_bytes(
            hashlib.sha256(self._namespace.bytes).digest()[:4], "big"
        ) & ((1 << 29) - 1)
        self._macs = 0

    def uuid(self, kind: str, ident: str) -> str:
        """Return the UUID of the asset of that kind and id."""
        return str(uuid.uuid5(self._namespace, f"{kind}/{ident}"))

    def serial(self, kind: str, ident: str) -> str:
        """Return a serial number in the form that vendors use."""
        return self.uuid(kind, f"serial/{ident}").replace("-", "")[:12].upper()

    def mac(self) -> str:
        """Return the next address: locally administered, unicast.

        29 bits come from the name and seed, 17 count the interfaces, so that two
        pods share an address with a probability of 2e-9.
        """
        number = (self._mac_base << 17) | self._macs
        self._macs += 1
        first = ((number >> 40) << 2) | 0b10
        octets = bytes([first]) + (number & ((1 << 40) - 1)).to_bytes(5, "big")
        return ":".join(f"{octet:02X}" for octet in octets)


def build(size: Size, identity: Identity) -> Stock:
    """Return all hardware of a pod.

    :raises ValueError: a size is invalid, such as cores that do not divide evenly.
    """
    systems: dict[str, hardware.System] = {}
    for shape in size.shapes:
        _check(shape)
        for _ in range(shape.systems):
            ident = str(len(systems) + 1)
            systems[ident] = _system(ident, shape, identity)
    drives = {
        drive.id: drive
        for drive in (_pooled_drive(str(n), size, identity) for n in _count(size.pooled_drives))
    }
    accelerators = {
        unit.id: unit
        for unit in (
            *(_accelerator(f"FPGA{n}", "FPGA", "Stratix10") for n in _count(size.fpgas)),
            *(_accelerator(f"GPU{n}", "GPU", "Simulated GPU 80G") for n in _count(size.gpus)),
        )
    }
    return Stock(systems, drives, accelerators)


def _check(shape: Shape) -> None:
    if shape.processors < 1 or shape.cores % shape.processors:
        raise ValueError(f"{shape.cores} cores cannot be divided by {shape.processors} processors")
    if shape.memory_modules < 1 or shape.memory_mib % shape.memory_modules:
        raise ValueError(
            f"{shape.memory_mib} MiB cannot be divided by {shape.memory_modules} memory modules"
        )


def _count(number: int) -> Iterable[int]:
    return range(1, number + 1)


def _system(ident: str, shape: Shape, identity: Identity) -> hardware.System:
    sled = f"Sled{ident}"
    places = (sled, RACK)
    return hardware.System(
        ident,
        uris.system(ident),
        places,
        uuid=identity.uuid("system", ident),
        serial=identity.serial("system", ident),
        chassis=sled,
        manager=f"BMC{ident}",
        model="Simulated Sled",
        tpm=shape.tpm,
        txt=shape.txt,
        processors=[_cpu(ident, f"CPU{n}", places, shape) for n in _count(shape.processors)],
        memory=[
            _module(ident, f"DIMM{n}", places, shape, identity)
            for n in _count(shape.memory_modules)
        ],
        drives=[_local_drive(sled, str(n), places, shape, identity) for n in _count(shape.drives)],
        nics=[_nic(ident, f"NIC{n}", places, shape, identity) for n in _count(shape.nics)],
        media={
            "Cd": hardware.Medium("Cd", ("CD", "DVD")),
            "Floppy": hardware.Medium("Floppy", ("Floppy", "USBStick")),
        },
    )


def _cpu(system: str, ident: str, places: tuple[str, ...], shape: Shape) -> hardware.Processor:
    return hardware.Processor(
        ident,
        f"{uris.system(system)}/Processors/{ident}",
        places,
        model=shape.processor_model,
        cores=shape.cores // shape.processors,
        speed_mhz=shape.processor_speed_mhz,
        instruction_set=shape.instruction_set,
        brand="Gold",
        capabilities=("sse4_2", "avx2", "vmx"),
    )


def _module(
    system: str, ident: str, places: tuple[str, ...], shape: Shape, identity: Identity
) -> hardware.Memory:
    return hardware.Memory(
        ident,
        f"{uris.system(system)}/Memory/{ident}",
        places,
        capacity_mib=shape.memory_mib // shape.memory_modules,
        speed_mhz=shape.memory_speed_mhz,
        device_type=shape.memory_device_type,
        serial=identity.serial("memory", f"{system}/{ident}"),
    )


def _local_drive(
    sled: str, ident: str, places: tuple[str, ...], shape: Shape, identity: Identity
) -> hardware.Drive:
    return hardware.Drive(
        ident,
        uris.drive(sled, ident),
        places,
        capacity_gib=shape.drive_gib,
        media=shape.drive_media,
        interface=shape.drive_interface,
        serial=identity.serial("drive", f"{sled}/{ident}"),
        uuid=identity.uuid("drive", f"{sled}/{ident}"),
        rpm=7200 if shape.drive_media == "HDD" else None,
    )


def _nic(
    system: str, ident: str, places: tuple[str, ...], shape: Shape, identity: Identity
) -> hardware.Nic:
    return hardware.Nic(
        ident,
        f"{uris.system(system)}/EthernetInterfaces/{ident}",
        places,
        mac=identity.mac(),
        speed_mbps=shape.nic_speed_mbps,
    )


def _pooled_drive(ident: str, size: Size, identity: Identity) -> hardware.Drive:
    return hardware.Drive(
        ident,
        uris.drive(DRAWER, ident),
        (DRAWER, RACK),
        capacity_gib=size.pooled_drive_gib,
        media="SSD",
        interface="NVMe",
        serial=identity.serial("drive", f"{DRAWER}/{ident}"),
        uuid=identity.uuid("drive", f"{DRAWER}/{ident}"),
        pooled=True,
    )


def _accelerator(ident: str, kind: str, model: str) -> hardware.Processor:
    return hardware.Processor(
        ident,
        f"{uris.system(POOL_SYSTEM)}/Processors/{ident}",
        (DRAWER, RACK),
        model=model,
        cores=1,
        speed_mhz=400,
        instruction_set="OEM",
        kind=kind,
    )
