# SPDX-License-Identifier: Apache-2.0

"""What handlers receive and return, independent of any web framework."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from podm_simulator.pod.pod import Pod
from podm_simulator.redfish.dialect import Dialect
from podm_simulator.redfish.sessions import Sessions

Resource = dict[str, Any]


@dataclasses.dataclass(slots=True)
class Service:
    """The state that handlers work on.

    :ivar page_size: most members of a collection in one response.
    :ivar expand: whether ``$expand`` is supported.
    :ivar members: returns the paths that the collection at a path lists, of those that exist.
    """

    pod: Pod
    sessions: Sessions
    dialect: Dialect
    page_size: int = 1000
    expand: bool = False
    members: Callable[[str, Sequence[str]], Sequence[str]] = lambda _path, paths: paths


@dataclasses.dataclass(slots=True)
class Request:
    """One request, with its body parsed as JSON.

    :ivar path: without query and trailing slash.
    :ivar ids: name in the route's template -> segment of the path.
    """

    method: str
    path: str
    query: Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: Any = None
    ids: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(slots=True)
class Response:
    """One response; without a resource it has no body."""

    status: int = 200
    resource: Resource | bytes | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


NO_CONTENT = 204
Handler = Callable[[Service, Request], Resource | Response]


class RedfishError(Exception):
    """An error response.

    :param status: of HTTP.
    :param message_id: of the Redfish Base registry, without the prefix.
    """

    def __init__(
        self,
        status: int,
        message_id: str,
        message: str,
        *,
        related: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message_id = message_id
        self.message = message
        self.related = related
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the response in the form of DSP0266, with ``@Message.ExtendedInfo``."""
        code = f"Base.1.0.{self.message_id}"
        info: Resource = {
            "@odata.type": "#Message.v1_0_0.Message",
            "MessageId": code,
            "Message": self.message,
            "MessageArgs": [],
            "Severity": "Critical",
            "Resolution": "Change the request as the message says, or repeat it later.",
        }
        if self.related is not None:
            info["RelatedProperties"] = [f"#/{self.related.lstrip('/')}"]
        error = {
            "code": code,
            "message": "See @Message.ExtendedInfo for the reason.",
            "@Message.ExtendedInfo": [info],
        }
        return Response(self.status, {"error": error}, self.headers)


def not_found(path: str) -> RedfishError:
    """Return the error for a path without a resource."""
    return RedfishError(404, "ResourceMissingAtURI", f"There is no resource at {path}.")


def unauthenticated() -> RedfishError:
    """Return the error for a request without valid credentials."""
    return RedfishError(
        401,
        "NoValidSession",
        "There is no valid session; log in or send credentials.",
        headers={"WWW-Authenticate": 'Basic realm="pod manager"'},
    )
