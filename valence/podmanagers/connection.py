# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""One HTTP client per pod manager, and the one place where HTTP goes wrong.

Above it nobody sees a status, a redirect or an exception of requests: an
answer is JSON, or an exception of :mod:`valence.errors`.
"""

import dataclasses
import datetime
import email.utils
import json
import time
from typing import Any
from typing import NoReturn
import urllib.parse

from oslo_config import cfg
from oslo_log import log
import requests
from requests import adapters

from valence import errors
from valence.podmanagers import failures
from valence.podmanagers import messages
from valence_conductor import run

LOG = log.getLogger(__name__)

#: Where a Redfish service has its root, unless its URL says otherwise.
ROOT = "/redfish/v1/"

#: Bytes of one answer; a collection of thousands of expanded nodes is a tenth of it.
LARGEST = 64 * 1024 * 1024

#: Statuses of a service that may say when it will be ready.
BUSY = {429, 503}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a pod manager answered to a request that it carried out."""

    status: int
    location: str | None
    body: Any


class Connection:
    """Keep connections to one pod manager open, and ask it over them.

    Safe to use from many threads.

    :param url: ``http(s)://host[:port]``, with the path of the service's root
        where that is not ``/redfish/v1/``.
    :param verify_ca: False, True, or the path of a bundle of certificates.
    :param transport: stands in for the network; tests have one.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        url: str,
        username: str | None,
        password: str | None,
        verify_ca: bool | str = True,
        transport: adapters.BaseAdapter | None = None,
    ) -> None:
        self._options = conf.podmanagers
        self.base, self.root = _base_and_root(url)
        self.username = username
        self.password = password
        self.verify_ca = verify_ca
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", "OData-Version": "4.0"})
        if username is not None:
            # As bytes, or requests would encode them in Latin-1.
            self._session.auth = (username.encode(), (password or "").encode())  # type: ignore[assignment]
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, transport or self._transport())

    def get(self, path: str) -> dict[str, Any]:
        """Read a resource, and wait a while for a service that says it is busy.

        :raises PodManagerNodeGone: there is nothing at this path.
        """
        give_up = time.monotonic() + self._options.busy_timeout
        while True:
            response, content = self._send_again("GET", path)
            pause = _retry_after(response) if response.status_code in BUSY else None
            if pause is None or time.monotonic() + pause > give_up:
                break
            run.pause(pause)
        answer = self._answer("GET", path, response, content)
        if not isinstance(answer.body, dict):
            self._no_redfish("GET", path, response, content)
        return answer.body

    def post(self, path: str, body: dict[str, Any] | None = None) -> Answer:
        """Ask for an action, once."""
        return self._answer("POST", path, *self._send("POST", path, body))

    def patch(self, path: str, body: dict[str, Any]) -> Answer:
        """Change properties of a resource, once."""
        return self._answer("PATCH", path, *self._send("PATCH", path, body))

    def delete(self, path: str) -> Answer:
        """Ask for a resource to be deleted, once."""
        return self._answer("DELETE", path, *self._send("DELETE", path))

    def close(self) -> None:
        """Close what is open; another request opens it again."""
        self._session.close()

    def _transport(self) -> adapters.HTTPAdapter:
        size = self._options.pool_size
        return adapters.HTTPAdapter(
            pool_connections=1, pool_maxsize=size, pool_block=True, max_retries=0
        )

    def _send_again(self, method: str, path: str) -> tuple[requests.Response, bytes]:
        """Send what may be sent twice: the peer may just be closing a kept connection."""
        try:
            return self._send(method, path)
        except errors.PodManagerUnreachable as exc:
            if not failures.was_dropped(exc.__cause__):
                raise
        return self._send(method, path)

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[requests.Response, bytes]:
        options = self._options
        started = time.monotonic()
        try:
            with self._session.request(
                method,
                self.base + path,
                json=body,
                timeout=(options.connect_timeout, options.read_timeout),
                # Here and not in the session, where the environment would win.
                verify=self.verify_ca,
                # A redirected POST would come back as a GET.
                allow_redirects=method == "GET",
                stream=True,
            ) as response:
                content = self._content(response)
        except OSError as exc:  # requests' own exceptions are such too
            raise failures.of_exception(
                exc,
                where=self.base,
                request=f"{method} {path}",
                connect=options.connect_timeout,
                read=options.read_timeout,
                ca=self.verify_ca,
            ) from exc
        LOG.debug(
            "%s %s%s: %d in %.0f ms",
            method,
            self.base,
            path,
            response.status_code,
            (time.monotonic() - started) * 1000,
        )
        return response, content

    def _content(self, response: requests.Response) -> bytes:
        give_up = time.monotonic() + self._options.read_timeout
        content = bytearray()
        for chunk in response.iter_content(64 * 1024):
            content += chunk
            if time.monotonic() > give_up:
                raise requests.ReadTimeout("the answer began, but did not end in time")
            if len(content) > LARGEST:
                raise requests.exceptions.ContentDecodingError(
                    f"the answer is larger than {LARGEST} bytes"
                )
        return bytes(content)

    def _answer(
        self, method: str, path: str, response: requests.Response, content: bytes
    ) -> Answer:
        body = _json(content)
        text = content[:65536].decode(errors="replace")
        status = response.status_code
        if response.ok and isinstance(body, dict):
            status = messages.status_in(body) or status
        if status >= 400:
            raise failures.of_status(
                status, self.base, f"{method} {path}", messages.words(body, text)
            )
        if not response.ok or status >= 300 or text.lstrip().startswith("<"):
            self._no_redfish(method, path, response, content)
        return Answer(status, response.headers.get("Location"), body)

    def _no_redfish(
        self, method: str, path: str, response: requests.Response, content: bytes
    ) -> NoReturn:
        kind = response.headers.get("Content-Type", "no content type")
        what = f"{len(content)} bytes of {kind}" if content else "nothing"
        raise errors.PodManagerFailed(
            f"{self.base} answered {response.status_code} to {method} {path} with {what}: that is "
            "not Redfish. Check that the URL is the one of the pod manager, and not of its web "
            "pages or of a proxy.",
            reason=messages.words(_json(content), content[:65536].decode(errors="replace")),
            answered=response.status_code,
        )


def _base_and_root(url: str) -> tuple[str, str]:
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as exc:
        raise errors.PodManagerFailed(
            f"{url!r} is no URL of a pod manager ({exc}). Give it as https://host:port.",
            sent=False,
        ) from exc
    root = f"{parts.path.rstrip('/')}/" if parts.path.strip("/") else ROOT
    # Credentials in a URL would end in logs: those of the pod manager count.
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", root


def _json(content: bytes) -> Any:
    try:
        return json.loads(content) if content.strip() else None
    except ValueError:
        return None


def _retry_after(response: requests.Response) -> float | None:
    """Read how many seconds to wait, of a number or a date; None: not said."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())
