# SPDX-License-Identifier: Apache-2.0

"""What requests lacks: a total deadline for a request, and a certificate authority of its own.

requests limits every pause between two bytes, not their sum: a peer that sends a byte
now and then keeps a request open for ever. Here every read ends at the deadline of its
request. No library (urllib3, httpx, tenacity, a breaker) offers a total deadline, so the
private parts of http.client that read from the socket are replaced.
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

#: The deadline of this thread's request, on the monotonic clock.
_deadline: contextvars.ContextVar[float] = contextvars.ContextVar("valence_request_deadline")


@contextlib.contextmanager
def deadline_in(seconds: float) -> Iterator[None]:
    """Limit the requests of this thread, from connecting to the last byte.

    One that takes longer fails as a read that timed out.
    """
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


class Adapter(adapters.HTTPAdapter):
    """Keep connections to one pod manager.

    :param size: of the pool, which is also the largest number of connections.
    :param ca: the only certificates to trust, in PEM; None: as requests does.
    """

    def __init__(self, size: int, ca: str | None = None) -> None:
        self._ca = ca
        super().__init__(pool_connections=1, pool_maxsize=size, pool_block=True, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Create the pools, of connections with deadlines."""
        super().init_poolmanager(*args, **{**options, **self._tls_options()})
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Create the pools behind a proxy that the environment names."""
        manager = super().proxy_manager_for(proxy, **{**options, **self._tls_options()})
        manager.pool_classes_by_scheme = POOLS
        return manager

    def _tls_options(self) -> dict[str, Any]:
        if self._ca is None:
            return {}
        return {"ssl_context": ssl.create_default_context(cadata=self._ca)}

    def send(self, *args: Any, **options: Any) -> requests.Response:
        """Send a request; a ``ca`` takes precedence over the authorities of the environment."""
        if self._ca is not None:
            options["verify"] = True
        return super().send(*args, **options)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave out the authorities of requests where there is a ``ca``."""
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        if self._ca is not None:
            conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None


class _DeadlineReader(io.RawIOBase):
    """Read from a socket until a deadline."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the response did not end in time")
        timeout = self._sock.gettimeout()
        if timeout is None or remaining < timeout:
            self._sock.settimeout(remaining)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        deadline = _deadline.get(None)
        if deadline is not None:
            self.fp.close()
            self.fp = io.BufferedReader(_DeadlineReader(sock, deadline))


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
