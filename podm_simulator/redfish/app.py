# SPDX-License-Identifier: Apache-2.0

"""Handle a request: find the route, check the credentials, call the handler."""

import json
from typing import Any

from podm_simulator.pod import errors
from podm_simulator.redfish import expand
from podm_simulator.redfish import routes
from podm_simulator.redfish.body import from_pod_error
from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Response
from podm_simulator.redfish.http import Service
from podm_simulator.redfish.http import unauthenticated

MAX_BODY = 1 << 20
WITH_BODY = frozenset({"POST", "PATCH", "PUT"})


class App:
    """The whole Redfish API of one pod manager."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._router = routes.Router(routes.COMMON + routes.rsd(service.dialect))

    def handle(
        self, request: Request, *, raw: bytes, content_type: str | None, authenticated: bool
    ) -> Response:
        """Return the response to a request; every failure becomes a Redfish error.

        :param raw: the body as it was received.
        :param authenticated: whether its credentials are valid.
        """
        try:
            route = self._router.find(request)
            if not authenticated and not route.public:
                raise unauthenticated()
            if request.method in WITH_BODY:
                request.body = _read(raw, content_type)
            result = route.handler(self.service, request)
            self._expand(request, result)
        except RedfishError as exc:
            return exc.response()
        except errors.PodError as exc:
            return from_pod_error(exc).response()
        return result if isinstance(result, Response) else Response(200, result)

    def _expand(self, request: Request, result: Response | Resource) -> None:
        """Expand the links inside the members, when ``$levels`` is more than one."""
        query = request.query.get("$expand")
        if query is None or not isinstance(result, dict) or "Members" not in result:
            return

        def show(path: str) -> Resource:
            inner = Request("GET", path)
            resource = self._router.find(inner).handler(self.service, inner)
            assert isinstance(resource, dict), path
            return resource

        for member in result["Members"]:
            expand.expand_links(member, expand.levels(query) - 1, show)


def _read(raw: bytes, content_type: str | None) -> Any:
    """Return a body as JSON; None when it is empty, which actions may be.

    :raises RedfishError: 415 for another content type, 400 when it is not JSON.
    """
    if not raw.strip():
        return None
    kind = (content_type or "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RedfishError(415, "UnsupportedMediaType", f"Send application/json, not {kind}.")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise RedfishError(400, "MalformedJSON", f"The body is not valid JSON: {exc}") from exc
