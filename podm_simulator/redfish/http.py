# SPDX-License-Identifier: Apache-2.0

"""What a handler gets and what it returns; no web framework in sight."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

from podm_simulator.pod.pod import Pod
from podm_simulator.redfish.dialect import Dialect
from podm_simulator.redfish.sessions import Sessions

Resource = dict[str, Any]


@dataclasses.dataclass(slots=True)
class Service:
    """What handlers work on.

    :ivar page_size: members of a collection that one answer carries at most.
    :ivar expand: whether ``$expand`` is offered.
    """

    pod: Pod
    sessions: Sessions
    dialect: Dialect
    page_size: int = 1000
    expand: bool = False


@dataclasses.dataclass(slots=True)
class Request:
    """One request, its body already read as JSON.

    :ivar path: without query and trailing slash.
    :ivar ids: what stands in the path for the names in the route's template.
    """

    method: str
    path: str
    query: Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: Any = None
    ids: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(slots=True)
class Answer:
    """One answer; without a resource it has no body.

    :ivar close: end the connection after it.
    """

    status: int = 200
    resource: Resource | bytes | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


NO_CONTENT = 204
Handler = Callable[[Service, Request], Resource | Answer]


class Refusal(Exception):
    """An answer that is an error.

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

    def answer(self) -> Answer:
        """Return the error in the form of DSP0266, with ``@Message.ExtendedInfo``."""
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
        return Answer(self.status, {"error": error}, self.headers)


def missing(path: str) -> Refusal:
    """Refuse because nothing is at that path."""
    return Refusal(404, "ResourceMissingAtURI", f"There is no resource at {path}.")
