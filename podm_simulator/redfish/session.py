# SPDX-License-Identifier: Apache-2.0

"""SessionService: log in, list, log out."""

from podm_simulator import uris
from podm_simulator.redfish import sessions
from podm_simulator.redfish.body import fields
from podm_simulator.redfish.collection import collection
from podm_simulator.redfish.collection import link
from podm_simulator.redfish.http import NO_CONTENT
from podm_simulator.redfish.http import not_found
from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Response
from podm_simulator.redfish.http import Service
from podm_simulator.redfish.status import OK


def service(service: Service, _request: Request) -> Resource:
    """GET SessionService."""
    return {
        "@odata.id": uris.SESSION_SERVICE,
        "@odata.type": "#SessionService.v1_1_4.SessionService",
        "Id": "SessionService",
        "Name": "Session Service",
        "Status": OK,
        "ServiceEnabled": True,
        "SessionTimeout": max(30, int(service.sessions.timeout)),
        "Sessions": link(uris.SESSIONS),
    }


def index(service: Service, request: Request) -> Resource:
    """GET SessionService/Sessions."""
    paths = [f"{uris.SESSIONS}/{session.id}" for session in service.sessions.all()]
    return collection(service, request, "Session", paths)


def _session(session: sessions.Session) -> Resource:
    return {
        "@odata.id": f"{uris.SESSIONS}/{session.id}",
        "@odata.type": "#Session.v1_1_1.Session",
        "Id": session.id,
        "Name": "User Session",
        "UserName": session.username,
    }


def create(service: Service, request: Request) -> Response:
    """POST SessionService/Sessions: 201 with X-Auth-Token and Location.

    :raises RedfishError: 401, the credentials are wrong.
    """
    members = fields(
        request.body, {"UserName": str, "Password": str}, required=("UserName", "Password")
    )
    session = service.sessions.login(members["UserName"], members["Password"])
    if session is None:
        raise RedfishError(401, "NoValidSession", "The user name or the password is wrong.")
    resource = _session(session)
    headers = {"X-Auth-Token": session.token, "Location": resource["@odata.id"]}
    return Response(201, resource, headers)


def _find(service: Service, request: Request) -> sessions.Session:
    session = service.sessions.find(request.ids["session"])
    if session is None:
        raise not_found(request.path)
    return session


def show(service: Service, request: Request) -> Resource:
    """GET SessionService/Sessions/{session}."""
    return _session(_find(service, request))


def delete(service: Service, request: Request) -> Response:
    """DELETE SessionService/Sessions/{session}: log out."""
    service.sessions.close(_find(service, request))
    return Response(NO_CONTENT)
