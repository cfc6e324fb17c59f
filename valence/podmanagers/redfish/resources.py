# SPDX-License-Identifier: Apache-2.0

"""The fields of the standard Redfish resources (DSP2046), as inventories name them."""

from valence.podmanagers import odata
from valence.podmanagers.redfish.fields import Field
from valence.podmanagers.redfish.fields import gib_from_bytes
from valence.podmanagers.redfish.fields import mac
from valence.podmanagers.redfish.fields import mib_from_gib
from valence.podmanagers.redfish.fields import number
from valence.podmanagers.redfish.fields import positive
from valence.podmanagers.redfish.fields import word

SERVICE_ROOT = {
    "name": Field("Name"),
    "uuid": Field("UUID"),
    "redfish_version": Field("RedfishVersion"),
}

SYSTEM = {
    "name": Field("Name"),
    "redfish_uuid": Field("UUID"),
    "serial_number": Field("SerialNumber"),
    "manufacturer": Field("Manufacturer"),
    "model": Field("Model"),
    "health": Field("Status/Health"),
    "power_state": Field("PowerState", convert=word),
}

#: The state of a system, which inventories translate.
SYSTEM_STATE = {"state": Field("Status/State")}

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
    "type": Field("ProcessorType"),
    "model": Field("Model"),
    "cores": Field("TotalCores", convert=number),
    "instruction_set": Field("InstructionSet"),
    "speed_mhz": Field("MaxSpeedMHz", convert=number),
}

DRIVE = {
    "capacity_gib": Field("CapacityBytes", convert=gib_from_bytes),
    "media_type": Field("MediaType"),
    "protocol": Field("Protocol"),
    # 0 for a drive without platters.
    "rpm": Field("RotationSpeedRPM", convert=positive),
    "model": Field("Model"),
    "manufacturer": Field("Manufacturer"),
    "serial_number": Field("SerialNumber"),
}

ETHERNET_INTERFACE = {
    "mac": Field("MACAddress", "PermanentMACAddress", convert=mac),
    "speed_mbps": Field("SpeedMbps", convert=number),
}

CHASSIS = {
    "name": Field("Name"),
    "chassis_type": Field("ChassisType"),
    "manufacturer": Field("Manufacturer"),
    "model": Field("Model"),
    "serial_number": Field("SerialNumber"),
    "health": Field("Status/Health"),
}

#: What a chassis contains, and what contains it.
CHASSIS_LINKS = {
    "container": Field("Links/ContainedBy", convert=odata.path_of),
    "systems": Field("Links/ComputerSystems", convert=odata.paths_of),
    "drives": Field("Links/Drives", convert=odata.paths_of),
}
