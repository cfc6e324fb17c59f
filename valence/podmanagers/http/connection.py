# SPDX-License-Identifier: Apache-2.0

"""One HTTP client per pod manager, and the only place that handles HTTP failures.

Its callers see no status, no redirect and no exception of requests: a response is
JSON, or an exception of :mod:`valence.errors`.
"""

from collections.abc import Iterator
import contextlib
import threading
import time
from typing import Any

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
from valence.podmanagers.http.breaker import JOB_DELAY
from valence.podmanagers.http.breaker import Permission
from valence.podmanagers.http.exchange import Exchange
from valence.podmanagers.http.exchange import Response
from valence.podmanagers.http.status import Listener
from valence.podmanagers.http.status import StatusTracker
from valence_conductor import interrupt

LOG = log.getLogger(__name__)

#: Bytes of one response; a collection of thousands of expanded nodes is a tenth of it.
MAX_BYTES = 64 * 1024 * 1024

#: Statuses of a service that may say when it will be ready.
BUSY = {429, 503}

#: Statuses of a gateway that gets no response from the pod manager behind it.
GATEWAY_ERRORS = {502, 504}

#: Seconds for which a request waits for the probe that it started.
PROBE_WAIT = 0.25

#: Redirects that are followed in a row.
MAX_REDIRECTS = 5

#: Attempts after 401: with a token, with a new token, with Basic.
LOGIN_ATTEMPTS = 3


class Connection:
    """Keep connections to one pod manager open, and send requests over them. Thread-safe.

    :param conf: with the options of :mod:`valence.conf.podmanagers`.
    :param transport: replaces the network, for tests.
    :param listener: is notified of changes of the pod manager's status.
    :ivar base: the URL without its path.
    :ivar root: path of the service root.
    :raises PodManagerFailed: the URL is not one.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        access: Access,
        transport: adapters.BaseAdapter | None = None,
        listener: Listener | None = None,
    ) -> None:
        options = self._options = conf.podmanagers
        try:
            self.base, self.root = podm_url.base_and_root(access.url)
        except ValueError as exc:
            raise failures.invalid_url(access.url, exc) from exc
        self.access = access
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", "OData-Version": "4.0"})
        # One more, for a probe while all the others hang.
        adapter = transport or http_transport.Adapter(options.pool_size + 1, access.ca)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)
        self._slots = threading.BoundedSemaphore(options.pool_size)
        self._breaker = Breaker()
        self._status = StatusTracker(listener or (lambda _error: None))
        self._login = session.Login(
            access.username, access.password, options.session_after, self._send_for_login
        )

    def get(self, path: str) -> dict[str, Any]:
        """Read a resource, and wait up to ``busy_timeout`` for a service that is busy.

        :raises PodManagerNodeGone: there is no such resource.
        """
        with self._tracked():
            deadline = time.monotonic() + self._options.busy_timeout
            while True:
                exchange = self._send_idempotent("GET", path)
                pause = exchange.retry_after if exchange.status in BUSY else None
                if pause is None or time.monotonic() + pause > deadline:
                    break
                interrupt.pause(pause)
            body = exchange.response().body
            if not isinstance(body, dict):
                exchange.raise_not_redfish()
            if path.rstrip("/") == self.root.rstrip("/"):
                self._login.learn(body)
            return body

    def post(self, path: str, body: dict[str, Any] | None = None) -> Response:
        """Request an action, once."""
        with self._tracked():
            return self._send("POST", path, body).response()

    def patch(self, path: str, body: dict[str, Any]) -> Response:
        """Change properties of a resource, once."""
        with self._tracked():
            return self._send("PATCH", path, body).response()

    def delete(self, path: str) -> Response:
        """Request the deletion of a resource, once."""
        with self._tracked():
            return self._send("DELETE", path).response()

    def is_reachable(self) -> bool:
        """Return whether anything responds at the URL, with whatever status."""
        try:
            exchange = self._exchange("GET", self.root, None, session.Credential(), brief=True)
        except errors.PodManagerUnreachable as exc:
            return exc.details.get("trusted") is False
        except errors.PodManagerFailed:
            return True
        return exchange.status not in GATEWAY_ERRORS

    def close(self) -> None:
        """Log out, and close what is open; another request opens it again."""
        if self._breaker.is_closed:
            self._login.log_out()
        self._session.close()

    # Around a request: the pod manager's status, credentials, slots, the breaker.

    @contextlib.contextmanager
    def _tracked(self) -> Iterator[None]:
        try:
            yield
        except errors.ValenceError as exc:
            if exc.details.get("asked") is not False:
                self._status.record(exc)
            raise
        self._status.record(None)

    def _send_idempotent(self, method: str, path: str) -> Exchange:
        """Send a request, and again if the peer was just closing the idle connection."""
        try:
            return self._send(method, path)
        except errors.PodManagerUnreachable as exc:
            if not failures.was_dropped(exc.__cause__):
                raise
        return self._send(method, path)

    def _send(self, method: str, path: str, body: Any = None) -> Exchange:
        """Send a request with credentials, and with others when it is answered 401.

        A request that is answered 401 was not carried out, a POST neither.
        """
        for _ in range(LOGIN_ATTEMPTS):
            with failures.before_sending():
                credential = self._login.credential()
            exchange = self._send_in_slot(method, path, body, credential)
            if exchange.status != 401:
                self._login.accept(credential)
                break
            if not self._login.reject(credential):
                break
        return exchange

    def _send_for_login(
        self, method: str, path: str, body: Any, credential: session.Credential
    ) -> session.Reply:
        exchange = self._send_in_slot(method, path, body, credential, brief=method == "DELETE")
        return session.Reply(exchange.status, exchange.raw.headers, exchange.json)

    def _send_in_slot(
        self,
        method: str,
        path: str,
        body: Any,
        credential: session.Credential,
        brief: bool = False,
    ) -> Exchange:
        """Send a request if the breaker permits it, in one of ``pool_size`` slots."""
        self._pass_breaker()
        timeout = self._options.queue_timeout
        if not self._slots.acquire(timeout=timeout):
            raise errors.PodManagerUnreachable(
                f"The pod manager at {self.base} has as many requests as [podmanagers] pool_size "
                f"allows, and none of them has ended in {timeout:g} s. Try again later.",
                sent=False,
                asked=False,
            )
        try:
            # The breaker may have opened while this request waited for its slot.
            self._pass_breaker()
            return self._exchange(method, path, body, credential, brief=brief)
        finally:
            self._slots.release()

    def _pass_breaker(self) -> None:
        """Fail while the breaker is open; a job waits until another probe has ended.

        Otherwise a job would take for a refusal what is over already.
        """
        in_job = interrupt.in_job()
        deadline = time.monotonic() + (self._options.connect_timeout if in_job else 0)
        while True:
            permission = self._breaker.request_permission(in_job=in_job)
            if permission is Permission.SEND:
                return
            if permission is Permission.PROBE and in_job:
                return self._probe()
            if permission is Permission.PROBE and self._probe_in_thread():
                return
            if time.monotonic() >= deadline:
                break
            interrupt.pause(JOB_DELAY)
        raise errors.PodManagerUnreachable(
            f"No request is sent to the pod manager at {self.base} at present, because it did "
            f"not respond: {self._breaker.reason}",
            sent=False,
            asked=False,
        )

    def _probe_in_thread(self) -> bool:
        """Probe, but wait for the response no longer than :data:`PROBE_WAIT`.

        :returns: whether the pod manager has responded by then.
        """

        def probe() -> None:
            with contextlib.suppress(errors.ValenceError):
                self._probe()

        thread = threading.Thread(target=probe, name="probe", daemon=True)
        thread.start()
        thread.join(PROBE_WAIT)
        return self._breaker.is_closed

    def _probe(self) -> None:
        """Read the service root, which needs no credentials, and report to the breaker."""
        reason = self._breaker.reason
        try:
            with failures.before_sending():
                exchange = self._exchange("GET", self.root, None, session.Credential(), brief=True)
                if exchange.status in GATEWAY_ERRORS:
                    exchange.response()
        except errors.ValenceError as exc:
            reason = exc.detail
            raise
        finally:
            if not self._breaker.is_closed:
                self._breaker.record_failed_probe(reason)

    # The request itself.

    def _exchange(
        self,
        method: str,
        path: str,
        body: Any,
        credential: session.Credential,
        *,
        brief: bool,
    ) -> Exchange:
        """Send a request; a GET follows redirects within its host.

        :param brief: with ``connect_timeout`` as the read timeout.
        """
        for _ in range(MAX_REDIRECTS + 1):
            exchange = self._round_trip(method, path, body, credential, brief)
            target = exchange.redirect_path()
            if target is None:
                return exchange
            path = target
        raise failures.redirect_loop(self.base, f"{method} {path}")

    def _round_trip(
        self, method: str, path: str, body: Any, credential: session.Credential, brief: bool
    ) -> Exchange:
        connect, read, total = self._timeouts(brief)
        started = time.monotonic()
        try:
            with (
                http_transport.deadline_in(total),
                self._session.request(
                    method,
                    self.base + path,
                    json=body,
                    auth=credential,
                    timeout=(connect, read),
                    # Here and not in the session, where the environment would win.
                    verify=self.access.verify_ca,
                    # requests would send the token to any host.
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                content = _content(response, started + total)
        except OSError as exc:  # the base of the exceptions of requests, too
            error = failures.from_exception(
                exc,
                where=self.base,
                request=f"{method} {path}",
                connect=connect,
                read=total if time.monotonic() - started >= total else read,
                ca=self.access.verify_ca,
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

    def _record_failure(self, method: str, exc: OSError, error: errors.ValenceError) -> None:
        if isinstance(error, errors.PodManagerUnreachable):
            # An action may take its time; a read and a connection may not.
            timeout = requests.Timeout if method == "GET" else requests.ConnectTimeout
            self._breaker.record_failure(error.detail, timed_out=isinstance(exc, timeout))

    def _timeouts(self, brief: bool) -> tuple[float, float, float]:
        options = self._options
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
    return bytes(content)
