# SPDX-License-Identifier: Apache-2.0

"""The hardware of a pod.

An asset is anything that can be allocated; ``holder`` is the id of the composed
node that holds it, or None. Processors, memory, NICs and local drives belong to
their computer system and are allocated with it; pooled drives and accelerators
are allocated one by one, over the PCIe fabric.
"""

from collections.abc import Iterator
import dataclasses


@dataclasses.dataclass(eq=False, slots=True)
class Asset:
    """A resource with a path, a place and, if allocated, a holder.

    :ivar places: the ids of the chassis around it, innermost first.
    :ivar present: False while it is pulled out of its slot.
    """

    id: str
    path: str
    places: tuple[str, ...]
    present: bool = dataclasses.field(default=True, kw_only=True)
    holder: str | None = dataclasses.field(default=None, kw_only=True)

    @property
    def free(self) -> bool:
        """Return whether a node can allocate it now."""
        return self.present and self.holder is None


@dataclasses.dataclass(eq=False, slots=True)
class Processor(Asset):
    """A CPU in a system, or an accelerator in the pool; speed in MHz."""

    model: str
    cores: int
    speed_mhz: int
    instruction_set: str
    kind: str = "CPU"
    brand: str | None = None
    capabilities: tuple[str, ...] = ()


@dataclasses.dataclass(eq=False, slots=True)
class Memory(Asset):
    """A memory module."""

    capacity_mib: int
    speed_mhz: int
    serial: str
    kind: str = "DRAM"
    device_type: str = "DDR4"
    manufacturer: str = "Simulated"
    data_width_bits: int = 64


@dataclasses.dataclass(eq=False, slots=True)
class Drive(Asset):
    """A local or pooled drive; capacity in GiB.

    :ivar pooled: it is behind the PCIe switch, and any system can use it.
    """

    capacity_gib: int
    media: str
    interface: str
    serial: str
    uuid: str
    rpm: int | None = None
    pooled: bool = False
    erased: bool = True


@dataclasses.dataclass(eq=False, slots=True)
class Nic(Asset):
    """An Ethernet interface of a system.

    :ivar primary_vlan: the untagged VLAN that its composed node requested.
    """

    mac: str
    speed_mbps: int
    primary_vlan: int | None = None
    vlans: list[tuple[int, bool]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Medium:
    """A virtual drive of a system's BMC; ``image`` is the URL of the inserted image."""

    id: str
    media_types: tuple[str, ...]
    image: str | None = None
    write_protected: bool = True

    def eject(self) -> None:
        """Eject the image; does nothing when the drive is empty."""
        self.image = None
        self.write_protected = True


@dataclasses.dataclass(slots=True)
class Boot:
    """The boot override of a system, in Redfish's terms."""

    enabled: str = "Disabled"
    target: str = "None"
    mode: str = "UEFI"

    def clear(self) -> None:
        """Remove the override; the machine uses its own boot order again."""
        self.enabled, self.target, self.mode = "Disabled", "None", "UEFI"


@dataclasses.dataclass(eq=False, slots=True)
class System(Asset):
    """A computer system with its fixed parts."""

    uuid: str
    serial: str
    chassis: str
    manager: str
    model: str
    tpm: str | None
    txt: bool
    processors: list[Processor]
    memory: list[Memory]
    drives: list[Drive]
    nics: list[Nic]
    media: dict[str, Medium]
    powered: bool = False
    boot: Boot = dataclasses.field(default_factory=Boot)
    asset_tag: str | None = None

    @property
    def cores(self) -> int:
        """Return the number of cores of all processors."""
        return sum(processor.cores for processor in self.processors)

    @property
    def memory_mib(self) -> int:
        """Return the capacity of all memory modules, in MiB."""
        return sum(module.capacity_mib for module in self.memory)

    def parts(self) -> Iterator[Asset]:
        """Yield the assets that are allocated with the system."""
        yield from self.processors
        yield from self.memory
        yield from self.drives
        yield from self.nics

    def reset(self, reset_type: str) -> None:
        """Change the power state as ``Resource.ResetType`` defines.

        A boot override that is enabled ``Once`` ends with the next boot.
        """
        self.powered = POWERED_AFTER[reset_type]
        if reset_type in BOOTS and self.boot.enabled == "Once":
            self.boot.clear()

    def clean(self) -> None:
        """Restore the state of a machine that was never allocated."""
        self.powered = False
        self.boot.clear()
        self.asset_tag = None
        for medium in self.media.values():
            medium.eject()
        for nic in self.nics:
            nic.primary_vlan = None
            nic.vlans.clear()
        for drive in self.drives:
            drive.erased = True


# Resource.ResetType -> whether the machine is on afterwards
POWERED_AFTER = {
    "On": True,
    "ForceOn": True,
    "ForceOff": False,
    "GracefulShutdown": False,
    "GracefulRestart": True,
    "ForceRestart": True,
}
BOOTS = frozenset({"On", "ForceOn", "GracefulRestart", "ForceRestart"})
RESET_TYPES = tuple(POWERED_AFTER)

BOOT_VALUES = {
    "BootSourceOverrideEnabled": ("Disabled", "Once", "Continuous"),
    "BootSourceOverrideTarget": ("None", "Pxe", "Cd", "Usb", "Hdd", "BiosSetup", "UefiHttp"),
    "BootSourceOverrideMode": ("Legacy", "UEFI"),
}
