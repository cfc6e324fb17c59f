# SPDX-License-Identifier: Apache-2.0

"""Memory modules of a system."""

from podm_simulator import uris
from podm_simulator.redfish import status
from podm_simulator.redfish import system
from podm_simulator.redfish.collection import collection
from podm_simulator.redfish.collection import link
from podm_simulator.redfish.collection import pick
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Service


def index(service: Service, request: Request) -> Resource:
    """GET Systems/{system}/Memory."""
    modules = system.find(service, request).memory
    return collection(service, request, "Memory", [module.path for module in modules])


def show(service: Service, request: Request) -> Resource:
    """GET Systems/{system}/Memory/{memory}."""
    modules = {module.id: module for module in system.find(service, request).memory}
    module = pick(modules, request, "memory")
    return {
        "@odata.id": module.path,
        "@odata.type": "#Memory.v1_7_0.Memory",
        "Id": module.id,
        "Name": f"Memory {module.id}",
        "MemoryType": module.kind,
        "MemoryDeviceType": module.device_type,
        "CapacityMiB": module.capacity_mib,
        "OperatingSpeedMhz": module.speed_mhz,
        "AllowedSpeedsMHz": [module.speed_mhz],
        "DataWidthBits": module.data_width_bits,
        "BusWidthBits": module.data_width_bits + 8,
        "Manufacturer": module.manufacturer,
        "SerialNumber": module.serial,
        "DeviceLocator": module.id,
        "Status": status.of(module),
        "Links": {"Chassis": link(uris.chassis(module.places[0]))},
    }
