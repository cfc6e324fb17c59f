# SPDX-License-Identifier: Apache-2.0

"""What can go wrong, as a tree.

::

    ValenceError
    ├── APIError            an answer that is no success: status, code, detail, reason, request_id
    │   ├── BadRequest      400
    │   ├── Unauthorized    401
    │   ├── Forbidden       403
    │   ├── NotFound        404
    │   ├── Conflict        409
    │   └── Unavailable     5xx
    ├── ConnectFailed       no answer at all: url
    ├── NoEndpoint          nobody said where Valence is
    ├── NodeFailed          a node's operation ended badly: node, fault
    └── WaitTimeout         the deadline of a wait passed: node

Every message is one line: what is wrong and what to do about it.
"""

from collections.abc import Mapping
import re
from typing import Any
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

    from valenceclient.fault import Fault
    from valenceclient.node import Node

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
    """Base of everything this library raises on purpose."""

    #: How many times the request had been sent when this was raised.
    attempts: int = 1


class APIError(ValenceError):
    """Valence, or a proxy before it, answered that it did not do it.

    ``status`` is the HTTP status; ``code`` is stable and meant for programs
    (``valence.node.registered``), None when the answer did not come from
    Valence; ``detail`` is a sentence for people; ``reason`` holds the pod
    manager's or Ironic's own words, when there are any.
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
        marks = [f"HTTP {self.status}", self.code, self.request_id]
        return f"{_sentences(self.detail, self.reason)} ({', '.join(filter(None, marks))})"


class BadRequest(APIError):
    """400: the request itself is wrong; sent again, it fails again."""


class Unauthorized(APIError):
    """401: nobody is logged in, or not as someone Valence knows."""


class Forbidden(APIError):
    """403: the one who asks may not do this."""


class NotFound(APIError):
    """404: there is no such thing, or it is not visible to the one who asks."""


class Conflict(APIError):
    """409: the thing's state does not allow it now."""


class Unavailable(APIError):
    """5xx: Valence, or what it depends on, cannot answer at the moment."""


class ConnectFailed(ValenceError):
    """No answer came. ``lost``: the request may have been carried out all the same."""

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
    """Nobody said where Valence is: no endpoint given, none in the catalog."""


class NodeFailed(ValenceError):
    """A node's operation ended badly; ``fault`` says why as far as it is known."""

    def __init__(self, node: "Node", fault: "Fault", operation: str = "") -> None:
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
        """The fault's sentence, for people."""
        return self.fault.detail

    @property
    def reason(self) -> str | None:
        """What the pod manager or Ironic said, in its own words."""
        return self.fault.reason

    def __str__(self) -> str:
        doing = f" to {self.operation}" if self.operation else ""
        told = _sentences(self.detail or "No reason is recorded.", self.reason)
        code = f" ({self.code})" if self.code else ""
        return f"Node {self.node.label} failed{doing}: {told}{code}"


class WaitTimeout(ValenceError):
    """The deadline passed; ``node`` is as it was last seen, its operation goes on."""

    def __init__(self, node: "Node", timeout: float, operation: str = "") -> None:
        super().__init__(node, timeout, operation)
        self.node = node
        self.timeout = timeout
        self.operation = operation

    def __str__(self) -> str:
        task = f" ({self.node.task})" if self.node.task else ""
        return (
            f"Node {self.node.label} is still {self.node.state}{task} after {self.timeout:g} "
            "seconds. The operation goes on: look at the node again later, or wait longer."
        )


_KINDS: dict[int, type[APIError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
}


def from_response(response: "requests.Response") -> APIError:
    """Make the error that an answer stands for, whoever gave it.

    Understands the API's own form, Keystone's, and the HTML, text or empty
    bodies of proxies.
    """
    form = _form(response)
    kind = Unavailable if response.status_code >= 500 else APIError
    return _KINDS.get(response.status_code, kind)(
        response.status_code,
        _text(form.get("code")),
        _text(form.get("detail") or form.get("message")) or _unexplained(response),
        _text(form.get("reason")),
        _text(form.get("request_id")) or response.headers.get("X-Openstack-Request-Id"),
    )


def _form(response: "requests.Response") -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    if not isinstance(body, Mapping):
        return {}
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], Mapping):
        return errors[0]
    # Keystone's and many a gateway's form.
    error = body.get("error")
    return error if isinstance(error, Mapping) else {}


def _unexplained(response: "requests.Response") -> str:
    """Say what can be said of an answer that explains nothing itself."""
    what = f"{response.status_code} {response.reason or ''}".strip()
    title = re.search(r"<title>(.*?)</title>", response.text[:10000], re.I | re.S)
    if title and title.group(1).strip():
        what += f" ({_one_line(title.group(1))[:100]})"
    return (
        f"{response.url} answered {what} in a form that Valence does not use. Check that the "
        "address is Valence's, and the proxy before it if there is one."
    )


def _text(value: object) -> str | None:
    # Keystone's code is its number again, which the status says already.
    return value if isinstance(value, str) and value else None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _sentences(detail: str, reason: str | None) -> str:
    detail = _one_line(detail)
    if not reason or _one_line(reason) in detail:
        return detail
    return f"{detail} The reason given: {_one_line(reason)}"
