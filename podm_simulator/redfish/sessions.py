# SPDX-License-Identifier: Apache-2.0

"""Authentication: Basic credentials and token sessions."""

import base64
from collections.abc import Callable
import dataclasses
import hmac
import itertools
import secrets
import time


@dataclasses.dataclass(slots=True)
class Session:
    """A login; it ends when it has not been used for the timeout."""

    id: str
    username: str
    token: str
    used: float


class Sessions:
    """The sessions of one service; without a username every request is authenticated.

    :param timeout: seconds without use after which a session ends.
    """

    def __init__(
        self,
        username: str | None,
        password: str | None,
        *,
        timeout: float = 1800.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.timeout = timeout
        self._username = username
        self._password = password or ""
        self._clock = clock
        self._ids = itertools.count(1)
        self._by_token: dict[str, Session] = {}

    def login(self, username: object, password: object) -> Session | None:
        """Create a session; return None when the credentials are wrong."""
        if not self._matches(str(username), str(password)):
            return None
        session = Session(
            str(next(self._ids)), str(username), secrets.token_hex(16), self._clock()
        )
        self._by_token[session.token] = session
        return session

    def _matches(self, username: str, password: str) -> bool:
        if self._username is None:
            return True
        credentials, expected = f"{username}:{password}", f"{self._username}:{self._password}"
        # JSON and headers may have lone surrogates, which plain UTF-8 refuses.
        return hmac.compare_digest(
            credentials.encode(errors="surrogatepass"), expected.encode(errors="surrogatepass")
        )

    def authenticate(self, token: str | None, authorization: str | None) -> bool:
        """Return whether a request with these two headers is authenticated.

        :param token: ``X-Auth-Token``, which takes precedence.
        """
        if self._username is None:
            return True
        if token is not None:
            return self._is_open(token)
        return authorization is not None and self._basic(authorization)

    def _is_open(self, token: str) -> bool:
        session = self._by_token.get(token)
        if session is None:
            return False
        now = self._clock()
        if now - session.used > self.timeout:
            del self._by_token[token]
            return False
        session.used = now
        return True

    def _basic(self, authorization: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            credentials = base64.b64decode(encoded, validate=True).decode()
        except ValueError:  # neither ASCII nor base64, or not UTF-8 inside
            return False
        return self._matches(*credentials.split(":", 1)) if ":" in credentials else False

    def all(self) -> list[Session]:
        """Return the open sessions."""
        now = self._clock()
        return [it for it in self._by_token.values() if now - it.used <= self.timeout]

    def find(self, ident: str) -> Session | None:
        """Return the open session with an id, or None."""
        return next((session for session in self.all() if session.id == ident), None)

    def close(self, session: Session) -> None:
        """End a session."""
        self._by_token.pop(session.token, None)

    def forget(self) -> None:
        """End all sessions, as a restart of the service does."""
        self._by_token.clear()
