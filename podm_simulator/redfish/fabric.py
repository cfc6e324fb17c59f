# SPDX-License-Identifier: Apache-2.0

"""The PCIe fabric: an endpoint for each system and pooled asset, a zone for each node."""

from podm_simulator import uris
from podm_simulator.pod import factory
from podm_simulator.pod import hardware
from podm_simulator.redfish import status
from podm_simulator.redfish.collection import collection
from podm_simulator.redfish.collection import link
from podm_simulator.redfish.collection import links
from podm_simulator.redfish.http import not_found
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Service
from podm_simulator.redfish.status import OK

PCIE = uris.fabric("PCIe")
SWITCH = "Switch1"
PARTS = ("Endpoints", "Zones", "Switches")

# kind of asset behind an endpoint -> prefix of the endpoint's id, and its EntityType
ENDPOINTS: dict[type[hardware.Asset], tuple[str, str]] = {
    hardware.System: ("Host", "RootComplex"),
    hardware.Drive: ("Drive", "Drive"),
    hardware.Processor: ("", "Processor"),
}


def endpoint(asset: hardware.Asset) -> str:
    """Return the path of the endpoint that connects an asset."""
    return f"{PCIE}/Endpoints/{ENDPOINTS[type(asset)][0]}{asset.id}"


def _asset(service: Service, ident: str) -> hardware.Asset | None:
    stock = service.pod.stock
    asset: hardware.Asset | None = stock.accelerators.get(ident)
    if ident.startswith("Host"):
        asset = stock.systems.get(ident.removeprefix("Host"))
    elif ident.startswith("Drive"):
        asset = stock.drives.get(ident.removeprefix("Drive"))
    return asset if asset is not None and asset.present else None


def _zones(service: Service) -> dict[str, list[hardware.Asset]]:
    return {
        f"{PCIE}/Zones/{node.id}": [node.system, *node.attached]
        for node in service.pod.nodes.values()
        if node.attached
    }


def index(service: Service, request: Request) -> Resource:
    """GET Fabrics."""
    return collection(service, request, "Fabric", [PCIE])


def show(_service: Service, _request: Request) -> Resource:
    """GET Fabrics/PCIe."""
    return {
        "@odata.id": PCIE,
        "@odata.type": "#Fabric.v1_0_4.Fabric",
        "Id": "PCIe",
        "Name": "PCIe Fabric",
        "FabricType": "PCIe",
        "Status": OK,
        **{part: link(f"{PCIE}/{part}") for part in PARTS},
    }


def endpoint_index(service: Service, request: Request) -> Resource:
    """GET Fabrics/PCIe/Endpoints."""
    assets = [*service.pod.stock.systems.values(), *service.pod.pooled()]
    paths = [endpoint(asset) for asset in assets if asset.present]
    return collection(service, request, "Endpoint", paths)


def show_endpoint(service: Service, request: Request) -> Resource:
    """GET Fabrics/PCIe/Endpoints/{endpoint}."""
    asset = _asset(service, request.ids["endpoint"])
    if asset is None:
        raise not_found(request.path)
    entity: Resource = {
        "EntityType": ENDPOINTS[type(asset)][1],
        "EntityRole": "Initiator" if isinstance(asset, hardware.System) else "Target",
        "EntityLink": link(asset.path),
    }
    zones = [path for path, members in _zones(service).items() if asset in members]
    return {
        "@odata.id": request.path,
        "@odata.type": "#Endpoint.v1_3_0.Endpoint",
        "Id": request.ids["endpoint"],
        "Name": f"Endpoint {request.ids['endpoint']}",
        "EndpointProtocol": "PCIe",
        "ConnectedEntities": [entity],
        "Status": status.of(asset),
        "Links": {
            "Oem": {
                "Intel_RackScale": {
                    "@odata.type": "#Intel.Oem.EndpointLinks",
                    "Zones": links(zones),
                    "Interfaces": [],
                }
            }
        },
    }


def zone_index(service: Service, request: Request) -> Resource:
    """GET Fabrics/PCIe/Zones."""
    return collection(service, request, "Zone", list(_zones(service)))


def show_zone(service: Service, request: Request) -> Resource:
    """GET Fabrics/PCIe/Zones/{zone}."""
    members = _zones(service).get(request.path)
    if members is None:
        raise not_found(request.path)
    return {
        "@odata.id": request.path,
        "@odata.type": "#Zone.v1_2_1.Zone",
        "Id": request.ids["zone"],
        "Name": f"Zone of node {request.ids['zone']}",
        "Status": OK,
        "Links": {
            "Endpoints": links([endpoint(asset) for asset in members]),
            "InvolvedSwitches": links([f"{PCIE}/Switches/{SWITCH}"]),
        },
    }


def switch_index(service: Service, request: Request) -> Resource:
    """GET Fabrics/PCIe/Switches."""
    return collection(service, request, "Switch", [f"{PCIE}/Switches/{SWITCH}"])


def show_switch(service: Service, request: Request) -> Resource:
    """GET Fabrics/PCIe/Switches/Switch1."""
    return {
        "@odata.id": request.path,
        "@odata.type": "#Switch.v1_1_1.Switch",
        "Id": SWITCH,
        "Name": "PCIe Switch",
        "SwitchType": "PCIe",
        "Manufacturer": "Simulated",
        "SerialNumber": service.pod.identity.serial("switch", SWITCH),
        "PowerState": "On",
        "Status": OK,
        "Links": {
            "Chassis": link(uris.chassis(factory.DRAWER)),
            "ManagedBy": links([uris.POD_MANAGER]),
        },
    }
