# SPDX-License-Identifier: Apache-2.0

"""What a pod is made of.

An asset is anything that can be taken; ``holder`` is the id of the composed
node that has taken it, or None. Processors, memory, NICs and local drives go
with the computer system they are soldered or plugged into; pooled drives and
accelerators are taken one by one, over the PCIe fabric.
"""

from collections.abc import Iterator
import dataclasses


@dataclasses.dataclass(eq=False, slots=True)
class Asset:
    """Something with a path, a place and perhaps a holder.

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
        """Tell whether a node may take it now."""
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

    :ivar pooled: it hangs behind the PCIe switch and can be given to any system.
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

    :ivar primary_vlan: the untagged VLAN that its composed node asked for.
    """

    mac: str
    speed_mbps: int
    primary_vlan: int | None = None
    vlans: list[tuple[int, bool]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Medium:
    """A virtual drive of a system's BMC; ``image`` is what is in it."""

    id: str
    media_types: tuple[str, ...]
    image: str | None = None
    write_protected: bool = True

    def eject(self) -> None:
        """Empty the drive; an empty one stays as it is."""
        self.image = None
        self.write_protected = True


@dataclasses.dataclass(slots=True)
class Boot:
    """The boot override of a system, with Redfish's own words."""

    enabled: str = "Disabled"
    target: str = "None"
    mode: str = "UEFI"

    def clear(self) -> None:
        """Forget the override; the machine boots from its own order again."""
        self.enabled, self.target, self.mode = "Disabled", "None", "UEFI"


@dataclasses.dataclass(eq=False, slots=True)
class System(Asset):
    """A computer system with what is fixed inside it."""

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
        """Count the cores of all processors."""
        return sum(processor.cores for processor in self.processors)

    @property
    def memory_mib(self) -> int:
        """Add up the memory modules."""
        return sum(module.capacity_mib for module in self.memory)

    def parts(self) -> Iterator[Asset]:
        """Yield what goes wherever the system goes."""
        yield from self.processors
        yield from self.memory
        yield from self.drives
        yield from self.nics

    def reset(self, reset_type: str) -> None:
        """Change power as ``Resource.ResetType`` says.

        A boot override that is enabled ``Once`` is used up by the next boot.
        """
        self.powered = POWERED_AFTER[reset_type]
        if reset_type in BOOTS and self.boot.enabled == "Once":
            self.boot.clear()

    def clean(self) -> None:
        """Return to how the machine stood before anybody had it."""
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


# Resource.ResetType -> is the machine on afterwards?
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
