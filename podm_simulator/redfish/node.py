# SPDX-License-Identifier: Apache-2.0

"""Composed nodes: allocate, assemble, change, delete."""

from typing import Any

from podm_simulator import uris
from podm_simulator.pod import hardware
from podm_simulator.pod import pod
from podm_simulator.pod import requirements
from podm_simulator.pod.node import ComposedNode
from podm_simulator.pod.node import State
from podm_simulator.redfish import boot
from podm_simulator.redfish.body import fields
from podm_simulator.redfish.body import reset_type
from podm_simulator.redfish.collection import collection
from podm_simulator.redfish.collection import link
from podm_simulator.redfish.collection import links
from podm_simulator.redfish.collection import pick
from podm_simulator.redfish.http import NO_CONTENT
from podm_simulator.redfish.http import not_found
from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Response
from podm_simulator.redfish.http import Service

# ComposedNodeState -> Status of the node.
STATUS = {
    State.ALLOCATING: {"State": "Starting", "Health": "OK", "HealthRollup": "OK"},
    State.ALLOCATED: {"State": "StandbyOffline", "Health": "OK", "HealthRollup": "OK"},
    State.ASSEMBLING: {"State": "Starting", "Health": "OK", "HealthRollup": "OK"},
    State.ASSEMBLED: {"State": "Enabled", "Health": "OK", "HealthRollup": "OK"},
    State.FAILED: {"State": "Disabled", "Health": "Critical", "HealthRollup": "Critical"},
}


def _find(service: Service, request: Request) -> ComposedNode:
    return pick(service.pod.nodes, request, "node")


def index(service: Service, request: Request) -> Resource:
    """GET Nodes, with the Allocate action."""

    def member(ident: str) -> Resource:
        return _node(service, service.pod.nodes[ident])

    paths = [uris.node(ident) for ident in service.pod.nodes]
    resource = collection(service, request, "ComposedNode", paths, member)
    target = service.dialect.allocate
    resource["Actions"] = {"#ComposedNodeCollection.Allocate": {"target": target}}
    return resource


def allocate(service: Service, request: Request) -> Response:
    """POST Nodes/Actions/Allocate: 201 with Location and no body."""
    node = service.pod.allocate(requirements.read(request.body))
    return Response(201, headers={"Location": uris.node(node.id)})


def show(service: Service, request: Request) -> Resource:
    """GET Nodes/{node}."""
    return _node(service, _find(service, request))


def _node(service: Service, node: ComposedNode) -> Resource:
    system = node.system
    return {
        "@odata.id": uris.node(node.id),
        "@odata.type": "#ComposedNode.v1_1_0.ComposedNode",
        "Id": node.id,
        "Name": node.name,
        **({"Description": node.description} if node.description else {}),
        "UUID": node.uuid,
        "AssetTag": node.asset_tag,
        "ComposedNodeState": str(node.state),
        "Status": STATUS[node.state],
        "PowerState": "On" if system.powered else "Off",
        "Boot": boot.show(system.boot),
        "ClearTPMOnDelete": node.clear_tpm_on_delete,
        "Links": _links(service, node),
        "Actions": _actions(service, node),
    }


def _links(service: Service, node: ComposedNode) -> Resource:
    system = node.system
    accelerators = [it for it in node.attached if isinstance(it, hardware.Processor)]
    attached = [it for it in node.attached if isinstance(it, hardware.Drive)]
    drives = links([drive.path for drive in (*system.drives, *attached)])
    resource: Resource = {
        "ComputerSystem": link(system.path),
        "Processors": links([unit.path for unit in (*system.processors, *accelerators)]),
        "Memory": links([module.path for module in system.memory]),
        "EthernetInterfaces": links([nic.path for nic in system.nics]),
        "ManagedBy": links([uris.POD_MANAGER]),
    }
    if service.dialect.system_is_list:
        resource["ComputerSystem"] = [resource["ComputerSystem"]]
    if service.dialect.storage_link:
        return resource | {"Storage": drives}
    return resource | {"LocalDrives": drives, "RemoteDrives": []}


def _actions(service: Service, node: ComposedNode) -> Resource:
    dialect = service.dialect
    base = f"{uris.node(node.id)}/Actions"
    names = ("Reset", "Assemble", dialect.attach, dialect.detach)
    actions: dict[str, Resource] = {
        name: {"target": f"{base}/ComposedNode.{name}"} for name in names
    }
    actions["Reset"]["ResetType@Redfish.AllowableValues"] = list(hardware.RESET_TYPES)
    for name in names[2:]:
        if dialect.action_info:
            info = f"{base}/{name}ActionInfo"
            by_link = dialect.action_info == "link"
            actions[name]["@Redfish.ActionInfo"] = link(info) if by_link else info
        else:
            actions[name]["Resource@Redfish.AllowableValues"] = links(
                [asset.path for asset in _candidates(service, node, name)]
            )
    return {f"#ComposedNode.{name}": action for name, action in actions.items()}


def _candidates(service: Service, node: ComposedNode, action: str) -> list[hardware.Asset]:
    return service.pod.attachable() if action.startswith("Attach") else node.attached


def action_info(service: Service, request: Request) -> Resource:
    """GET Nodes/{node}/Actions/{info}: what can be attached or detached now."""
    node = _find(service, request)
    action = request.ids["info"].removesuffix("ActionInfo")
    if action not in (service.dialect.attach, service.dialect.detach):
        raise not_found(request.path)
    assets = _candidates(service, node, action)
    parameters: list[Resource] = [
        {
            "Name": "Resource",
            "Required": True,
            "DataType": "Object",
            "ObjectDataType": "#Resource.Resource",
            "AllowableValues": links([asset.path for asset in assets]),
        }
    ]
    if action.startswith("Attach"):
        protocols = sorted({word for asset in assets for word in pod.PROTOCOLS[type(asset)]})
        parameters.append(
            {
                "Name": "Protocol",
                "Required": False,
                "DataType": "String",
                "ObjectDataType": None,
                "AllowableValues": protocols,
            }
        )
    return {
        "@odata.id": request.path,
        "@odata.type": "#ActionInfo.v1_1_0.ActionInfo",
        "Id": request.ids["info"],
        "Name": f"{action} ActionInfo",
        "Parameters": parameters,
    }


def change(service: Service, request: Request) -> Response:
    """PATCH Nodes/{node}: Boot, AssetTag and ClearTPMOnDelete."""
    node = _find(service, request)
    members = fields(request.body, {"Boot": dict, "AssetTag": str, "ClearTPMOnDelete": bool})
    if "Boot" in members:
        node.check("Boot")
        boot.change(node.system.boot, members["Boot"])
    node.asset_tag = members.get("AssetTag", node.asset_tag)
    node.clear_tpm_on_delete = members.get("ClearTPMOnDelete", node.clear_tpm_on_delete)
    return Response(NO_CONTENT)


def delete(service: Service, request: Request) -> Response:
    """DELETE Nodes/{node}, in any state."""
    service.pod.delete(_find(service, request))
    return Response(NO_CONTENT)


def assemble(service: Service, request: Request) -> Response:
    """POST .../ComposedNode.Assemble: 204 at once; the state shows when it is done."""
    service.pod.assemble(_find(service, request))
    return Response(NO_CONTENT)


def reset(service: Service, request: Request) -> Response:
    """POST .../ComposedNode.Reset; without its system, 503 and Retry-After."""
    node = _find(service, request)
    kind = reset_type(request.body, hardware.RESET_TYPES)
    node.check("Reset")
    if not node.system.present:
        raise RedfishError(
            503,
            "ServiceTemporarilyUnavailable",
            f"The computer system of node {node.id} is absent.",
            headers={"Retry-After": "30"},
        )
    node.system.reset(kind)
    return Response(NO_CONTENT)


def _resource(service: Service, body: object, **allowed: type) -> tuple[str, dict[str, Any]]:
    members = fields(body, {"Resource": object, **allowed}, required=("Resource",))
    resource = members["Resource"]
    if isinstance(resource, str) and service.dialect.action_info is None:
        resource = link(resource)  # clients of 2.1 and 2.2 send the bare path
    return requirements.link("Resource", resource), members


def attach(service: Service, request: Request) -> Response:
    """POST .../ComposedNode.AttachResource: {Resource: {@odata.id}, Protocol?}."""
    node = _find(service, request)
    path, members = _resource(service, request.body, Protocol=str)
    service.pod.attach(node, path, members.get("Protocol"))
    return Response(NO_CONTENT)


def detach(service: Service, request: Request) -> Response:
    """POST .../ComposedNode.DetachResource: {Resource: {@odata.id}}."""
    node = _find(service, request)
    path, _given = _resource(service, request.body)
    service.pod.detach(node, path)
    return Response(NO_CONTENT)
