# SPDX-License-Identifier: Apache-2.0

"""Credentials: Basic authentication, and the token of a SessionService (DSP0266, 13.3).

A session costs one request to log in and one to log out, and a pod manager has few of
them; on the other hand many pod managers take long to verify a password. So a connection
begins with Basic, and logs in after a number of requests.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import threading
import time
from typing import Any

from oslo_log import log
import requests
from requests import auth

from valence import errors
from valence.podmanagers import odata

LOG = log.getLogger(__name__)

#: Seconds after which a failed login is retried.
RETRY_AFTER = 300.0

#: Seconds after which a login without a response is retried: the service may not work, or the
#: pod manager was away, which may have no Basic authentication.
RETRY_UNANSWERED = 30.0

#: Statuses of a request whose credential may be the reason.
REFUSALS = frozenset({401, 403})

#: Requests that are remembered as forbidden.
MAX_FORBIDDEN = 1000

#: Statuses of a service without sessions.
NO_SESSIONS = frozenset({404, 405, 410, 501})


class Credential(auth.AuthBase):
    """No credential. Without this object, requests would read ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the credential to a request."""
        return request


class Basic(Credential):
    """A user name and a password, in UTF-8."""

    def __init__(self, username: str, password: str | None) -> None:
        self._basic = auth.HTTPBasicAuth(username.encode(), (password or "").encode())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the credential to a request."""
        self._basic(request)
        return request


class Token(Credential):
    """The token of a session.

    :ivar path: of the session; None: unknown.
    :ivar accepted: whether a request with it was ever accepted.
    """

    def __init__(self, token: str, path: str | None) -> None:
        self.path = path
        self.accepted = False
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the credential to a request."""
        request.headers["X-Auth-Token"] = self._token
        return request

    def renew(self, headers: Mapping[str, str]) -> None:
        """Use the token that a response has instead, if it has one."""
        self._token = headers.get("X-Auth-Token") or self._token


@dataclasses.dataclass(frozen=True)
class Reply:
    """The parts of a response that concern a session.

    :ivar local: returns the path of a reference that the response has.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    local: Callable[[str], str]


#: Sends a request: method, path, body, credential.
Send = Callable[[str, str, Any, Credential], Reply]


class Login:
    """The credentials of one connection. Thread-safe.

    :param after: requests that are sent with Basic before it logs in; -1: all of them.
    """

    def __init__(self, username: str | None, password: str | None, after: int, send: Send) -> None:
        self._username = username
        self._password = password
        self._basic = Credential() if username is None else Basic(username, password)
        self._basic_left = after
        self._disabled = username is None or after < 0
        self._send = send
        self._lock = threading.Lock()
        self._sessions: str | None = None
        self._token: Token | None = None
        self._forbidden: set[str] = set()
        self._not_before = 0.0

    def learn(self, root: odata.JSON) -> None:
        """Read from the service root where its sessions are."""
        self._sessions = odata.path_of(odata.mapping(root, "Links").get("Sessions"))

    def credential(self) -> Credential:
        """Return the credential of the next request, and log in if that is due.

        :raises PodManagerUnreachable: no request is sent at present.
        """
        if self._token is None and self._can_log_in():
            if self._basic_left <= 0:
                return self._log_in_once()
            self._basic_left -= 1
        return self._token or self._basic

    def next_after(
        self, credential: Credential, status: int, headers: Mapping[str, str], request: str
    ) -> Credential | None:
        """Return the credential with which to repeat a request; None: its response counts.

        A request that is answered 401 or 403 was not carried out. Some services answer 403
        to the token of a session that they have forgotten.

        :param request: its method and path.
        :raises PodManagerUnreachable: no request is sent at present.
        """
        if status not in REFUSALS:
            self._forbidden.discard(request)
            if isinstance(credential, Token):
                credential.accepted = True
                credential.renew(headers)
            return None
        if status == 403 and request in self._forbidden:
            return None
        if isinstance(credential, Token) and (credential.accepted or status == 401):
            return self._next_after_token(credential, status)
        if status == 403:  # with a password, or with the token of a new session
            self._forbid(request)
        elif self._basic_left > 0 and self._can_log_in():
            # A service may have switched off Basic authentication.
            self._basic_left = 0
            following = self._log_in_once()
            return following if isinstance(following, Token) else None
        return None

    def log_out(self) -> None:
        """End the session, if there is one, and begin no other."""
        with self._lock:
            token, self._token, self._disabled = self._token, None, True
        if token is not None:
            self._end(token.path, token)

    def _can_log_in(self) -> bool:
        is_due = time.monotonic() >= self._not_before
        return not self._disabled and self._sessions is not None and is_due

    def _next_after_token(self, token: Token, status: int) -> Credential:
        """Drop a token that was refused; return a new one if it had worked before, or Basic."""
        with self._lock:
            if self._token is token:
                self._token = None
                # The token of a new session would be no better than one that never worked.
                self._disabled = self._disabled or not token.accepted
        following = self.credential()
        if status == 403:  # the session may exist
            self._end(token.path, following)
        return following

    def _forbid(self, request: str) -> None:
        """Record a request that is answered 403 whatever its credential."""
        if len(self._forbidden) >= MAX_FORBIDDEN:
            self._forbidden.clear()
        self._forbidden.add(request)

    def _log_in_once(self) -> Credential:
        """Log in; while one thread does so, the others do not wait for it, and use Basic."""
        if not self._lock.acquire(blocking=False):
            return self._basic
        try:
            self._token = self._token or self._log_in(self._sessions or "")
            return self._token or self._basic
        finally:
            self._lock.release()

    def _log_in(self, sessions: str) -> Token | None:
        body = {"UserName": self._username, "Password": self._password or ""}
        try:
            reply = self._send("POST", sessions, body, Credential())
        except errors.ValenceError as exc:  # such as a link to another host, or no response
            if exc.details.get("asked") is False:
                raise
            LOG.warning("No session; continuing with Basic: %s", exc)
            is_answered = not isinstance(exc, errors.PodManagerUnreachable)
            pause = RETRY_AFTER if is_answered else RETRY_UNANSWERED
            self._not_before = time.monotonic() + pause
            return None
        created = reply.status < 300
        token = reply.headers.get("X-Auth-Token") if created else None
        path = _session_path(sessions, reply) if created else None
        if token:
            LOG.debug("Logged in at %s", path or sessions)
            return Token(token, path)
        LOG.info("No session: %s answered %d; continuing with Basic", sessions, reply.status)
        self._not_before = time.monotonic() + RETRY_AFTER
        if created or reply.status in NO_SESSIONS:
            self._disabled = True
        if path is not None:
            self._end(path, self._basic)
        return None

    def _end(self, path: str | None, credential: Credential) -> None:
        """End a session; if that fails, it expires by itself."""
        if path is None:
            return
        try:
            self._send("DELETE", path, None, credential)
        except errors.ValenceError as exc:
            LOG.debug("Session %s was not ended and will expire: %s", path, exc)


def _session_path(sessions: str, reply: Reply) -> str | None:
    """Return the path of a new session, wherever the reply has it; None: it has none.

    Its Location leads to it (DSP0266, "Session login"), or the body, which is the session.
    """
    references = [reply.headers.get("Location"), odata.member_path(sessions, reply.body)]
    for reference in filter(None, references):
        try:
            path = reply.local(reference)
        except errors.PodManagerFailed as exc:
            LOG.warning("A session is not ended: %s", exc)
            continue
        if not odata.same_path(path, sessions):
            return path
    return None
