# SPDX-License-Identifier: Apache-2.0

"""Getting in: Basic authentication, and a token of the SessionService (DSP0266, 13.3).

A session costs a request to log in and one to log out, and a pod manager has few of
them; on the other hand many a one takes long to verify a password. So a connection
begins with Basic, and logs in once it is really used.
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
from valence.podmanagers.redfish import odata

LOG = log.getLogger(__name__)

#: Seconds after which somebody who could not log in tries again.
RETRY = 300.0

#: Statuses by which a service says that it has no sessions, now and later.
NEVER = frozenset({404, 405, 410, 501})


class Credential(auth.AuthBase):
    """What goes with a request: this one, nothing. Without any, requests reads ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add it to a request."""
        return request


class Basic(Credential):
    """A user name and a password, in UTF-8."""

    def __init__(self, username: str, password: str | None) -> None:
        self._basic = auth.HTTPBasicAuth(username.encode(), (password or "").encode())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add it to a request."""
        self._basic(request)
        return request


class Token(Credential):
    """A session's token, and where to end the session."""

    def __init__(self, token: str, path: str | None) -> None:
        self.path = path
        self.worked = False
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add it to a request."""
        request.headers["X-Auth-Token"] = self._token
        return request


@dataclasses.dataclass(frozen=True)
class Reply:
    """What of an answer concerns a session."""

    status: int
    headers: Mapping[str, str]
    body: Any


#: Sends a method to a path with a body and a credential.
Send = Callable[[str, str, Any, Credential], Reply]


class Login:
    """The credentials of one connection. Safe to use from many threads.

    :param after: requests that are sent with Basic before it logs in; -1: all.
    """

    def __init__(self, username: str | None, password: str | None, after: int, send: Send) -> None:
        self._username = username
        self._password = password
        self._basic = Credential() if username is None else Basic(username, password)
        self._left = after
        self._never = username is None or after < 0
        self._send = send
        self._lock = threading.Lock()
        self._sessions: str | None = None
        self._token: Token | None = None
        self._not_before = 0.0

    def learn(self, root: odata.JSON) -> None:
        """Learn from the service's root where its sessions are."""
        self._sessions = odata.path_of(odata.mapping(root, "Links").get("Sessions"))

    def credential(self) -> Credential:
        """Give what goes with the next request, and log in if it is time to.

        :raises ValenceError: there was no answer to that.
        """
        token = self._token
        if token is not None:
            return token
        if self._never or self._sessions is None or time.monotonic() < self._not_before:
            return self._basic
        if self._left > 0:
            self._left -= 1
            return self._basic
        # Whoever comes while another logs in does not wait for it.
        if not self._lock.acquire(blocking=False):
            return self._basic
        try:
            self._token = self._token or self._log_in(self._sessions)
            return self._token or self._basic
        finally:
            self._lock.release()

    def refused(self, credential: Credential) -> bool:
        """Note that a request was answered 401; True: it may be sent once more."""
        if not isinstance(credential, Token):
            return False
        with self._lock:
            if self._token is credential:
                self._token = None
                # A token that never was any good is no better the next time.
                self._never = self._never or not credential.worked
        return True

    def accepted(self, credential: Credential) -> None:
        """Note that a request was let in."""
        if isinstance(credential, Token):
            credential.worked = True

    def leave(self) -> None:
        """End the session, if there is one, and begin none any more."""
        with self._lock:
            token, self._token, self._never = self._token, None, True
        if token is not None:
            self._end(token.path, token)

    def _log_in(self, sessions: str) -> Token | None:
        body = {"UserName": self._username, "Password": self._password or ""}
        reply = self._send("POST", sessions, body, Credential())
        made = reply.status < 300
        token = reply.headers.get("X-Auth-Token") if made else None
        path = _of_session(sessions, reply) if made else None
        if token:
            LOG.debug("Logged in at %s", path or sessions)
            return Token(token, path)
        LOG.info("No session (%s answered %d): going on with Basic", sessions, reply.status)
        self._not_before = time.monotonic() + RETRY
        if made or reply.status in NEVER:
            self._never = True
        if path is not None:
            self._end(path, self._basic)
        return None

    def _end(self, path: str | None, credential: Credential) -> None:
        """End a session; one that stays ends by itself some time."""
        if path is None:
            return
        try:
            self._send("DELETE", path, None, credential)
        except errors.ValenceError as exc:
            LOG.debug("The session %s is left: %s", path, exc)


def _of_session(sessions: str, reply: Reply) -> str | None:
    """Give where the session is that was made: in its collection, however it is said."""
    said = odata.path_of(reply.headers.get("Location")) or odata.member_path(sessions, reply.body)
    name = said.rpartition("/")[2]
    return f"{sessions}/{name}" if name and said != sessions else None
