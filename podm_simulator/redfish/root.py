# SPDX-License-Identifier: Apache-2.0

"""Versions, the service root, and the OData documents."""

from podm_simulator import uris
from podm_simulator.redfish import expand
from podm_simulator.redfish.collection import link
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Service

SERVICES = ("Systems", "Chassis", "Managers", "Fabrics", "SessionService")


def versions(_service: Service, _request: Request) -> Resource:
    """GET /redfish: the root of each version of the protocol."""
    return {"v1": f"{uris.ROOT}/"}


def show(service: Service, _request: Request) -> Resource:
    """GET /redfish/v1: the service root; the place of Nodes depends on the dialect."""
    intel: Resource = {
        "@odata.type": "#Intel.Oem.ServiceRoot",
        "ApiVersion": service.dialect.api_version,
    }
    root: Resource = {
        "@odata.id": f"{uris.ROOT}/",
        "@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot",
        "Id": "RootService",
        "Name": service.pod.name,
        "RedfishVersion": "1.6.0",
        "UUID": service.pod.uuid,
        "Links": {"Sessions": link(uris.SESSIONS)},
        **{name: link(f"{uris.ROOT}/{name}") for name in SERVICES},
        "Oem": {"Intel_RackScale": intel},
    }
    for place, section in (("root", root), ("oem", intel)):
        if place in service.dialect.nodes_at:
            section["Nodes"] = link(uris.NODES)
    if service.expand:
        root["ProtocolFeaturesSupported"] = {
            "ExpandQuery": {
                "ExpandAll": True,
                "NoLinks": True,
                "Links": True,
                "Levels": True,
                "MaxLevels": expand.MAX_LEVELS,
            }
        }
    return root


def odata(_service: Service, _request: Request) -> Resource:
    """GET /redfish/v1/odata: the OData service document."""
    return {
        "@odata.context": f"{uris.ROOT}/$metadata",
        "value": [
            {"name": name, "kind": "Singleton", "url": f"{uris.ROOT}/{name}"} for name in SERVICES
        ],
    }
