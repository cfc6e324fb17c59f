# SPDX-License-Identifier: Apache-2.0

"""Send one HTTP request to one pod manager, and receive its response, with a deadline.

The last place that sees a URL before anything is sent.
"""

import time
from typing import Any
import urllib.parse

from oslo_config import cfg
from oslo_log import log
import requests
from requests import adapters
import urllib3

from valence import errors
from valence.podmanagers.access import Access
from valence.podmanagers.http import failures
from valence.podmanagers.http import session
from valence.podmanagers.http import transport as http_transport
from valence.podmanagers.http import url as podm_url
from valence.podmanagers.http.breaker import Breaker
from valence.podmanagers.http.exchange import Exchange

LOG = log.getLogger(__name__)

#: Bytes of one response; a collection of thousands of expanded nodes is a tenth of it.
MAX_BYTES = 64 * 1024 * 1024

#: Statuses of a gateway that gets no response from the pod manager behind it.
GATEWAY_ERRORS = {502, 504}

#: Redirects that are followed in a row.
MAX_REDIRECTS = 5


class Sender:
    """Send requests to one pod manager, over connections that are kept open. Thread-safe.

    :param base: the URL without its path.
    :param options: those of :mod:`valence.conf.podmanagers`.
    :param transport: replaces the network, for tests.
    :param breaker: learns whether the pod manager responds.
    :raises ValueError: the base is no URL.
    """

    def __init__(
        self,
        base: str,
        access: Access,
        options: cfg.ConfigOpts,
        transport: adapters.BaseAdapter | None,
        breaker: Breaker,
    ) -> None:
        self.base = base
        self.access = access
        self.options = options
        self._origin = podm_url.origin(base)
        self._breaker = breaker
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", "OData-Version": "4.0"})
        # One more, for a probe while all the others hang.
        adapter = transport or http_transport.Adapter(options.pool_size + 1, access)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def close(self) -> None:
        """Close the connections; another request opens new ones."""
        self._session.close()

    def exchange(
        self,
        method: str,
        path: str,
        body: Any,
        credential: session.Credential,
        *,
        brief: bool,
        etag: str | None = None,
    ) -> Exchange:
        """Send a request, and follow its redirects within the host.

        :param brief: with ``connect_timeout`` as the read timeout.
        :param etag: of the state of the resource to which the request refers.
        """
        for _ in range(MAX_REDIRECTS + 1):
            exchange = self._round_trip(method, path, body, credential, brief, etag)
            target = exchange.redirect_path()
            if target is None:
                return exchange
            path = target
        raise failures.redirect_loop(self.base, f"{method} {path}")

    def _round_trip(
        self,
        method: str,
        path: str,
        body: Any,
        credential: session.Credential,
        brief: bool,
        etag: str | None,
    ) -> Exchange:
        connect, read, total = self._timeouts(brief)
        started = time.monotonic()
        try:
            request = self._prepare(method, path, body, credential, etag)
            # Here and not in the session, where the environment would win.
            settings = self._session.merge_environment_settings(
                request.url, {}, stream=True, verify=self.access.verify_ca, cert=None
            )
            with (
                http_transport.deadline_in(total),
                self._session.send(
                    request,
                    timeout=(connect, read),
                    # requests would send the token to any host.
                    allow_redirects=False,
                    **settings,
                ) as response,
            ):
                content = _content(response, started + total)
        except urllib3.exceptions.LocationValueError as exc:  # requests leaves it as it is
            raise failures.invalid_url(self.base, exc) from exc
        except OSError as exc:  # the base of the exceptions of requests, too
            error = failures.from_exception(
                exc,
                where=self.base,
                request=f"{method} {path}",
                connect=connect,
                read=total if time.monotonic() - started >= total else read,
                ca=self.access.verify_ca,
                advice=failures.tls_advice(exc, self.access.client_cert is not None),
            )
            self._record_failure(method, exc, error)
            raise error from exc
        duration = time.monotonic() - started
        status = response.status_code
        LOG.debug("%s %s%s: %d in %.0f ms", method, self.base, path, status, duration * 1000)
        if status in GATEWAY_ERRORS:
            timed_out = method == "GET" and duration > connect
            self._breaker.record_failure(f"a gateway answered {status}.", timed_out=timed_out)
        else:
            self._breaker.record_response()
        return Exchange(self.base, method, path, response, content)

    def _prepare(
        self, method: str, path: str, body: Any, credential: session.Credential, etag: str | None
    ) -> requests.PreparedRequest:
        """Return a request; the last place that sees the URL before it is sent.

        :raises InvalidURL: its origin is not the registered one.
        """
        headers = {} if etag is None else {"If-Match": etag}
        request = self._session.prepare_request(
            requests.Request(
                method,
                urllib.parse.urljoin(self.base, path),
                json=body,
                auth=credential,
                headers=headers,
            )
        )
        url = request.url or ""
        # With both parsers: requests connects where the one reads, urllib3 where the other.
        if not podm_url.origin(url) == podm_url.origin(str(urllib3.util.parse_url(url))):
            raise requests.exceptions.InvalidURL(f"{url[:200]!r} can be read in two ways")
        if podm_url.origin(url) != self._origin:
            raise requests.exceptions.InvalidURL(f"{podm_url.display(url)} is another host")
        return request

    def _record_failure(self, method: str, exc: OSError, error: errors.ValenceError) -> None:
        if isinstance(error, errors.PodManagerUnreachable):
            # An action may take its time; a read and a connection may not.
            timeout = requests.Timeout if method == "GET" else requests.ConnectTimeout
            self._breaker.record_failure(error.detail, timed_out=isinstance(exc, timeout))

    def _timeouts(self, brief: bool) -> tuple[float, float, float]:
        options = self.options
        if brief:
            return options.connect_timeout, options.connect_timeout, 2 * options.connect_timeout
        return options.connect_timeout, options.read_timeout, options.request_timeout


def _content(response: requests.Response, deadline: float) -> bytes:
    content = bytearray()
    try:
        for chunk in response.iter_content(64 * 1024):
            content += chunk
            if time.monotonic() > deadline:
                raise requests.ReadTimeout("the response began, but did not end in time")
            if len(content) > MAX_BYTES:
                raise requests.exceptions.ContentDecodingError(
                    f"the response is larger than {MAX_BYTES} bytes"
                )
    except requests.ConnectionError as exc:
        # After the first byte, requests raises this for a read timeout.
        if exc.args and isinstance(exc.args[0], urllib3.exceptions.ReadTimeoutError):
            raise requests.ReadTimeout(*exc.args) from exc
        raise
    except requests.RequestException:
        raise
    except ValueError as exc:  # of http.client, for a chunk of a negative length
        raise requests.exceptions.ChunkedEncodingError(exc) from exc
    return bytes(content)
