# SPDX-License-Identifier: Apache-2.0

"""Drives, listed in their chassis whichever node holds them."""

from podm_simulator import uris
from podm_simulator.pod import hardware
from podm_simulator.redfish import chassis
from podm_simulator.redfish import fabric
from podm_simulator.redfish import status
from podm_simulator.redfish.collection import collection
from podm_simulator.redfish.collection import link
from podm_simulator.redfish.collection import links
from podm_simulator.redfish.collection import pick
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Service


def index(service: Service, request: Request) -> Resource:
    """GET Chassis/{chassis}/Drives."""
    paths = [drive.path for drive in chassis.drives(service, request)]

    def member(ident: str) -> Resource:
        ids = {**request.ids, "drive": ident}
        return show(service, Request("GET", f"{request.path}/{ident}", ids=ids))

    return collection(service, request, "Drive", paths, member)


def show(service: Service, request: Request) -> Resource:
    """GET Chassis/{chassis}/Drives/{drive}."""
    drives = {drive.id: drive for drive in chassis.drives(service, request)}
    drive = pick(drives, request, "drive")
    return {
        "@odata.id": drive.path,
        "@odata.type": "#Drive.v1_5_1.Drive",
        "Id": drive.id,
        "Name": f"Drive {drive.id}",
        "Manufacturer": "Simulated",
        "Model": f"{drive.media}{drive.capacity_gib}",
        "SerialNumber": drive.serial,
        "CapacityBytes": drive.capacity_gib * 1024**3,
        "MediaType": drive.media,
        "Protocol": drive.interface,
        "RotationSpeedRPM": drive.rpm or 0,
        "Identifiers": [{"DurableNameFormat": "UUID", "DurableName": drive.uuid}],
        "Status": status.of(drive),
        "Links": {
            "Chassis": link(uris.chassis(drive.places[0])),
            "Endpoints": links([fabric.endpoint(drive)] if drive.pooled else []),
            "Volumes": [],
        },
        "Oem": {"Intel_RackScale": _intel(service, drive)},
    }


def _intel(service: Service, drive: hardware.Drive) -> Resource:
    resource: Resource = {
        "@odata.type": "#Intel.Oem.Drive",
        "DriveErased": drive.erased,
        "EraseOnDetach": True,
    }
    node = service.pod.nodes.get(drive.holder or "")
    if node is not None:
        resource["Storage"] = link(f"{node.system.path}/Storage/1")
    return resource
