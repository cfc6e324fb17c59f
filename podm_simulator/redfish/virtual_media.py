# SPDX-License-Identifier: Apache-2.0

"""Virtual media: images, by URL, in the virtual drives of a BMC."""

from podm_simulator import uris
from podm_simulator.pod import hardware
from podm_simulator.redfish import manager
from podm_simulator.redfish.body import fields
from podm_simulator.redfish.collection import collection
from podm_simulator.redfish.collection import pick
from podm_simulator.redfish.http import NO_CONTENT
from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Response
from podm_simulator.redfish.http import Service

INSERT: dict[str, type | tuple[str, ...]] = {
    "Image": str,
    "Inserted": bool,
    "WriteProtected": bool,
    "TransferMethod": ("Stream", "Upload"),
    "TransferProtocolType": ("HTTP", "HTTPS", "NFS", "CIFS", "FTP", "SFTP", "TFTP", "SCP", "OEM"),
    "UserName": str,
    "Password": str,
}


def _find(service: Service, request: Request) -> hardware.Medium:
    return pick(manager.machine(service, request).media, request, "medium")


def index(service: Service, request: Request) -> Resource:
    """GET Managers/{manager}/VirtualMedia."""
    media = manager.machine(service, request).media
    return collection(service, request, "VirtualMedia", [f"{request.path}/{it}" for it in media])


def show(service: Service, request: Request) -> Resource:
    """GET Managers/{manager}/VirtualMedia/{medium}."""
    medium = _find(service, request)
    path = f"{uris.manager(request.ids['manager'])}/VirtualMedia/{medium.id}"
    inserted = medium.image is not None
    return {
        "@odata.id": path,
        "@odata.type": "#VirtualMedia.v1_3_0.VirtualMedia",
        "Id": medium.id,
        "Name": f"Virtual {medium.id}",
        "MediaTypes": list(medium.media_types),
        "Image": medium.image,
        "ImageName": medium.image.rpartition("/")[2] if medium.image else None,
        "Inserted": inserted,
        "ConnectedVia": "URI" if inserted else "NotConnected",
        "WriteProtected": medium.write_protected,
        "Actions": {
            f"#VirtualMedia.{action}": {"target": f"{path}/Actions/VirtualMedia.{action}"}
            for action in ("InsertMedia", "EjectMedia")
        },
    }


def insert(service: Service, request: Request) -> Response:
    """POST .../Actions/VirtualMedia.InsertMedia; 409 when another image is inserted."""
    medium = _find(service, request)
    members = fields(request.body, INSERT, required=("Image",))
    if medium.image is not None and medium.image != members["Image"]:
        raise RedfishError(
            409, "ResourceInUse", f"{medium.image} is still in {medium.id}: eject it."
        )
    medium.image = members["Image"]
    medium.write_protected = members.get("WriteProtected", True)
    return Response(NO_CONTENT)


def eject(service: Service, request: Request) -> Response:
    """POST .../Actions/VirtualMedia.EjectMedia; does nothing when the drive is empty."""
    _find(service, request).eject()
    return Response(NO_CONTENT)
