# SPDX-License-Identifier: Apache-2.0

"""The OData metadata document: the schemas of all resources."""

from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Response
from podm_simulator.redfish.http import Service

SCHEMAS = "http://redfish.dmtf.org/schemas/v1"
COLLECTIONS = (
    "ChassisCollection",
    "ComputerSystemCollection",
    "DriveCollection",
    "EndpointCollection",
    "EthernetInterfaceCollection",
    "FabricCollection",
    "ManagerCollection",
    "MemoryCollection",
    "ProcessorCollection",
    "SessionCollection",
    "SimpleStorageCollection",
    "StorageCollection",
    "SwitchCollection",
    "VirtualMediaCollection",
    "ZoneCollection",
)
VERSIONS = {
    "ActionInfo": "v1_1_0",
    "Chassis": "v1_14_0",
    "ComputerSystem": "v1_6_0",
    "Drive": "v1_5_1",
    "Endpoint": "v1_3_0",
    "EthernetInterface": "v1_4_1",
    "Fabric": "v1_0_4",
    "Manager": "v1_5_1",
    "Memory": "v1_7_0",
    "Message": "v1_0_0",
    "Processor": "v1_4_0",
    "ServiceRoot": "v1_5_0",
    "Session": "v1_1_1",
    "SessionService": "v1_1_4",
    "SimpleStorage": "v1_2_1",
    "Storage": "v1_6_0",
    "Switch": "v1_1_1",
    "VirtualMedia": "v1_3_0",
    "Zone": "v1_2_1",
}
EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
EDM = "http://docs.oasis-open.org/odata/ns/edm"


def _reference(schema: str, *namespaces: str) -> str:
    includes = "".join(f'<edmx:Include Namespace="{name}"/>' for name in namespaces)
    return f'<edmx:Reference Uri="{SCHEMAS}/{schema}_v1.xml">{includes}</edmx:Reference>'


def _document() -> bytes:
    references = "".join(
        [
            *(_reference(name, name) for name in COLLECTIONS),
            *(_reference(name, name, f"{name}.{version}") for name, version in VERSIONS.items()),
        ]
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<edmx:Edmx xmlns:edmx="{EDMX}" Version="4.0">{references}'
        f'<edmx:DataServices><Schema xmlns="{EDM}" Namespace="Service">'
        '<EntityContainer Name="Service" Extends="ServiceRoot.v1_5_0.ServiceContainer"/>'
        "</Schema></edmx:DataServices></edmx:Edmx>"
    ).encode()


DOCUMENT = _document()


def show(_service: Service, _request: Request) -> Response:
    """GET /redfish/v1/$metadata."""
    return Response(200, DOCUMENT, {"Content-Type": "application/xml;charset=utf-8"})
