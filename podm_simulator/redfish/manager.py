# SPDX-License-Identifier: Apache-2.0

"""Managers: the pod manager itself, and a BMC for each system."""

from podm_simulator import uris
from podm_simulator.pod import hardware
from podm_simulator.redfish.collection import collection
from podm_simulator.redfish.collection import link
from podm_simulator.redfish.http import not_found
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Service
from podm_simulator.redfish.status import OK


def index(service: Service, request: Request) -> Resource:
    """GET Managers."""
    bmcs = [
        uris.manager(system.manager)
        for system in service.pod.stock.systems.values()
        if system.present
    ]

    def member(ident: str) -> Resource:
        return show(service, Request("GET", uris.manager(ident), ids={"manager": ident}))

    return collection(service, request, "Manager", [uris.POD_MANAGER, *bmcs], member)


def machine(service: Service, request: Request) -> hardware.System:
    """Return the system whose BMC the path names.

    :raises RedfishError: 404, no BMC has that id.
    """
    ident = request.ids["manager"]
    system = service.pod.stock.systems.get(ident.removeprefix("BMC"))
    if system is None or system.manager != ident or not system.present:
        raise not_found(request.path)
    return system


def show(service: Service, request: Request) -> Resource:
    """GET Managers/{manager}."""
    if uris.manager(request.ids["manager"]) == uris.POD_MANAGER:
        return _manager(service, "PODM", "Pod Manager", "Service")
    system = machine(service, request)
    resource = _manager(service, system.manager, f"BMC of system {system.id}", "BMC")
    resource["VirtualMedia"] = link(f"{resource['@odata.id']}/VirtualMedia")
    resource["Links"] = {
        "ManagerForServers": [link(system.path)],
        "ManagerForChassis": [link(uris.chassis(system.chassis))],
    }
    return resource


def _manager(service: Service, ident: str, name: str, kind: str) -> Resource:
    return {
        "@odata.id": uris.manager(ident),
        "@odata.type": "#Manager.v1_5_1.Manager",
        "Id": ident,
        "Name": name,
        "ManagerType": kind,
        "UUID": service.pod.identity.uuid("manager", ident),
        "Model": "podm-simulator",
        "FirmwareVersion": "1.0",
        "PowerState": "On",
        "Status": OK,
    }
