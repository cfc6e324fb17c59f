# SPDX-License-Identifier: Apache-2.0

"""Chassis: a rack, a sled for each system, a drawer of pooled drives."""

from podm_simulator import uris
from podm_simulator.pod import factory
from podm_simulator.pod import hardware
from podm_simulator.redfish.collection import collection
from podm_simulator.redfish.collection import link
from podm_simulator.redfish.collection import links
from podm_simulator.redfish.http import not_found
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Service
from podm_simulator.redfish.status import OK


def _sled(service: Service, ident: str) -> hardware.System | None:
    system = service.pod.stock.systems.get(ident.removeprefix("Sled"))
    return system if system is not None and system.chassis == ident else None


def drives(service: Service, request: Request) -> list[hardware.Drive]:
    """Return the drives in the chassis that the path names.

    :raises RedfishError: 404, no such chassis.
    """
    ident = request.ids["chassis"]
    if ident == factory.DRAWER:
        all_drives = list(service.pod.stock.drives.values())
    elif system := _sled(service, ident):
        all_drives = system.drives
    elif ident == factory.RACK:
        all_drives = []
    else:
        raise not_found(request.path)
    return [drive for drive in all_drives if drive.present]


def index(service: Service, request: Request) -> Resource:
    """GET Chassis."""
    sleds = [system.chassis for system in service.pod.stock.systems.values()]
    idents = [factory.RACK, factory.DRAWER, *sleds]

    def member(ident: str) -> Resource:
        return show(service, Request("GET", uris.chassis(ident), ids={"chassis": ident}))

    return collection(
        service, request, "Chassis", [uris.chassis(ident) for ident in idents], member
    )


def show(service: Service, request: Request) -> Resource:
    """GET Chassis/{chassis}."""
    ident = request.ids["chassis"]
    if ident == factory.RACK:
        return _rack(service)
    kind, system = ("Sled", _sled(service, ident)) if ident != factory.DRAWER else ("Drawer", None)
    drive_paths = [drive.path for drive in drives(service, request)]
    resource = _chassis(service, ident, kind)
    resource["Drives"] = link(f"{uris.chassis(ident)}/Drives")
    resource["Links"] = {
        "ContainedBy": link(uris.chassis(factory.RACK)),
        "ComputerSystems": links([system.path] if system else []),
        "ManagedBy": links([uris.manager(system.manager) if system else uris.POD_MANAGER]),
        "Drives": links(drive_paths),
    }
    return resource


def _rack(service: Service) -> Resource:
    sleds = [uris.chassis(system.chassis) for system in service.pod.stock.systems.values()]
    resource = _chassis(service, factory.RACK, "Rack")
    resource["Links"] = {
        "Contains": links([uris.chassis(factory.DRAWER), *sleds]),
        "ManagedBy": links([uris.POD_MANAGER]),
    }
    return resource


def _chassis(service: Service, ident: str, kind: str) -> Resource:
    return {
        "@odata.id": uris.chassis(ident),
        "@odata.type": "#Chassis.v1_14_0.Chassis",
        "Id": ident,
        "Name": f"{service.pod.name} {ident}",
        "ChassisType": kind,
        "Manufacturer": "Simulated",
        "SerialNumber": service.pod.identity.serial("chassis", ident),
        "PowerState": "On",
        "Status": OK,
    }
