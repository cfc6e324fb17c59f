# SPDX-License-Identifier: Apache-2.0

"""Computer systems, composed or not, and their storage."""

from podm_simulator import uris
from podm_simulator.pod import factory
from podm_simulator.pod import hardware
from podm_simulator.redfish import boot
from podm_simulator.redfish import status
from podm_simulator.redfish.body import fields
from podm_simulator.redfish.body import reset_type
from podm_simulator.redfish.collection import collection
from podm_simulator.redfish.collection import link
from podm_simulator.redfish.collection import links
from podm_simulator.redfish.collection import pick
from podm_simulator.redfish.http import NO_CONTENT
from podm_simulator.redfish.http import not_found
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Response
from podm_simulator.redfish.http import Service

PARTS = ("Processors", "Memory", "EthernetInterfaces", "Storage", "SimpleStorage")
SUMMARY = {"State": "Enabled", "Health": "OK", "HealthRollup": "OK"}


def find(service: Service, request: Request) -> hardware.System:
    """Return the system that the path names.

    :raises RedfishError: 404, no system has that id, or it is absent.
    """
    system = pick(service.pod.stock.systems, request, "system")
    if not system.present:
        raise not_found(request.path)
    return system


def index(service: Service, request: Request) -> Resource:
    """GET Systems; a system of its own lists the pooled accelerators."""
    stock = service.pod.stock
    paths = [system.path for system in stock.systems.values() if system.present]
    if stock.accelerators:
        paths.append(uris.system(factory.POOL_SYSTEM))

    def member(ident: str) -> Resource:
        return show(service, Request("GET", uris.system(ident), ids={"system": ident}))

    return collection(service, request, "ComputerSystem", paths, member)


def show(service: Service, request: Request) -> Resource:
    """GET Systems/{system}."""
    if request.ids["system"] == factory.POOL_SYSTEM and service.pod.stock.accelerators:
        return _accelerators(service)
    system = find(service, request)
    path = system.path
    return {
        "@odata.id": path,
        "@odata.type": "#ComputerSystem.v1_6_0.ComputerSystem",
        "Id": system.id,
        "Name": f"System {system.id}",
        "SystemType": "Physical",
        "AssetTag": system.asset_tag,
        "Manufacturer": "Simulated",
        "Model": system.model,
        "SerialNumber": system.serial,
        "UUID": system.uuid,
        "Status": status.of(system),
        "PowerState": "On" if system.powered else "Off",
        "Boot": boot.show(system.boot),
        **_summaries(system),
        **{part: link(f"{path}/{part}") for part in PARTS},
        "Links": {
            "Chassis": [link(uris.chassis(system.chassis))],
            "ManagedBy": [link(uris.manager(system.manager))],
        },
        "Actions": {
            "#ComputerSystem.Reset": {
                "target": f"{path}/Actions/ComputerSystem.Reset",
                "ResetType@Redfish.AllowableValues": list(hardware.RESET_TYPES),
            }
        },
    }


def _summaries(system: hardware.System) -> Resource:
    tpm = {"InterfaceType": system.tpm, "FirmwareVersion": "1.0", "Status": SUMMARY}
    return {
        "ProcessorSummary": {
            "Count": len(system.processors),
            "Model": system.processors[0].model,
            "Status": SUMMARY,
        },
        "MemorySummary": {
            "TotalSystemMemoryGiB": system.memory_mib / 1024,
            "Status": SUMMARY,
        },
        "TrustedModules": [tpm] if system.tpm is not None else [],
    }


def _accelerators(service: Service) -> Resource:
    path = uris.system(factory.POOL_SYSTEM)
    return {
        "@odata.id": path,
        "@odata.type": "#ComputerSystem.v1_6_0.ComputerSystem",
        "Id": factory.POOL_SYSTEM,
        "Name": "Pooled accelerators",
        "SystemType": "Physical",
        "UUID": service.pod.identity.uuid("system", factory.POOL_SYSTEM),
        "Status": SUMMARY,
        "PowerState": "On",
        "Processors": link(f"{path}/Processors"),
        "Links": {"Chassis": [link(uris.chassis(factory.DRAWER))]},
        "Actions": {},  # empty, but clients such as rsd-lib require it
    }


def change(service: Service, request: Request) -> Response:
    """PATCH Systems/{system}: Boot and AssetTag."""
    system = find(service, request)
    members = fields(request.body, {"Boot": dict, "AssetTag": str})
    if "Boot" in members:
        boot.change(system.boot, members["Boot"])
    system.asset_tag = members.get("AssetTag", system.asset_tag)
    return Response(NO_CONTENT)


def reset(service: Service, request: Request) -> Response:
    """POST Systems/{system}/Actions/ComputerSystem.Reset."""
    system = find(service, request)
    system.reset(reset_type(request.body, hardware.RESET_TYPES))
    return Response(NO_CONTENT)


def storage_index(service: Service, request: Request) -> Resource:
    """GET Systems/{system}/Storage: one controller for all its drives."""
    system = find(service, request)
    return collection(service, request, "Storage", [f"{system.path}/Storage/1"])


def storage(service: Service, request: Request) -> Resource:
    """GET Systems/{system}/Storage/{storage}: the local and the attached drives."""
    system = find(service, request)
    if request.ids["storage"] != "1":
        raise not_found(request.path)
    drives = [drive.path for drive in (*system.drives, *_attached(service, system))]
    return {
        "@odata.id": request.path,
        "@odata.type": "#Storage.v1_6_0.Storage",
        "Id": "1",
        "Name": "Storage",
        "Status": SUMMARY,
        "Drives": links(drives),
        "Drives@odata.count": len(drives),
    }


def _attached(service: Service, system: hardware.System) -> list[hardware.Drive]:
    node = service.pod.nodes.get(system.holder or "")
    return [it for it in node.attached if isinstance(it, hardware.Drive)] if node else []


def simple_storage_index(service: Service, request: Request) -> Resource:
    """GET Systems/{system}/SimpleStorage."""
    system = find(service, request)
    return collection(service, request, "SimpleStorage", [f"{system.path}/SimpleStorage/1"])


def simple_storage(service: Service, request: Request) -> Resource:
    """GET Systems/{system}/SimpleStorage/{storage}: the drives as plain devices."""
    system = find(service, request)
    if request.ids["storage"] != "1":
        raise not_found(request.path)
    return {
        "@odata.id": request.path,
        "@odata.type": "#SimpleStorage.v1_2_1.SimpleStorage",
        "Id": "1",
        "Name": "Simple Storage",
        "Status": SUMMARY,
        "Devices": [
            {
                "Name": f"{drive.interface} {drive.media} {drive.id}",
                "Manufacturer": "Simulated",
                "Model": f"{drive.media}{drive.capacity_gib}",
                "CapacityBytes": drive.capacity_gib * 1024**3,
                "Status": status.of(drive),
            }
            for drive in (*system.drives, *_attached(service, system))
        ],
    }
