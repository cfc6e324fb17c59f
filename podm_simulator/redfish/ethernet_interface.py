# SPDX-License-Identifier: Apache-2.0

"""Ethernet interfaces of a system, with the VLANs that its node requested."""

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
    """GET Systems/{system}/EthernetInterfaces."""
    nics = system.find(service, request).nics
    return collection(service, request, "EthernetInterface", [nic.path for nic in nics])


def show(service: Service, request: Request) -> Resource:
    """GET Systems/{system}/EthernetInterfaces/{interface}."""
    nics = {nic.id: nic for nic in system.find(service, request).nics}
    nic = pick(nics, request, "interface")
    resource = {
        "@odata.id": nic.path,
        "@odata.type": "#EthernetInterface.v1_4_1.EthernetInterface",
        "Id": nic.id,
        "Name": f"Ethernet Interface {nic.id}",
        "Status": status.of(nic),
        "InterfaceEnabled": True,
        "LinkStatus": "LinkUp",
        "MACAddress": nic.mac,
        "PermanentMACAddress": nic.mac,
        "SpeedMbps": nic.speed_mbps,
        "AutoNeg": True,
        "FullDuplex": True,
        "MTUSize": 1500,
        "Links": {"Chassis": link(uris.chassis(nic.places[0]))},
    }
    if nic.primary_vlan is not None:
        resource["VLAN"] = {"VLANEnable": True, "VLANId": nic.primary_vlan}
    return resource
