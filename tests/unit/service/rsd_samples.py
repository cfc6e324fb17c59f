# SPDX-License-Identifier: Apache-2.0

"""Responses of RSD pod managers of every dialect, as literal JSON.

Written after the API specifications of RSD 2.1 to 2.5 and their schemas.
"""

from typing import Any

ROOT_2_1: dict[str, Any] = {
    "@odata.id": "/redfish/v1/",
    "@odata.type": "#ServiceRoot.v1_0_2.ServiceRoot",
    "Id": "RootService",
    "Name": "Rack one",
    "RedfishVersion": "1.0.2",
    "UUID": "4c4c4544-0051-4810-8052-b4c04f4e3732",
    "Systems": {"@odata.id": "/redfish/v1/Systems"},
    "Services": {"@odata.id": "/redfish/v1/Services"},
    "EthernetSwitches": {"@odata.id": "/redfish/v1/EthernetSwitches"},
    "Nodes": {"@odata.id": "/redfish/v1/Nodes"},
    "Oem": {"Intel_RackScale": {"ApiVersion": "2.1.0"}},
}
ROOT_2_2 = {
    **ROOT_2_1,
    "Nodes": {"@odata.id": "/redfish/v1/Nodes/"},
    "Oem": {"Intel_RackScale": {"ApiVersion": "2.2.0"}},
}
ROOT_2_4: dict[str, Any] = {
    "@odata.id": "/redfish/v1",
    "@odata.type": "#ServiceRoot.v1_3_1.ServiceRoot",
    "Id": "RootService",
    "Name": "Rack four",
    "RedfishVersion": "1.5.0",
    "StorageServices": {"@odata.id": "/redfish/v1/StorageServices"},
    "Systems": {"@odata.id": "/redfish/v1/Systems"},
    "Oem": {
        "Intel_RackScale": {
            "ApiVersion": "2.4.0",
            "Nodes": {"@odata.id": "/redfish/v1/Nodes"},
            "EthernetSwitches": {"@odata.id": "/redfish/v1/EthernetSwitches"},
        }
    },
}
ROOT_2_5 = {
    **ROOT_2_4,
    "Oem": {
        "Intel_RackScale": {
            "ApiVersion": "2.5.1",
            "Nodes": {"@odata.id": "https://pod.example:8443/redfish/v1/Nodes"},
        }
    },
}
ROOT_COLON = {
    **ROOT_2_1,
    "Nodes": None,
    "Oem": {
        "Intel:RackScale": {"ApiVersion": "2.1.0", "Nodes": {"@odata.id": "/redfish/v1/Nodes"}}
    },
}

ALLOCATE = "/redfish/v1/Nodes/Actions/Allocate"
ALLOCATE_2_1 = {"#ComposedNodeCollection.Allocate": {"target": ALLOCATE}}
ALLOCATE_NODES = {"#ComposedNodesCollection.Allocate": {"target": ALLOCATE}}
ALLOCATE_ABSOLUTE = {
    "#ComposedNodeCollection.Allocate": {"target": f"https://pod.example:8443{ALLOCATE}"}
}

SYSTEM = "/redfish/v1/Systems/System1"
NODE = "/redfish/v1/Nodes/1"
ASSEMBLE = f"{NODE}/Actions/ComposedNode.Assemble"

NODE_2_1: dict[str, Any] = {
    "@odata.id": NODE,
    "@odata.type": "#ComposedNode.1.1.0.ComposedNode",
    "Id": "1",
    "Name": "valence-1",
    "PowerState": "Off",
    "Status": {"State": "Enabled", "Health": "OK", "HealthRollup": "OK"},
    "ComposedNodeState": "Allocated",
    "Processors": {"Count": 2, "Model": "Xeon"},
    "Memory": {"TotalSystemMemoryGiB": 32},
    "Links": {"ComputerSystem": {"@odata.id": SYSTEM}},
    "Actions": {"#ComposedNode.Assemble": {"target": ASSEMBLE}},
}
#: A number for an Id, the state in Status, a slash at the end of the link.
NODE_2_2 = {
    **NODE_2_1,
    "Id": 1,
    "ComposedNodeState": None,
    "Status": {"State": "Allocated", "Health": "OK"},
    "Links": {"ComputerSystem": {"@odata.id": f"{SYSTEM}/"}},
}
#: Links to a list of systems.
NODE_2_5 = {
    **NODE_2_1,
    "@odata.type": "#ComposedNode.v1_1_0.ComposedNode",
    "Links": {"ComputerSystem": [{"@odata.id": SYSTEM}]},
    "Actions": {"#ComposedNode.Assemble": {"target": f"https://pod.example:8443{ASSEMBLE}"}},
}
NODE_NODES = {**NODE_2_1, "Actions": {"#ComposedNodes.Assemble": {"target": ASSEMBLE}}}

THE_SYSTEM: dict[str, Any] = {
    "@odata.id": SYSTEM,
    "@odata.type": "#ComputerSystem.v1_3_0.ComputerSystem",
    "Id": "System1",
    "PowerState": "On",
    "ProcessorSummary": {"Count": 2, "Model": "Xeon Gold"},
    "MemorySummary": {"TotalSystemMemoryGiB": 64},
    "EthernetInterfaces": {"@odata.id": f"{SYSTEM}/EthernetInterfaces"},
}


def in_state(state: str, **more: Any) -> dict[str, Any]:
    return {**NODE_2_1, "ComposedNodeState": state, **more}
