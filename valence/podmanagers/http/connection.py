# SPDX-License-Identifier: Apache-2.0

"""One HTTP client per pod manager, and the one place where HTTP goes wrong.

Above it nobody sees a status, a redirect or an exception of requests: an
answer is JSON, or an exception of :mod:`valence.errors`.
"""

from collections.abc import Callable
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
from valence.podmanagers.http import breaker
from valence.podmanagers.http import exchange as answers
from valence.podmanagers.http import failures
from valence.podmanagers.http import session
from valence.podmanagers.http import status as podm_status
from valence.podmanagers.http import transport as transports
from valence.podmanagers.http import url as podm_url
from valence_conductor import interrupt

LOG = log.getLogger(__name__)

ROOT = podm_url.ROOT

#: Bytes of one answer; a collection of thousands of expanded nodes is a tenth of it.
LARGEST = 64 * 1024 * 1024

#: Statuses of a service that may say when it will be ready.
BUSY = {429, 503}

#: Statuses of a gateway behind which nobody answers.
NOBODY = {502, 504}

#: Seconds that a request waits to learn whether one that did not answer does so again.
MOMENT = 0.25

#: Redirects that are followed, one after the other.
REDIRECTS = 5

#: How often a request is sent that is answered 401: with a token, with a new one, with Basic.
LOGINS = 3


class Connection:
    """Keep connections to one pod manager open, and ask it over them.

    Safe to use from many threads.

    :param url: ``http(s)://host[:port]``, with the path of the service's root
        where that is not ``/redfish/v1/``.
    :param verify_ca: False, True, or the path of a bundle of certificates.
    :param transport: stands in for the network; tests have one.
    :param ca: certificates in PEM, of the only authorities to trust.
    :param tell: is told how the pod manager is, when that is news.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        url: str,
        username: str | None,
        password: str | None,
        verify_ca: bool | str = True,
        transport: adapters.BaseAdapter | None = None,
        *,
        ca: str | None = None,
        tell: Callable[[errors.ValenceError | None], None] | None = None,
    ) -> None:
        options = self._options = conf.podmanagers
        try:
            self.base, self.root = podm_url.base_and_root(url)
        except ValueError as exc:
            raise failures.no_url(url, exc) from exc
        self.username = username
        self.password = password
        self.verify_ca = verify_ca
        self._ca = ca
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", "OData-Version": "4.0"})
        # One more, for a probe while all the others hang.
        usual = transport or transports.Adapter(options.pool_size + 1, ca)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, usual)
        self._turns = threading.BoundedSemaphore(options.pool_size)
        self._breaker = breaker.Breaker()
        self._health = podm_status.Health(tell or (lambda _trouble: None))
        self._login = session.Login(username, password, options.session_after, self._for_login)

    def get(self, path: str) -> dict[str, Any]:
        """Read a resource, and wait a while for a service that says it is busy.

        :raises PodManagerNodeGone: there is nothing at this path.
        """
        with self._observed():
            give_up = time.monotonic() + self._options.busy_timeout
            while True:
                exchange = self._send_again("GET", path)
                pause = exchange.retry_after if exchange.status in BUSY else None
                if pause is None or time.monotonic() + pause > give_up:
                    break
                interrupt.pause(pause)
            body = exchange.answer().body
            if not isinstance(body, dict):
                exchange.no_redfish()
            if path.rstrip("/") == self.root.rstrip("/"):
                self._login.learn(body)
            return body

    def post(self, path: str, body: dict[str, Any] | None = None) -> answers.Answer:
        """Ask for an action, once."""
        with self._observed():
            return self._send("POST", path, body).answer()

    def patch(self, path: str, body: dict[str, Any]) -> answers.Answer:
        """Change properties of a resource, once."""
        with self._observed():
            return self._send("PATCH", path, body).answer()

    def delete(self, path: str) -> answers.Answer:
        """Ask for a resource to be deleted, once."""
        with self._observed():
            return self._send("DELETE", path).answer()

    def is_there(self) -> bool:
        """Find out whether anything answers at all, whatever it says. Not its credentials."""
        try:
            exchange = self._exchange("GET", self.root, None, session.Credential(), hasty=True)
        except errors.PodManagerUnreachable as exc:
            return exc.details.get("trusted") is False
        except errors.PodManagerFailed:
            return True
        return exchange.status not in NOBODY

    def close(self) -> None:
        """Log out, and close what is open; another request opens it again."""
        if self._breaker.is_closed:
            self._login.leave()
        self._session.close()

    # Round a request: how the pod manager is, credentials, and whether it is asked at all.

    @contextlib.contextmanager
    def _observed(self) -> Iterator[None]:
        try:
            yield
        except errors.ValenceError as exc:
            if exc.details.get("asked") is not False:
                self._health.see(exc)
            raise
        self._health.see(None)

    def _send_again(self, method: str, path: str) -> answers.Exchange:
        """Send what may be sent twice: the peer may just be closing a kept connection."""
        try:
            return self._send(method, path)
        except errors.PodManagerUnreachable as exc:
            if not failures.was_dropped(exc.__cause__):
                raise
        return self._send(method, path)

    def _send(self, method: str, path: str, body: Any = None) -> answers.Exchange:
        """Send a request with credentials, and with others when it is answered 401.

        What is answered so was not done: that holds for a POST, too.
        """
        for _ in range(LOGINS):
            with failures.unsent():
                credential = self._login.credential()
            exchange = self._in_turn(method, path, body, credential)
            if exchange.status != 401:
                self._login.accepted(credential)
                break
            if not self._login.refused(credential):
                break
        return exchange

    def _for_login(
        self, method: str, path: str, body: Any, credential: session.Credential
    ) -> session.Reply:
        exchange = self._in_turn(method, path, body, credential, hasty=method == "DELETE")
        return session.Reply(exchange.status, exchange.response.headers, exchange.json)

    def _in_turn(
        self,
        method: str,
        path: str,
        body: Any,
        credential: session.Credential,
        hasty: bool = False,
    ) -> answers.Exchange:
        """Send a request unless nobody is there, and not too many at the same time."""
        self._see_whether_to_ask()
        patience = self._options.queue_timeout
        if not self._turns.acquire(timeout=patience):
            raise errors.PodManagerUnreachable(
                f"The pod manager at {self.base} has as many requests as [podmanagers] pool_size "
                f"allows, and none of them has ended in {patience:g} s. Try again later.",
                sent=False,
                asked=False,
            )
        try:
            # All may have changed while this one waited for its turn.
            self._see_whether_to_ask()
            return self._exchange(method, path, body, credential, hasty=hasty)
        finally:
            self._turns.release()

    def _see_whether_to_ask(self) -> None:
        """Leave it be while nobody answers; a job waits until somebody has looked again.

        Or else a job would take for a refusal what is past already.
        """
        patient = interrupt.in_job()
        give_up = time.monotonic() + (self._options.connect_timeout if patient else 0)
        while True:
            leave = self._breaker.come(patient=patient)
            if leave is breaker.Leave.ASK:
                return
            if leave is breaker.Leave.PROBE and patient:
                return self._probe()
            if leave is breaker.Leave.PROBE and self._probe_aside():
                return
            if time.monotonic() >= give_up:
                break
            interrupt.pause(breaker.PATIENT)
        raise errors.PodManagerUnreachable(
            f"The pod manager at {self.base} is not asked now, because it did not answer: "
            f"{self._breaker.reason}",
            sent=False,
            asked=False,
        )

    def _probe_aside(self) -> bool:
        """Look whether somebody answers again, and wait for that no longer than a moment.

        :returns: whether it is known by then that somebody does.
        """

        def probe() -> None:
            with contextlib.suppress(errors.ValenceError):
                self._probe()

        aside = threading.Thread(target=probe, name="probe", daemon=True)
        aside.start()
        aside.join(MOMENT)
        return self._breaker.is_closed

    def _probe(self) -> None:
        """Ask for what anybody may read; whoever does not answer that is asked nothing else."""
        reason = self._breaker.reason
        try:
            with failures.unsent():
                exchange = self._exchange("GET", self.root, None, session.Credential(), hasty=True)
                if exchange.status in NOBODY:
                    exchange.answer()
        except errors.ValenceError as exc:
            reason = exc.detail
            raise
        finally:
            if not self._breaker.is_closed:
                self._breaker.still_silent(reason)

    # The request itself.

    def _exchange(
        self,
        method: str,
        path: str,
        body: Any,
        credential: session.Credential,
        *,
        hasty: bool,
    ) -> answers.Exchange:
        """Send a request; one that reads is redirected within its host.

        :param hasty: give it no longer than a connection.
        """
        for _ in range(REDIRECTS + 1):
            exchange = self._round_trip(method, path, body, credential, hasty)
            following = exchange.leads_to()
            if following is None:
                return exchange
            path = following
        raise failures.in_circles(self.base, f"{method} {path}")

    def _round_trip(
        self, method: str, path: str, body: Any, credential: session.Credential, hasty: bool
    ) -> answers.Exchange:
        connect, read, whole = self._deadlines(hasty)
        started = time.monotonic()
        try:
            with (
                transports.ending_in(whole),
                self._session.request(
                    method,
                    self.base + path,
                    json=body,
                    auth=credential,
                    timeout=(connect, read),
                    # Here and not in the session, where the environment would win.
                    verify=self.verify_ca,
                    # requests would take our token with it to any host.
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                content = _content(response, started + whole)
        except OSError as exc:  # requests' own exceptions are such too
            took = time.monotonic() - started
            error = failures.of_exception(
                exc,
                where=self.base,
                request=f"{method} {path}",
                connect=connect,
                read=whole if took >= whole else read,
                ca=self.verify_ca,
            )
            if isinstance(error, errors.PodManagerUnreachable):
                # An action may take its time; what is read, and a connection, may not.
                late = requests.Timeout if method == "GET" else requests.ConnectTimeout
                self._breaker.silent(error.detail, slow=isinstance(exc, late))
            raise error from exc
        took = time.monotonic() - started
        LOG.debug(
            "%s %s%s: %d in %.0f ms", method, self.base, path, response.status_code, took * 1000
        )
        if response.status_code in NOBODY:
            said = f"it is behind a gateway that answered {response.status_code}."
            self._breaker.silent(said, slow=method == "GET" and took > connect)
        else:
            self._breaker.answered()
        return answers.Exchange(self.base, method, path, response, content)

    def _deadlines(self, hasty: bool) -> tuple[float, float, float]:
        options = self._options
        if hasty:
            return options.connect_timeout, options.connect_timeout, 2 * options.connect_timeout
        return options.connect_timeout, options.read_timeout, options.request_timeout


def _content(response: requests.Response, ends_at: float) -> bytes:
    content = bytearray()
    try:
        for chunk in response.iter_content(64 * 1024):
            content += chunk
            if time.monotonic() > ends_at:
                raise requests.ReadTimeout("the answer began, but did not end in time")
            if len(content) > LARGEST:
                raise requests.exceptions.ContentDecodingError(
                    f"the answer is larger than {LARGEST} bytes"
                )
    except requests.ConnectionError as exc:
        # Once an answer has begun, requests calls its silence so.
        if exc.args and isinstance(exc.args[0], urllib3.exceptions.ReadTimeoutError):
            raise requests.ReadTimeout(*exc.args) from exc
        raise
    return bytes(content)
