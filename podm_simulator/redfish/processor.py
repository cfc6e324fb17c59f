# SPDX-License-Identifier: Apache-2.0

"""Processors of a system; pooled accelerators belong to a system of their own."""

from podm_simulator import uris
from podm_simulator.pod import factory
from podm_simulator.pod import hardware
from podm_simulator.redfish import status
from podm_simulator.redfish import system
from podm_simulator.redfish.collection import collection
from podm_simulator.redfish.collection import link
from podm_simulator.redfish.http import not_found
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Service


def _processors(service: Service, request: Request) -> dict[str, hardware.Processor]:
    accelerators = service.pod.stock.accelerators
    if request.ids["system"] == factory.POOL_SYSTEM and accelerators:
        return {unit.id: unit for unit in accelerators.values() if unit.present}
    return {unit.id: unit for unit in system.find(service, request).processors}


def index(service: Service, request: Request) -> Resource:
    """GET Systems/{system}/Processors."""
    paths = [unit.path for unit in _processors(service, request).values()]
    return collection(service, request, "Processor", paths)


def show(service: Service, request: Request) -> Resource:
    """GET Systems/{system}/Processors/{processor}."""
    unit = _processors(service, request).get(request.ids["processor"])
    if unit is None:
        raise not_found(request.path)
    cpu = unit.kind == "CPU"
    resource: Resource = {
        "@odata.id": unit.path,
        "@odata.type": "#Processor.v1_4_0.Processor",
        "Id": unit.id,
        "Name": f"Processor {unit.id}",
        "Socket": unit.id,
        "ProcessorType": unit.kind,
        "ProcessorArchitecture": "x86" if cpu else "OEM",
        "InstructionSet": unit.instruction_set,
        "Manufacturer": "Simulated",
        "Model": unit.model,
        "MaxSpeedMHz": unit.speed_mhz,
        "TotalCores": unit.cores,
        "TotalThreads": unit.cores * 2 if cpu else unit.cores,
        "Status": status.of(unit),
        "Links": {"Chassis": link(uris.chassis(unit.places[0]))},
    }
    if unit.brand is not None:
        resource["Oem"] = {
            "Intel_RackScale": {
                "@odata.type": "#Intel.Oem.Processor",
                "Brand": unit.brand,
                "Capabilities": list(unit.capabilities),
            }
        }
    return resource
