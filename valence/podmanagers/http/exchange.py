# SPDX-License-Identifier: Apache-2.0

"""One request and its HTTP response, which becomes JSON or an error."""

import dataclasses
import datetime
import email.utils
from typing import Any
from typing import NoReturn
import urllib.parse

import requests

from valence import errors
from valence.podmanagers import messages
from valence.podmanagers.http import body as http_body
from valence.podmanagers.http import failures

#: Statuses of a redirect.
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclasses.dataclass(frozen=True)
class Response:
    """The response to a request that the pod manager carried out, or accepted."""

    status: int
    location: str | None
    body: Any


@dataclasses.dataclass(frozen=True)
class Exchange:
    """A request and its raw HTTP response.

    :ivar base: base URL of the pod manager.
    """

    base: str
    method: str
    path: str
    raw: requests.Response
    content: bytes

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.raw.status_code)

    @property
    def json(self) -> Any:
        """The body; None for an empty one, and for one that is not JSON."""
        try:
            return http_body.parse(self.content) if self.content.strip() else None
        except ValueError:
            return None

    @property
    def text(self) -> str:
        """The beginning of the body."""
        return self.content[:65536].decode(errors="replace")

    @property
    def retry_after(self) -> float | None:
        """The seconds of ``Retry-After``, a number or a date; None without it."""
        value = self.raw.headers.get("Retry-After", "").strip()
        if value.isdecimal():
            return float(value)
        try:
            when = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=datetime.UTC)
        return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())

    def response(self) -> Response:
        """Return the response of a Redfish service.

        :raises ValenceError: it is an error, or not Redfish.
        """
        body, status = self.json, self.status
        if self.raw.ok and isinstance(body, dict):
            status = messages.error_status(body) or status
        if status >= 400:
            raise failures.from_status(
                status,
                self.base,
                f"{self.method} {self.path}",
                messages.reason(body, self.text),
            )
        if not self.raw.ok or status >= 300 or self.text.lstrip().startswith("<"):
            self.raise_not_redfish()
        return Response(status, self.raw.headers.get("Location"), body)

    def raise_not_redfish(self) -> NoReturn:
        """Raise the error of a response that does not come from a Redfish service.

        :raises PodManagerFailed: always.
        """
        kind = self.raw.headers.get("Content-Type", "no content type")
        content = f"{len(self.content)} bytes of {kind}" if self.content else "nothing"
        raise errors.PodManagerFailed(
            f"{self.base} answered {self.status} to {self.method} {self.path} with {content}: "
            "that is not Redfish. Check that the URL is the one of the pod manager, and not of "
            "its web pages or of a proxy.",
            reason=messages.reason(self.json, self.text),
            answered=self.status,
        )

    def redirect_path(self) -> str | None:
        """Return the path, on the same host, to which a GET is redirected; None: it is not.

        A redirect to another host is not followed: the credentials are for one
        host, and another host's response is not the pod manager's.

        :raises PodManagerFailed: it leads to another host.
        """
        location = self.raw.headers.get("Location")
        if self.method != "GET" or self.status not in REDIRECTS or not location:
            return None
        target = urllib.parse.urlsplit(urllib.parse.urljoin(f"{self.base}{self.path}", location))
        path = urllib.parse.urlunsplit(("", "", target.path or "/", target.query, ""))
        origin = f"{target.scheme}://{target.netloc.rpartition('@')[2]}"
        # Behind a proxy a service may use another name for itself.
        only_a_slash = path != self.path and path.rstrip("/") == self.path.rstrip("/")
        if origin.lower() == self.base.lower() or only_a_slash:
            return path
        raise errors.PodManagerFailed(
            f"{self.base} redirects {self.method} {self.path} to {origin}, where no credentials "
            "are sent. If the pod manager is there, change its URL to that one.",
            answered=self.status,
        )
