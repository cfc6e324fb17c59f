# SPDX-License-Identifier: Apache-2.0

"""What a pod manager answers, made into JSON or into an error."""

import dataclasses
import datetime
import email.utils
import json
import re
from typing import Any
from typing import NoReturn
import urllib.parse

import requests

from valence import errors
from valence import jsontext
from valence.podmanagers.http import failures
from valence.podmanagers.redfish import messages

#: Statuses of an answer that says where to ask instead.
MOVED = frozenset({301, 302, 303, 307, 308})

#: What a string of JSON may have and no database takes: NUL, and halves of a character.
SUSPECT = re.compile(rb"\\u(0000|d[89a-f])", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a pod manager answered to a request that it carried out."""

    status: int
    location: str | None
    body: Any


@dataclasses.dataclass(frozen=True)
class Exchange:
    """A request and what came back, as it came.

    :ivar base: where the pod manager is.
    """

    base: str
    method: str
    path: str
    response: requests.Response
    content: bytes

    @property
    def status(self) -> int:
        """The status of HTTP."""
        return int(self.response.status_code)

    @property
    def json(self) -> Any:
        """The body; None for none, and for what is no JSON."""
        try:
            return _parse(self.content) if self.content.strip() else None
        except (ValueError, RecursionError):
            return None

    @property
    def text(self) -> str:
        """The beginning of the body."""
        return self.content[:65536].decode(errors="replace")

    @property
    def retry_after(self) -> float | None:
        """How many seconds to wait, of a number or a date; None: not said."""
        value = self.response.headers.get("Retry-After", "").strip()
        if value.isdecimal():
            return float(value)
        try:
            when = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=datetime.UTC)
        return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())

    def answer(self) -> Answer:
        """Give the answer.

        :raises ValenceError: it is an error, or no Redfish.
        """
        body, status = self.json, self.status
        if self.response.ok and isinstance(body, dict):
            status = messages.status_in(body) or status
        if status >= 400:
            raise failures.of_status(
                status,
                self.base,
                f"{self.method} {self.path}",
                messages.words(body, self.text),
            )
        if not self.response.ok or status >= 300 or self.text.lstrip().startswith("<"):
            self.no_redfish()
        return Answer(status, self.response.headers.get("Location"), body)

    def no_redfish(self) -> NoReturn:
        """Say that this was not answered by a Redfish service.

        :raises PodManagerFailed: always.
        """
        kind = self.response.headers.get("Content-Type", "no content type")
        what = f"{len(self.content)} bytes of {kind}" if self.content else "nothing"
        raise errors.PodManagerFailed(
            f"{self.base} answered {self.status} to {self.method} {self.path} with {what}: that "
            "is not Redfish. Check that the URL is the one of the pod manager, and not of its web "
            "pages or of a proxy.",
            reason=messages.words(self.json, self.text),
            answered=self.status,
        )

    def leads_to(self) -> str | None:
        """Give the path, on the same host, that a redirected GET leads to; None: nowhere.

        A redirect to another host is not followed: our credentials are for one
        host, and what another one answers is no word of the pod manager.

        :raises PodManagerFailed: it leads to another host.
        """
        location = self.response.headers.get("Location")
        if self.method != "GET" or self.status not in MOVED or not location:
            return None
        there = urllib.parse.urlsplit(urllib.parse.urljoin(f"{self.base}{self.path}", location))
        path = urllib.parse.urlunsplit(("", "", there.path or "/", there.query, ""))
        origin = f"{there.scheme}://{there.netloc.rpartition('@')[2]}"
        # Behind a proxy a service may know itself by another name.
        only_a_slash = path != self.path and path.rstrip("/") == self.path.rstrip("/")
        if origin.lower() == self.base.lower() or only_a_slash:
            return path
        raise errors.PodManagerFailed(
            f"{self.base} redirects {self.method} {self.path} to {origin}, where no credentials "
            "are sent. If the pod manager is there, give it that URL.",
            answered=self.status,
        )


def _parse(content: bytes) -> Any:
    """Read JSON, without what is no text: a database would refuse all that comes with it.

    :raises ValueError: it is no JSON.
    """
    found = json.loads(content)
    if SUSPECT.search(content):
        document = json.dumps(found, ensure_ascii=False).encode("utf-8", "replace").decode()
        found = json.loads(jsontext.without_nul(document))
    return found
