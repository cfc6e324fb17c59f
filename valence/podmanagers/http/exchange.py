# SPDX-License-Identifier: Apache-2.0

"""One request and its HTTP response, which becomes JSON or an error."""

import contextlib
import dataclasses
import datetime
import email.utils
import re
from typing import Any
from typing import NoReturn

import requests

from valence import errors
from valence.podmanagers import messages
from valence.podmanagers import odata
from valence.podmanagers.http import body as http_body
from valence.podmanagers.http import failures
from valence.podmanagers.http import url as podm_url

#: Status of a redirect -> the methods that are sent again, with their body. 307 and 308 keep
#: the method (RFC 9110, 15.4.8 and 15.4.9); after 301 and 302 to a POST some clients send a
#: GET, so that no service can mean either of the two (15.4.2 and 15.4.3).
REDIRECTS: dict[int, frozenset[str]] = {
    301: frozenset({"GET", "PATCH", "DELETE"}),
    302: frozenset({"GET", "PATCH", "DELETE"}),
    303: frozenset({"GET"}),
    307: frozenset({"GET", "POST", "PATCH", "DELETE"}),
    308: frozenset({"GET", "POST", "PATCH", "DELETE"}),
}

#: The status of a change that was made, whose Location has a description of the result
#: (RFC 9110, 15.4.4).
SEE_OTHER = 303

#: Seconds of the shortest pause that Retry-After can demand, and of the longest that is kept
#: where the deadline of the request is not sooner.
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 60.0

#: An entity tag (RFC 9110, 8.8.3); some services leave out its quotes.
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]*"|[\x21\x23-\x7e]+')


@dataclasses.dataclass(frozen=True)
class Response:
    """The response to a request that the pod manager carried out, or accepted.

    :ivar location: the path; another host's URL as it is, so that it is refused when used.
    :ivar retry_after: seconds after which the state of what was accepted is to be read.
    """

    status: int
    location: str | None
    body: Any
    retry_after: float | None = None


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
        """The seconds of ``Retry-After``, a number or a date; None without it.

        Never less than :data:`SHORTEST_PAUSE`: 0, or the past, means as soon as is decent.
        """
        value = self.raw.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdecimal():
            return max(SHORTEST_PAUSE, float(value))
        try:
            when = email.utils.parsedate_to_datetime(value)
            if when.tzinfo is None:
                when = when.replace(tzinfo=datetime.UTC)
            seconds = (when - datetime.datetime.now(datetime.UTC)).total_seconds()
        except (ValueError, OverflowError):
            return None
        return max(SHORTEST_PAUSE, seconds)

    def etag(self, body: Any) -> str | None:
        """Return the entity tag of a resource; None: it has none that can be sent.

        :param body: the resource.
        """
        tags = [self.raw.headers.get("ETag"), odata.mapping(body).get("@odata.etag")]
        stripped = (tag.strip() for tag in tags if isinstance(tag, str))
        return next((tag for tag in stripped if _ETAG.fullmatch(tag)), None)

    @property
    def location(self) -> str | None:
        """The reference of ``Location``; None without it.

        http.client decodes headers as Latin-1; some services write UTF-8 (RFC 3987).
        """
        value: str | None = self.raw.headers.get("Location") or None
        with contextlib.suppress(UnicodeError):
            return value and value.encode("latin-1").decode()
        return value

    def local(self, reference: str) -> str:
        """Return the path of a reference that the response has.

        :raises PodManagerFailed: it leads to another host, or nowhere.
        """
        return local_path(self.base, self.path, reference)

    def response(self) -> Response:
        """Return the response of a Redfish service, with its links resolved.

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
                self.retry_after,
            )
        is_done = 200 <= status < 300 or (status == SEE_OTHER and self.method != "GET")
        if not is_done or self.text.lstrip().startswith("<"):
            self.raise_not_redfish()
        odata.resolve(body, self.local)
        location = self.location
        if location:
            with contextlib.suppress(errors.PodManagerFailed):
                location = self.local(location)
        return Response(status, location, body, self.retry_after)

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
        """Return the path to which the request is redirected; None: it is not sent again.

        :raises PodManagerFailed: it leads to another host: the credentials are for one,
            and another host's response is not the pod manager's.
        """
        location = self.location
        if not location or self.method not in REDIRECTS.get(self.status, ()):
            return None
        return self.local(location)


def local_path(base: str, document: str, reference: str) -> str:
    """Return the path of a reference in a document of a pod manager, as it was given.

    :param document: path of the document.
    :raises PodManagerFailed: it leads to another host, or nowhere; nothing is sent there.
    """
    try:
        return podm_url.path_within(base, document, reference)
    except ValueError as exc:
        raise failures.foreign_reference(base, document, reference, exc) from exc
