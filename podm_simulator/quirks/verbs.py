# SPDX-License-Identifier: Apache-2.0

"""Verbs: what Allocate, Assemble, Reset, PATCH and DELETE are answered with."""

from collections.abc import Callable
import hashlib
import json

from podm_simulator import uris
from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import is_allocate
from podm_simulator.quirks.behaviour import is_node
from podm_simulator.quirks.behaviour import Quirk
from podm_simulator.quirks.behaviour import Simulation
from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Response

#: Allocate is refused so often after the quirk was switched on.
REFUSALS = 3


class Answered(Behaviour):
    """Answers a kind of request, when it has been carried out, in another way.

    :param applies: returns whether a request is of that kind.
    :param change: changes the response to it, unless it is an error.
    """

    def __init__(
        self,
        applies: Callable[[Exchange], bool],
        change: Callable[[Simulation, Exchange, Response], None],
    ) -> None:
        self._applies, self._change = applies, change

    def respond(self, exchange: Exchange, response: Response) -> None:
        """Change the status and the headers of a response."""
        if response.status in (201, 204) and self._applies(exchange):
            self._change(self.simulation, exchange, response)


class Deleted(Answered):
    """Answers DELETE of a node, which is carried out, in another way."""

    def __init__(self, change: Callable[[Simulation, Exchange, Response], None]) -> None:
        super().__init__(_is_delete, change)


def _is_delete(exchange: Exchange) -> bool:
    return exchange.request.method == "DELETE" and is_node(exchange.request.path)


def _is_assemble(exchange: Exchange) -> bool:
    return exchange.matches("POST", "ComposedNode.Assemble")


def _is_reset(exchange: Exchange) -> bool:
    return exchange.matches("POST", ".Reset")


def _is_patch(exchange: Exchange) -> bool:
    return exchange.request.method == "PATCH"


def _ok(_simulation: Simulation, _exchange: Exchange, response: Response) -> None:
    """Answer 200 with a message, as many services do to actions."""
    info = {"MessageId": "Base.1.0.Success", "Message": "Successfully completed the request."}
    response.status, response.resource = 200, {"@Message.ExtendedInfo": [info]}


def _accepted(_simulation: Simulation, _exchange: Exchange, response: Response) -> None:
    response.status = 202


def _fail(status: int) -> Callable[[Simulation, Exchange, Response], None]:
    def change(_simulation: Simulation, _exchange: Exchange, response: Response) -> None:
        error = RedfishError(status, "InternalError", "The request failed.").response()
        response.status, response.resource = error.status, error.resource

    return change


def _body_only(simulation: Simulation, _exchange: Exchange, response: Response) -> None:
    """Answer 200 with the node in the body, and no Location."""
    path = response.headers.pop("Location")
    response.status, response.resource = 200, simulation.show(path).resource


def _no_content(_simulation: Simulation, _exchange: Exchange, response: Response) -> None:
    response.status = 204


def _repeated(simulation: Simulation, _exchange: Exchange, response: Response) -> None:
    """Answer with the Location of the oldest node: a cache repeats the first answer."""
    oldest = next(iter(simulation.pod.nodes))
    response.headers["Location"] = uris.node(oldest)


def _representation(simulation: Simulation, exchange: Exchange, response: Response) -> None:
    """Answer 200 with the changed resource."""
    response.status = 200
    response.resource = simulation.show(exchange.request.path).resource


class Refused(Behaviour):
    """Refuses the first Allocates with 503 and a Retry-After of a second."""

    def __init__(self) -> None:
        self._left = REFUSALS

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 503 to an Allocate."""
        if not self._left or not is_allocate(exchange):
            return None
        self._left -= 1
        return busy("1")


def busy(retry_after: str) -> Response:
    """Return 503 with a Retry-After."""
    error = RedfishError(503, "ServiceTemporarilyUnavailable", "The service is busy.")
    error.headers["Retry-After"] = retry_after
    return error.response()


class Conditional(Behaviour):
    """Demands If-Match for PATCH: 428 without it, 412 when it is not the current ETag.

    :param header: returns the header, from the current ETag; None: the ETag is in the body.
    :param body: the ETag is in the body as well.
    :param weak: it is a weak one.
    """

    def __init__(
        self,
        header: Callable[[str], str] | None = str,
        *,
        body: bool = False,
        weak: bool = False,
    ) -> None:
        self._header, self._body, self._prefix = header, body, "W/" if weak else ""

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 428 or 412 to a PATCH."""
        if exchange.request.method != "PATCH" or not exchange.authenticated:
            return None
        given, current = exchange.headers.get("If-Match"), self._etag(exchange.request)
        if given is None:
            text = "The request has no If-Match header, which this resource requires."
            return RedfishError(428, "PreconditionRequired", text).response()
        if given not in (current, "*"):
            return RedfishError(412, "PreconditionFailed", "The ETag did not match.").response()
        return None

    def respond(self, exchange: Exchange, response: Response) -> None:
        """Add the ETag to a GET."""
        if exchange.request.method != "GET" or response.status != 200:
            return
        etag = self._etag(exchange.request)
        if self._header is not None:
            response.headers["ETag"] = self._header(etag)
        if (self._body or self._header is None) and isinstance(response.resource, dict):
            response.resource = {**response.resource, "@odata.etag": etag}

    def _etag(self, request: Request) -> str:
        resource = self.simulation.show(request.path).resource
        text = json.dumps(resource, sort_keys=True, default=repr)
        return f'{self._prefix}"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


PRECONDITION = "https://github.com/DMTF/Redfish-Tacklebox/issues/22"
CREATE = "DSP0266, POST (create)"
DELETE = "DSP0266, DELETE (delete)"
ACTION = "DSP0266, POST (action)"
UNAVAILABLE = "DSP0266, Status codes: 503"

QUIRKS = (
    Quirk(
        "allocate-200",
        "Allocate is answered with 200 and the node in the body, without a Location.",
        "https://github.com/openbmc/openbmc/issues/3353",
        lambda: Answered(is_allocate, _body_only),
        "allocate",
    ),
    Quirk(
        "allocate-204",
        "Allocate is answered with 204 and the Location.",
        CREATE,
        lambda: Answered(is_allocate, _no_content),
        "allocate",
    ),
    Quirk(
        "allocate-repeated",
        "Allocate is answered with the Location of the oldest node.",
        "RFC 9111, 4: a cache that repeats an answer",
        lambda: Answered(is_allocate, _repeated),
        "allocate",
    ),
    Quirk(
        "allocate-busy",
        "The first three Allocates are answered with 503 and a Retry-After of a second.",
        UNAVAILABLE,
        Refused,
        "allocate",
    ),
    Quirk(
        "assemble-200",
        "Assemble is answered with 200 and a message.",
        ACTION,
        lambda: Answered(_is_assemble, _ok),
        "assemble",
    ),
    Quirk(
        "assemble-202",
        "Assemble is answered with 202, without a task.",
        ACTION,
        lambda: Answered(_is_assemble, _accepted),
        "assemble",
    ),
    Quirk(
        "reset-202",
        "Reset is answered with 202, without a task.",
        ACTION,
        lambda: Answered(_is_reset, _accepted),
        "reset",
    ),
    Quirk(
        "patch-200",
        "PATCH is answered with 200 and the changed resource.",
        "DSP0266, PATCH (update)",
        lambda: Answered(_is_patch, _representation),
        "patch",
    ),
    Quirk(
        "delete-200",
        "DELETE of a node is answered with 200 and a message.",
        "https://github.com/DMTF/Redfishtool/issues/32",
        lambda: Deleted(_ok),
        "delete",
    ),
    Quirk(
        "delete-202",
        "DELETE of a node is answered with 202, without a task.",
        DELETE,
        lambda: Deleted(_accepted),
        "delete",
    ),
    Quirk(
        "delete-404",
        "DELETE of a node is carried out, and answered with 404.",
        "https://github.com/openbmc/openbmc-test-automation/issues/2271",
        lambda: Deleted(_fail(404)),
        "delete",
    ),
    Quirk(
        "delete-500",
        "DELETE of a node is carried out, and answered with 500.",
        "https://github.com/intel/intelRSD/issues/90",
        lambda: Deleted(_fail(500)),
        "delete",
    ),
    Quirk(
        "if-match",
        "PATCH without If-Match is 428, and 412 when it is not the current ETag.",
        PRECONDITION,
        Conditional,
        "etag",
    ),
    Quirk(
        "if-match-weak",
        "The same, and the ETag is a weak one.",
        "https://github.com/ansible-collections/community.general/pull/6434",
        lambda: Conditional(weak=True),
        "etag",
    ),
    Quirk(
        "if-match-body",
        "The same, and the ETag is in the body alone.",
        "https://github.com/ansible/ansible/pull/56150",
        lambda: Conditional(header=None),
        "etag",
    ),
    Quirk(
        "if-match-strong",
        "The same, and the ETag header is a weak one, while only the strong one of the same value "
        "is accepted.",
        "https://docs.openstack.org/releasenotes/sushy/train.html: ETags of compressed bodies",
        lambda: Conditional(lambda etag: f"W/{etag}"),
        "etag",
    ),
    Quirk(
        "if-match-quoted",
        "The same, and the ETag header has its quotes twice, while the one in the body is right.",
        "https://github.com/ansible-collections/community.general/pull/3268",
        lambda: Conditional(lambda etag: f'"{etag}"', body=True),
        "etag",
    ),
)
