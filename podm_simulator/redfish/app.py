# SPDX-License-Identifier: Apache-2.0

"""From a request to an answer: find the route, check who asks, call the handler."""

import json
from typing import Any

from podm_simulator.pod import errors
from podm_simulator.redfish import expand
from podm_simulator.redfish import routes
from podm_simulator.redfish.body import refusal
from podm_simulator.redfish.http import Answer
from podm_simulator.redfish.http import Refusal
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Service

MAX_BODY = 1 << 20
WITH_BODY = frozenset({"POST", "PATCH", "PUT"})


class Face:
    """The whole Redfish interface of one pod manager."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._router = routes.Router(routes.COMMON + routes.rsd(service.dialect))

    def answer(
        self, request: Request, *, raw: bytes, content_type: str | None, admitted: bool
    ) -> Answer:
        """Answer a request; whatever is wrong with it becomes an error of Redfish.

        :param raw: the body as it came.
        :param admitted: whether its credentials are good.
        """
        try:
            route = self._router.find(request)
            if not admitted and not route.public:
                raise Refusal(
                    401,
                    "NoValidSession",
                    "There is no valid session; log in or send credentials.",
                    headers={"WWW-Authenticate": 'Basic realm="pod manager"'},
                )
            if request.method in WITH_BODY:
                request.body = _read(raw, content_type)
            result = route.handler(self.service, request)
            self._deepen(request, result)
        except Refusal as refused:
            return refused.answer()
        except errors.PodError as exc:
            return refusal(exc).answer()
        return result if isinstance(result, Answer) else Answer(200, result)

    def _deepen(self, request: Request, result: Answer | Resource) -> None:
        """Show what is in the members of a collection that is expanded by more than a level."""
        asked = request.query.get("$expand")
        if asked is None or not isinstance(result, dict) or "Members" not in result:
            return

        def show(path: str) -> Resource:
            inner = Request("GET", path)
            shown = self._router.find(inner).handler(self.service, inner)
            assert isinstance(shown, dict), path
            return shown

        for member in result["Members"]:
            expand.deepen(member, expand.levels(asked) - 1, show)


def _read(raw: bytes, content_type: str | None) -> Any:
    """Read a body as JSON; an empty one is None, as actions may be sent without.

    :raises Refusal: 415 for another type, 400 for what is no JSON.
    """
    if not raw.strip():
        return None
    kind = (content_type or "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "UnsupportedMediaType", f"Send application/json, not {kind}.")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise Refusal(400, "MalformedJSON", f"The body is not valid JSON: {exc}") from exc
