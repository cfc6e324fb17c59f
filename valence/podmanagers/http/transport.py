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
import re
import socket
import ssl
import time
from typing import Any

import requests
from requests import adapters
import urllib3

from valence.podmanagers.access import Access
from valence.podmanagers.http import certificates

#: A line of the fields of a head: a field, the continuation of one, or the end. At any other,
#: http.client would end the head, and take what follows for the body.
_FIELD = re.compile(rb"[!-9;-~]+:|[ \t]|\r?\n")
_BEFORE_COLON = re.compile(rb"^([!-9;-~]+)[ \t]+:")

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
    :param access: its ``ca`` and its client certificate; verify_ca as requests does.
    """

    def __init__(self, size: int, access: Access) -> None:
        self._ca = access.ca
        self._access = access
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
        """Return the options of pools.

        :raises OSError: the client certificate and its key cannot be used.
        """
        access = self._access
        if access.ca is None and access.client_cert is None:
            return {}
        if access.ca is not None:
            context = ssl.create_default_context(cadata=access.ca)
        else:
            # requests adds the authorities; it cannot switch verification off later.
            verification = ssl.CERT_NONE if access.verify_ca is False else ssl.CERT_REQUIRED
            context = urllib3.util.ssl_.create_urllib3_context(cert_reqs=verification)
        if access.client_cert is not None and access.client_key is not None:
            certificates.load(context, access.client_cert, access.client_key)
        return {"ssl_context": context}

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


class _Reader(io.BufferedReader):
    """Read a response, in whose head a line that is no field hides no other.

    :ivar in_fields: whether the next line is one of the fields of the head.
    """

    in_fields = False

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return a line; of the fields, only one that http.client can parse.

        :raises RemoteDisconnected: the peer closed the connection within them: without its
            whole head, it is no response (RFC 9112, 8).
        """
        while True:
            line = super().readline(size)
            if not self.in_fields:
                return line
            if not line.endswith(b"\n") and len(line) != size:
                raise http.client.RemoteDisconnected("the response ended within its head")
            # Whitespace before the colon is to be removed (RFC 9112, 5.1).
            line = _BEFORE_COLON.sub(rb"\1:", line)
            if _FIELD.match(line):
                return line


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        deadline = _deadline.get(None)
        if deadline is not None:
            self.fp.close()
            self.fp = _Reader(_DeadlineReader(sock, deadline))

    def begin(self) -> None:
        """Read the head."""
        reader = self.fp
        super().begin()
        if isinstance(reader, _Reader):
            reader.in_fields = False

    def _read_status(self) -> tuple[str, int, str]:
        """Read the status line of the final response.

        http.client takes an interim response (RFC 9110, 15.2) for it, unless it is 100.
        """
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if isinstance(self.fp, _Reader):
                self.fp.in_fields = True
            if status >= 200 or status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
            if isinstance(self.fp, _Reader):
                self.fp.in_fields = False


class _Connection(urllib3.connection.HTTPConnection):
    response_class = _Response


class _ConnectionTLS(urllib3.connection.HTTPSConnection):
    response_class = _Response

    def send(self, data: Any) -> None:
        """Send a part of a request; prefer the reason of a peer that has hung up meanwhile.

        A TLS 1.3 handshake is over for a client before its peer has looked for a client
        certificate: the alert waits behind the request.
        """
        try:
            super().send(data)
        except OSError:
            with contextlib.suppress(TimeoutError, ConnectionError, ssl.SSLEOFError):
                self.sock.recv(1)
            raise


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _PoolTLS(urllib3.HTTPSConnectionPool):
    ConnectionCls = _ConnectionTLS


#: scheme -> the pool of its connections
POOLS: dict[str, Any] = {"http": _Pool, "https": _PoolTLS}
