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
from requests import adapters

from valence import errors
from valence.podmanagers import odata
from valence.podmanagers.access import Access
from valence.podmanagers.http import failures
from valence.podmanagers.http import session
from valence.podmanagers.http import url as podm_url
from valence.podmanagers.http.breaker import Breaker
from valence.podmanagers.http.breaker import JOB_DELAY
from valence.podmanagers.http.breaker import Permission
from valence.podmanagers.http.etags import EntityTags
from valence.podmanagers.http.exchange import Exchange
from valence.podmanagers.http.exchange import local_path
from valence.podmanagers.http.exchange import Response
from valence.podmanagers.http.sender import GATEWAY_ERRORS
from valence.podmanagers.http.sender import Sender
from valence.podmanagers.http.status import Listener
from valence.podmanagers.http.status import StatusTracker
from valence_conductor import interrupt

#: Seconds for which a request waits for the probe that it started.
PROBE_WAIT = 0.25

#: Attempts of a request that is answered 401 or 403: with a token, with a new one, with Basic.
LOGIN_ATTEMPTS = 3

#: Statuses of a service that demands If-Match, or another one (DSP0266, "ETags"; RFC 6585, 3).
PRECONDITIONS = frozenset({412, 428})


class Connection:
    """Keep connections to one pod manager open, and send requests over them. Thread-safe.

    :param conf: with the options of :mod:`valence.conf.podmanagers`.
    :param transport: replaces the network, for tests.
    :param listener: is notified of changes of the pod manager's status.
    :ivar base: the URL without its path.
    :ivar root: path of the service root.
    :ivar options: those of :mod:`valence.conf.podmanagers`.
    :raises PodManagerFailed: the URL is not one, or OpenSSL does not accept the certificates.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        access: Access,
        transport: adapters.BaseAdapter | None = None,
        listener: Listener | None = None,
    ) -> None:
        options = self.options = conf.podmanagers
        try:
            self.base, self.root = podm_url.base_and_root(access.url)
            self._breaker = Breaker()
            self._sender = Sender(self.base, access, options, transport, self._breaker)
        except ValueError as exc:
            raise failures.invalid_url(access.url, exc) from exc
        except OSError as exc:
            raise failures.unusable_certificates(self.base, exc) from exc
        self.access = access
        self._etags = EntityTags()
        self._slots = threading.BoundedSemaphore(options.pool_size)
        #: The root needs no credentials (DSP0266, "Authentication"): it is read without, so that
        #: it can be recognized before it has any. Some services demand them all the same.
        self._is_root_open = True
        self._status = StatusTracker(listener or (lambda _error: None))
        self._login = session.Login(
            access.username, access.password, options.session_after, self._send_for_login
        )

    def local(self, reference: str) -> str:
        """Return the path of a reference, such as a link; one is relative to the service root.

        :raises PodManagerFailed: it leads to another host, or nowhere.
        """
        return local_path(self.base, self.root, reference)

    def get(self, path: str) -> dict[str, Any]:
        """Read a resource, and wait up to ``busy_timeout`` for a service that is busy.

        :param path: or a URL on the pod manager; so for each method.
        :returns: the resource; its links are paths.
        :raises PodManagerNodeGone: there is no such resource.
        """
        with self._tracked():
            return self._get(path)

    def get_monitor(self, path: str) -> Response:
        """Read a task or its monitor, which also answers in place of the operation, once.

        :raises PodManagerNodeGone: there is no such monitor any more.
        """
        with self._tracked():
            return self._send_idempotent("GET", path).response()

    def post(self, path: str, body: dict[str, Any] | None = None) -> Response:
        """Request an action, once; one without parameters has an empty object (DSP0266)."""
        with self._tracked():
            return self._send_conditionally("POST", path, body or {}).response()

    def patch(self, path: str, body: dict[str, Any]) -> Response:
        """Change properties of a resource as it was last read, once."""
        with self._tracked():
            return self._send_conditionally("PATCH", path, body).response()

    def delete(self, path: str) -> Response:
        """Request the deletion of a resource, once."""
        with self._tracked():
            return self._send_conditionally("DELETE", path).response()

    def is_reachable(self) -> bool:
        """Return whether anything responds at the URL, with whatever status."""
        try:
            exchange = self._read_root_anonymously()
        except errors.PodManagerUnreachable as exc:
            return exc.details.get("trusted") is False
        except errors.PodManagerFailed:
            return True
        return exchange.status not in GATEWAY_ERRORS

    def close(self) -> None:
        """Log out, and close what is open; another request opens it again."""
        if self._breaker.is_closed:
            self._login.log_out()
        self._sender.close()

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

    def _get(self, path: str) -> dict[str, Any]:
        exchange = self._wait_while_busy(path)
        body = exchange.response().body
        if not isinstance(body, dict):
            exchange.raise_not_redfish()
        self._etags.keep(path, exchange.etag(body))
        if odata.same_path(path, self.root):
            self._login.learn(body)
        return body

    def _wait_while_busy(self, path: str) -> Exchange:
        """Send a GET, and again within ``busy_timeout`` as its Retry-After demands.

        A change that was answered 503 or 429 was not carried out, and is left to the caller
        all the same: a service that was starting may have renumbered its resources, so that
        they are identified again; and another pod manager may be preferred.
        """
        deadline = time.monotonic() + self.options.busy_timeout
        while True:
            exchange = self._send_idempotent("GET", path)
            pause = exchange.retry_after if exchange.status in failures.BUSY else None
            if pause is None or time.monotonic() + pause > deadline:
                return exchange
            interrupt.pause(pause)

    def _send_conditionally(self, method: str, path: str, body: Any = None) -> Exchange:
        """Send a change; again, once, if the service demands the state that it refers to.

        A PATCH names the state that was read before, if the service has entity tags for it;
        other methods only on demand. What was answered 412 or 428 was not carried out.
        """
        etag = self._etags.get(path) if method == "PATCH" else None
        exchange = self._send(method, path, body, etag)
        if exchange.status not in PRECONDITIONS:
            return exchange
        # An action belongs to the resource whose path its target begins with.
        resource = path.partition("/Actions/")[0]
        with failures.before_sending():
            self._get(resource)
        current = self._etags.get(resource)
        tags = [current]
        if current == etag:
            # A state that does not match its own tag. By the letter of RFC 9110, 13.1.1, a weak
            # one never does; there are services whose tags never do.
            tags = [] if etag is None else [etag.removeprefix("W/"), None]
        for tag in tags:
            if tag != etag:
                exchange = self._send(method, path, body, tag)
            if exchange.status not in PRECONDITIONS:
                break
        return exchange

    def _send_idempotent(self, method: str, path: str, body: Any = None) -> Exchange:
        """Send a request, and again if the peer was just closing the idle connection."""
        try:
            return self._send(method, path, body)
        except errors.PodManagerUnreachable as exc:
            if not failures.was_dropped(exc.__cause__):
                raise
        return self._send(method, path, body)

    def _send(self, method: str, path: str, body: Any = None, etag: str | None = None) -> Exchange:
        """Send a request with credentials, and with others when they may be refused."""
        with failures.before_sending():
            path = self.local(path)
        if method == "GET" and self._is_root_open and odata.same_path(path, self.root):
            exchange = self._send_in_slot(method, path, None, session.Credential())
            if exchange.status not in session.REFUSALS:
                return exchange
            self._is_root_open = False
        with failures.before_sending():
            credential: session.Credential | None = self._login.credential()
        for _ in range(LOGIN_ATTEMPTS):
            if credential is None:
                break
            exchange = self._send_in_slot(method, path, body, credential, etag=etag)
            with failures.before_sending():
                credential = self._login.next_after(
                    credential, exchange.status, exchange.raw.headers, f"{method} {path}"
                )
        return exchange

    def _send_for_login(
        self, method: str, path: str, body: Any, credential: session.Credential
    ) -> session.Reply:
        path = self.local(path)
        exchange = self._send_in_slot(method, path, body, credential, brief=method == "DELETE")
        return session.Reply(exchange.status, exchange.raw.headers, exchange.json, exchange.local)

    def _send_in_slot(
        self,
        method: str,
        path: str,
        body: Any,
        credential: session.Credential,
        *,
        brief: bool = False,
        etag: str | None = None,
    ) -> Exchange:
        """Send a request if the breaker permits it, in one of ``pool_size`` slots."""
        self._pass_breaker()
        timeout = self.options.queue_timeout
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
            return self._sender.exchange(method, path, body, credential, brief=brief, etag=etag)
        finally:
            self._slots.release()

    def _pass_breaker(self) -> None:
        """Fail while the breaker is open; a job waits until another probe has ended.

        Otherwise a job would take for a refusal what is over already.
        """
        in_job = interrupt.in_job()
        deadline = time.monotonic() + (self.options.connect_timeout if in_job else 0)
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

    def _read_root_anonymously(self) -> Exchange:
        return self._sender.exchange("GET", self.root, None, session.Credential(), brief=True)

    def _probe(self) -> None:
        """Read the service root, which needs no credentials, and report to the breaker."""
        reason = self._breaker.reason
        try:
            with failures.before_sending():
                exchange = self._read_root_anonymously()
                if exchange.status in GATEWAY_ERRORS:
                    exchange.response()
        except errors.ValenceError as exc:
            reason = exc.detail
            raise
        finally:
            if not self._breaker.is_closed:
                self._breaker.record_failed_probe(reason)
