# SPDX-License-Identifier: Apache-2.0

"""What of HTTP the library leaves open: an end to every request, and whom to trust.

requests bounds every silence, and not their sum: a peer that sends a byte now and
then is listened to for ever. Here every read is bounded by the end of the request.
"""

from collections.abc import Iterator
import contextlib
import contextvars
import http.client
import io
import socket
import ssl
import time
from typing import Any

import requests
from requests import adapters
import urllib3

#: When the request of this thread must have been answered, on the monotonic clock.
_ends_at: contextvars.ContextVar[float] = contextvars.ContextVar("valence_request_ends_at")


@contextlib.contextmanager
def ending_in(seconds: float) -> Iterator[None]:
    """Give what this thread requests now so much time, from connecting to the last byte.

    What takes longer fails as a read that timed out.
    """
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


class Adapter(adapters.HTTPAdapter):
    """Keep connections to one pod manager.

    :param size: how many are kept, and how many there are at most.
    :param ca: the only certificates to trust, in PEM; None: as requests does.
    """

    def __init__(self, size: int, ca: str | None = None) -> None:
        self._ca = ca
        super().__init__(pool_connections=1, pool_maxsize=size, pool_block=True, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools, of our connections."""
        super().init_poolmanager(*args, **{**options, **self._trust()})
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the pools behind a proxy that the environment asks for."""
        manager = super().proxy_manager_for(proxy, **{**options, **self._trust()})
        manager.pool_classes_by_scheme = POOLS
        return manager

    def _trust(self) -> dict[str, Any]:
        if self._ca is None:
            return {}
        return {"ssl_context": ssl.create_default_context(cadata=self._ca)}

    def send(self, *args: Any, **options: Any) -> requests.Response:
        """Send a request; what the environment says of authorities is for where no own are."""
        if self._ca is not None:
            options["verify"] = True
        return super().send(*args, **options)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave out the authorities of everybody where there are own ones."""
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        if self._ca is not None:
            conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None


class _Patient(io.RawIOBase):
    """Read from a socket until the request's end."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._ends_at = ends_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        silence = self._sock.gettimeout()
        if silence is None or left < silence:
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        ends_at = _ends_at.get(None)
        if ends_at is not None:
            self.fp.close()
            self.fp = io.BufferedReader(_Patient(sock, ends_at))


class _Connection(urllib3.connection.HTTPConnection):
    response_class = _Response


class _ConnectionTLS(urllib3.connection.HTTPSConnection):
    response_class = _Response


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _PoolTLS(urllib3.HTTPSConnectionPool):
    ConnectionCls = _ConnectionTLS


#: scheme -> the pool of its connections
POOLS: dict[str, Any] = {"http": _Pool, "https": _PoolTLS}
