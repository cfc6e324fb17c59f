# SPDX-License-Identifier: Apache-2.0

"""The errors that this library raises, as a tree.

::

    ValenceError
    ├── APIError            an error response: status, code, detail, reason, request_id
    │   ├── BadRequest      400
    │   ├── Unauthorized    401
    │   ├── Forbidden       403
    │   ├── NotFound        404
    │   ├── Conflict        409
    │   └── Unavailable     5xx
    ├── ConnectFailed       no response: url
    ├── NoEndpoint          the address of Valence is not known
    ├── NodeFailed          an operation on a node failed: node, fault
    └── WaitTimeout         a wait reached its deadline: node

Every message is one line: what is wrong and what to do about it.
"""

from collections.abc import Mapping
import re
from typing import Any
from typing import TYPE_CHECKING

from valenceclient.fault import Fault
from valenceclient.node import Node

if TYPE_CHECKING:
    import requests

__all__ = (
    "APIError",
    "BadRequest",
    "Conflict",
    "ConnectFailed",
    "Forbidden",
    "NoEndpoint",
    "NodeFailed",
    "NotFound",
    "Unauthorized",
    "Unavailable",
    "ValenceError",
    "WaitTimeout",
)


class ValenceError(Exception):
    """Base of every error of this library."""

    #: How many times the request had been sent when this was raised.
    attempts: int = 1


class APIError(ValenceError):
    """Valence, or a proxy in front of it, answered with an error.

    :ivar status: the HTTP status.
    :ivar code: stable, for programs (``valence.node.registered``); None when the
        response did not come from Valence.
    :ivar detail: a sentence for the user.
    :ivar reason: the message of the pod manager or of Ironic, verbatim, if there
        is one.
    """

    def __init__(
        self,
        status: int,
        code: str | None,
        detail: str,
        reason: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(status, code, detail, reason, request_id)
        self.status = status
        self.code = code
        self.detail = detail
        self.reason = reason
        self.request_id = request_id

    def __str__(self) -> str:
        context = [f"HTTP {self.status}", self.code, self.request_id]
        return f"{_message(self.detail, self.reason)} ({', '.join(filter(None, context))})"


class BadRequest(APIError):
    """400: the request itself is wrong; a retry would fail too."""


class Unauthorized(APIError):
    """401: the request has no credentials that Valence accepts."""


class Forbidden(APIError):
    """403: the caller lacks the permission."""


class NotFound(APIError):
    """404: the resource does not exist, or is not visible to the caller."""


class Conflict(APIError):
    """409: the state of the resource does not allow this now."""


class Unavailable(APIError):
    """5xx: Valence, or a service that it depends on, cannot answer at the moment."""


class ConnectFailed(ValenceError):
    """No response came.

    :ivar lost: the request may have been carried out all the same.
    """

    def __init__(self, url: str, why: str, lost: bool = True) -> None:
        super().__init__(url, why, lost)
        self.url = url
        self.why = why
        self.lost = lost

    def __str__(self) -> str:
        return _one_line(
            f"No answer from {self.url}: {self.why}. "
            "Check that the address is right and that the service runs."
        )


class NoEndpoint(ValenceError):
    """The address of Valence is not known: no endpoint given, none in the catalog."""


class NodeFailed(ValenceError):
    """An operation on a node failed; ``fault`` says why, as far as it is known."""

    def __init__(self, node: Node, fault: Fault, operation: str = "") -> None:
        super().__init__(node, fault, operation)
        self.node = node
        self.fault = fault
        self.operation = operation or fault.operation or ""

    @property
    def code(self) -> str | None:
        """The fault's stable code, for programs."""
        return self.fault.code

    @property
    def detail(self) -> str:
        """The fault's sentence for the user."""
        return self.fault.detail

    @property
    def reason(self) -> str | None:
        """The message of the pod manager or of Ironic, verbatim."""
        return self.fault.reason

    def __str__(self) -> str:
        operation = f" to {self.operation}" if self.operation else ""
        message = _message(self.detail or "No reason is recorded.", self.reason)
        cleanup = self.fault.cleanup
        if cleanup and cleanup.result != "done":
            message += f" {_one_line(cleanup.summary)}"
        code = f" ({self.code})" if self.code else ""
        return f"Node {self.node.label} failed{operation}: {message}{code}"


class WaitTimeout(ValenceError):
    """A wait reached its deadline; the operation continues.

    :ivar node: the node as of the last poll.
    """

    def __init__(self, node: Node, timeout: float, operation: str = "") -> None:
        super().__init__(node, timeout, operation)
        self.node = node
        self.timeout = timeout
        self.operation = operation

    def __str__(self) -> str:
        task = f" ({self.node.task})" if self.node.task else ""
        return (
            f"Node {self.node.label} is still {self.node.state}{task} after {self.timeout:g} "
            "seconds. The operation continues: check the node again later, or wait longer."
        )


_CLASSES: dict[int, type[APIError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
}


def from_response(response: "requests.Response") -> APIError:
    """Return the error for an error response, from whichever server it came.

    Understands the error objects of Valence and of Keystone, and the HTML, text
    or empty bodies of proxies.
    """
    error = _error_object(response)
    error_class = Unavailable if response.status_code >= 500 else APIError
    return _CLASSES.get(response.status_code, error_class)(
        response.status_code,
        _text(error.get("code")),
        _text(error.get("detail") or error.get("message")) or _description(response),
        _text(error.get("reason")),
        _text(error.get("request_id")) or response.headers.get("X-Openstack-Request-Id"),
    )


def _error_object(response: "requests.Response") -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    if not isinstance(body, Mapping):
        return {}
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], Mapping):
        return errors[0]
    # Keystone and many gateways answer with one "error".
    error = body.get("error")
    return error if isinstance(error, Mapping) else {}


def _description(response: "requests.Response") -> str:
    """Return a sentence about a response that has no error object."""
    status = f"{response.status_code} {response.reason or ''}".strip()
    title = re.search(r"<title>(.*?)</title>", response.text[:10000], re.I | re.S)
    if title and title.group(1).strip():
        status += f" ({_one_line(title.group(1))[:100]})"
    return (
        f"{response.url} answered {status} in a form that Valence does not use. Check that the "
        "address is Valence's, and the proxy in front of it if there is one."
    )


def _text(value: object) -> str | None:
    # Keystone's code is a number, the same as the status.
    return value if isinstance(value, str) and value else None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _message(detail: str, reason: str | None) -> str:
    detail = _one_line(detail)
    if not reason or _one_line(reason) in detail:
        return detail
    return f"{detail} The reason given: {_one_line(reason)}"
