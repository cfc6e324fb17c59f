# SPDX-License-Identifier: Apache-2.0

"""What responses of Ironic mean, whatever stands in front of it.

python-ironicclient raises TypeError or AttributeError for some error responses (503 with
Retry-After, an error that is no JSON object), and reads a listing of another form as an
empty one. A session that :func:`checking` wraps raises :class:`ErrorResponse` before that.
"""

from collections.abc import Callable
import contextlib
import http
import json
import re
from typing import Any
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

#: Statuses that pass by themselves, beside those from 500 on.
PASSING = frozenset({408, 425, 429})

#: In the messages of Ironic's conflicts that end by themselves (NodeLocked; an update in a
#: transient state).
LOCKED = ("is locked", "state transition is in progress")

#: The collections that are listed: their name is the key of their members.
_COLLECTION = re.compile(r"/v1/(nodes|ports)(?:/detail)?/?(?:\?|$)")

#: In every response of Ironic to a request for a version (its API reference, "API versions").
_VERSION = "X-OpenStack-Ironic-API-Maximum-Version"


class ErrorResponse(Exception):
    """A response is an error, or is not in the form of the service.

    :ivar status: of HTTP.
    :ivar is_own: whether the response has the form of the service's own errors; a proxy or
        another service sent it otherwise.
    """

    def __init__(self, status: int, message: str, is_own: bool) -> None:
        super().__init__(status, message, is_own)
        self.status = status
        self.message = message
        self.is_own = is_own

    def __str__(self) -> str:
        return self.message

    @property
    def is_foreign(self) -> bool:
        """Return whether something else than the service certainly answered.

        A 404 that is not the service's own is that of a proxy without a backend, or of a
        wrong address: nothing about the resource follows from it.
        """
        return not self.is_own and (self.status < 400 or self.status == 404)

    @property
    def is_passing(self) -> bool:
        """Return whether the same request may succeed later, without any change."""
        return self.is_foreign or self.status >= 500 or self.status in PASSING

    @property
    def is_locked(self) -> bool:
        """Return whether the node is locked, or in a state in which it cannot be changed yet."""
        return self.status == 409 and any(text in self.message for text in LOCKED)

    def is_missing(self, uuid: str) -> bool:
        """Return whether the service itself answered that it does not have a resource.

        Its 404 for a path that it does not have names no uuid.
        """
        return self.status == 404 and self.is_own and uuid in self.message


def checking(request: Callable[..., "requests.Response"]) -> Callable[..., "requests.Response"]:
    """Wrap ``Session.request``: raise :class:`ErrorResponse` where a client would misread.

    Only responses that the caller reads itself (``raise_exc=False``) are checked, not those
    to the requests of an authentication plugin. Bodies are never logged: they have secrets.
    """

    def wrapper(url: str, method: str, **kwargs: Any) -> "requests.Response":
        response = request(url, method, **{**kwargs, "log": False})
        if kwargs.get("raise_exc", True):
            return response
        if response.status_code == 406 and _VERSION in response.headers:
            return response  # the client negotiates
        if response.status_code >= 300:
            raise error_of(response)
        if not _is_usable(response, url, method):
            raise ErrorResponse(response.status_code, _describe(response), is_own=False)
        return response

    return wrapper


def error_of(response: "requests.Response") -> ErrorResponse:
    """Return the error of a response: the service's own message where there is one.

    Ironic's form is ``{"error_message": X}``, where X is text, an object with
    ``faultstring``, or such an object as text.
    """
    body = _json_of(response)
    if isinstance(body, dict) and "error_message" in body:
        own = _fault_string(body["error_message"])
        return ErrorResponse(response.status_code, own or _describe(response), is_own=True)
    # Keystone's middleware and many gateways have an object "error".
    error = body.get("error") if isinstance(body, dict) else None
    message = _one_line(error.get("message")) if isinstance(error, dict) else None
    return ErrorResponse(response.status_code, message or _describe(response), is_own=False)


def _fault_string(value: Any) -> str | None:
    if isinstance(value, str):
        parsed: Any = value
        with contextlib.suppress(ValueError):
            parsed = json.loads(value)
        # Text such as "5" is the message, although it is JSON.
        value = parsed if isinstance(parsed, dict) else value
    if isinstance(value, dict):
        value = value.get("faultstring") or value.get("description")
    return _one_line(value)


def _one_line(value: Any) -> str | None:
    return (" ".join(value.split()) or None) if isinstance(value, str) else None


def _is_usable(response: "requests.Response", url: str, method: str) -> bool:
    """Return whether the body of a success has the form that the client reads."""
    if not response.content and method != "GET":
        return True
    body = _json_of(response)
    if not isinstance(body, dict):
        return False
    if method != "GET":
        return True
    if re.search(r"/v1/?$", url):
        return _VERSION in response.headers
    collection = _COLLECTION.search(url)
    return collection is None or isinstance(body.get(collection[1]), list)


def _json_of(response: "requests.Response") -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _describe(response: "requests.Response") -> str:
    """Return the status, and the title of an HTML page."""
    try:
        phrase = http.HTTPStatus(response.status_code).phrase
    except ValueError:
        phrase = response.reason or ""
    status = f"HTTP {response.status_code} {phrase}".strip()
    title = re.search(r"<title>(.*?)</title>", response.text[:10_000], re.I | re.S)
    text = title and _one_line(title[1])
    return f"{status} ({text[:100]})" if text else status
