# SPDX-License-Identifier: Apache-2.0

"""The fields of the standard Redfish resources (DSP2046), as inventories name them."""

from valence.podmanagers.redfish.fields import Field
from valence.podmanagers.redfish.fields import gib_from_bytes
from valence.podmanagers.redfish.fields import identifier
from valence.podmanagers.redfish.fields import link_path
from valence.podmanagers.redfish.fields import link_paths
from valence.podmanagers.redfish.fields import mac
from valence.podmanagers.redfish.fields import mib_from_gib
from valence.podmanagers.redfish.fields import number
from valence.podmanagers.redfish.fields import one_of
from valence.podmanagers.redfish.fields import positive

# Enumerations whose words this service compares, or shows.
STATE = one_of("Enabled", "Disabled", "Absent", "UnavailableOffline")
HEALTH = one_of("OK", "Warning", "Critical")
POWER_STATE = one_of("On", "Off", "PoweringOn", "PoweringOff", "Paused")
PROCESSOR_TYPE = one_of("CPU", "GPU", "FPGA", "DSP", "Accelerator", "Core", "Thread", "OEM")
INSTRUCTION_SET = one_of("x86", "x86-64", "IA-64", "ARM-A32", "ARM-A64", "PowerISA", "OEM")
MEDIA_TYPE = one_of("HDD", "SSD", "SMR")
PROTOCOL = one_of("NVMe", "NVMeOverFabrics", "SAS", "SATA", "PCIe", "iSCSI", "FC", "USB")
CHASSIS_TYPE = one_of("Rack", "Row", "Pod", "Zone", "Drawer", "Sled", "Shelf", "Enclosure")

SERVICE_ROOT = {
    "name": Field("Name"),
    "uuid": Field("UUID", convert=identifier),
    "redfish_version": Field("RedfishVersion"),
}

SYSTEM = {
    "name": Field("Name"),
    "redfish_uuid": Field("UUID", convert=identifier),
    "serial_number": Field("SerialNumber", convert=identifier),
    "manufacturer": Field("Manufacturer"),
    "model": Field("Model"),
    "health": Field("Status/Health", convert=HEALTH),
    "power_state": Field("PowerState", convert=POWER_STATE),
}

#: The state of a system, which inventories translate.
SYSTEM_STATE = {"state": Field("Status/State", convert=STATE)}

#: The processors of a system together.
PROCESSOR_SUMMARY = {
    "count": Field("ProcessorSummary/Count", convert=number),
    "model": Field("ProcessorSummary/Model"),
    "cores": Field("ProcessorSummary/CoreCount", convert=number),
}

#: The memory of a system.
MEMORY_SUMMARY = {
    "capacity_mib": Field("MemorySummary/TotalSystemMemoryGiB", convert=mib_from_gib),
}

PROCESSOR = {
    "type": Field("ProcessorType", convert=PROCESSOR_TYPE),
    "model": Field("Model"),
    "cores": Field("TotalCores", convert=number),
    "instruction_set": Field("InstructionSet", convert=INSTRUCTION_SET),
    "speed_mhz": Field("MaxSpeedMHz", convert=number),
}

DRIVE = {
    "capacity_gib": Field("CapacityBytes", convert=gib_from_bytes),
    "media_type": Field("MediaType", convert=MEDIA_TYPE),
    "protocol": Field("Protocol", convert=PROTOCOL),
    # 0 for a drive without platters.
    "rpm": Field("RotationSpeedRPM", convert=positive),
    "model": Field("Model"),
    "manufacturer": Field("Manufacturer"),
    "serial_number": Field("SerialNumber", convert=identifier),
}

ETHERNET_INTERFACE = {
    "mac": Field("MACAddress", "PermanentMACAddress", convert=mac),
    "speed_mbps": Field("SpeedMbps", convert=number),
}

CHASSIS = {
    "name": Field("Name"),
    "chassis_type": Field("ChassisType", convert=CHASSIS_TYPE),
    "manufacturer": Field("Manufacturer"),
    "model": Field("Model"),
    "serial_number": Field("SerialNumber", convert=identifier),
    "health": Field("Status/Health", convert=HEALTH),
}

#: What a chassis contains, and what contains it.
CHASSIS_LINKS = {
    "container": Field("Links/ContainedBy", convert=link_path),
    "systems": Field("Links/ComputerSystems", convert=link_paths),
    "drives": Field("Links/Drives", convert=link_paths),
}
