# SPDX-License-Identifier: Apache-2.0

"""Which error an HTTP status or an exception of requests becomes."""

from collections.abc import Iterator
import contextlib
import math
import ssl
from typing import Any

import requests
import urllib3

from valence import errors

#: Statuses of a service that cannot handle a request at present, and may say when it will.
BUSY = frozenset({429, 503})

#: HTTP status -> error, for every method, where it is not the default of its class:
#: PodManagerRefused for 4xx, PodManagerFailed for 5xx. "Gone" is what 404 and 410 mean, and no
#: other status does.
STATUSES: dict[int, type[errors.ValenceError]] = {
    401: errors.PodManagerUnauthorized,
    403: errors.PodManagerUnauthorized,
    404: errors.PodManagerNodeGone,
    410: errors.PodManagerNodeGone,
    # A proxy sends these, or a service that has not processed the request yet.
    408: errors.PodManagerUnreachable,
    429: errors.PodManagerUnreachable,
    502: errors.PodManagerUnreachable,
    503: errors.PodManagerUnreachable,
    504: errors.PodManagerUnreachable,
}
#: error -> what to do about it
ADVICE: dict[type[errors.ValenceError], str] = {
    errors.PodManagerUnauthorized: "Check the user name and the password of the pod manager.",
    errors.PodManagerUnreachable: "It is overloaded, or down behind a proxy; try again later.",
    errors.PodManagerNodeGone: "It has nothing at this path (any more).",
    errors.PodManagerRefused: "It understood the request and refused it.",
    errors.PodManagerFailed: "See the log of the pod manager.",
}

_INVALID_URL = "{where} is not the URL of a pod manager ({cause}). Use https://host:port."

#: exception, the narrower first -> error and its sentence
EXCEPTIONS: list[tuple[type[OSError], type[errors.ValenceError], str]] = [
    (requests.exceptions.InvalidURL, errors.PodManagerFailed, _INVALID_URL),
    (requests.exceptions.InvalidSchema, errors.PodManagerFailed, _INVALID_URL),
    (
        requests.exceptions.SSLError,
        errors.PodManagerUnreachable,
        "The TLS connection to the pod manager at {where} cannot be established or trusted "
        "({cause}). {advice}",
    ),
    (
        requests.exceptions.ConnectTimeout,
        errors.PodManagerUnreachable,
        "The pod manager at {where} did not accept a connection in {connect:g} s. "
        "Check that it is running and that its URL and the network between are right.",
    ),
    (
        requests.exceptions.Timeout,
        errors.PodManagerUnreachable,
        "The pod manager at {where} did not answer {request} in {read:g} s. "
        "It is overloaded or hangs; try again later.",
    ),
    (
        requests.exceptions.ContentDecodingError,
        errors.PodManagerFailed,
        "The response of the pod manager at {where} to {request} cannot be read ({cause}).",
    ),
    (
        requests.exceptions.RequestException,
        errors.PodManagerUnreachable,
        "The pod manager at {where} sent no response to {request} ({cause}). "
        "Check that it is running and that its URL and the network between are right.",
    ),
    (
        OSError,
        errors.PodManagerUnreachable,
        "The pod manager at {where} cannot be reached: {cause}. "
        "Check that verify_ca ({ca}) is a file that this service may read.",
    ),
]


#: What OpenSSL calls an alert of the peer (RFC 8446, 6.2) -> what to do without a client
#: certificate, and with one. Only the first is always about the certificate.
_SET_CLIENT_CERT = (
    "It demands a client certificate: set client_cert and client_key to one that it accepts."
)
_CHECK_CLIENT_CERT = "It does not accept the client certificate: check client_cert, and its logs."
_MAY_DEMAND = (
    "It may demand a client certificate: set client_cert and client_key; or it supports no "
    "version and no cipher of TLS that this service does."
)
_ALERTS: dict[str, tuple[str, str]] = {
    "CERTIFICATE_REQUIRED": (_SET_CLIENT_CERT, _CHECK_CLIENT_CERT),
    "BAD_CERTIFICATE": (_SET_CLIENT_CERT, _CHECK_CLIENT_CERT),
    "UNSUPPORTED_CERTIFICATE": (_SET_CLIENT_CERT, _CHECK_CLIENT_CERT),
    "CERTIFICATE_REVOKED": (_SET_CLIENT_CERT, _CHECK_CLIENT_CERT),
    "CERTIFICATE_EXPIRED": (_SET_CLIENT_CERT, _CHECK_CLIENT_CERT),
    "CERTIFICATE_UNKNOWN": (_SET_CLIENT_CERT, _CHECK_CLIENT_CERT),
    "UNKNOWN_CA": (_SET_CLIENT_CERT, _CHECK_CLIENT_CERT),
    "ACCESS_DENIED": (_SET_CLIENT_CERT, _CHECK_CLIENT_CERT),
    "HANDSHAKE_FAILURE": (_MAY_DEMAND, _CHECK_CLIENT_CERT),
}
_CHECK_TRUST = (
    "Set ca to the certificate of its authority, or verify_ca to a file with it, or check the URL."
)

#: What requests raises before it sends a request, and what it wraps then.
_BEFORE_SENDING = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.ConnectTimeout,
)
_NOT_CONNECTED = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


def from_status(
    status: int, where: str, request: str, reason: str | None, retry_after: float | None = None
) -> errors.ValenceError:
    """Return the error for a status of 400 or more.

    :param where: the base URL of the pod manager.
    :param request: its method and path.
    :param reason: the pod manager's own words.
    :param retry_after: seconds after which it can be sent again.
    """
    default = errors.PodManagerRefused if status < 500 else errors.PodManagerFailed
    kind = STATUSES.get(status, default)
    # A date in the far future, or a very long number, is no JSON.
    is_told = status in BUSY and retry_after is not None and math.isfinite(retry_after)
    details: dict[str, Any] = {"retry_after": retry_after} if is_told else {}
    return kind(
        f"The pod manager at {where} answered {status} to {request}. {ADVICE[kind]}",
        reason=reason,
        answered=status,
        **details,
    )


def was_busy(error: errors.ValenceError) -> bool:
    """Return whether a service answered that it could not handle the request at present.

    It has not carried it out, then (RFC 9110, 15.6.4; RFC 6585, 4).
    """
    return error.details.get("answered") in BUSY


def foreign_reference(
    base: str, document: str, reference: str, exc: ValueError
) -> errors.PodManagerFailed:
    """Return the error for a reference that leads away from the pod manager."""
    return errors.PodManagerFailed(
        f"{document} of the pod manager at {base} has a reference to which nothing is sent, "
        f"{reference[:200]!r}: {exc}. Only {base} gets requests and credentials. If the pod "
        "manager is elsewhere, change its URL; if it is behind a proxy, let the proxy rewrite "
        "its links."
    )


def from_exception(exc: OSError, **values: Any) -> errors.ValenceError:
    """Return the error for an exception of requests.

    :param values: for the placeholders in the sentences of :data:`EXCEPTIONS`.
    """
    error, sentence = next(
        (error, sentence) for kind, error, sentence in EXCEPTIONS if isinstance(exc, kind)
    )
    details: dict[str, Any] = {"sent": False} if _was_not_sent(exc) else {}
    if isinstance(exc, requests.exceptions.SSLError):
        details["trusted"] = False  # a server accepted the connection
    return error(sentence.format(cause=root_cause(exc), **values), **details)


def invalid_url(url: str, exc: ValueError) -> errors.ValenceError:
    """Return the error for what is not a URL."""
    sentence = _INVALID_URL.format(where=repr(url), cause=exc)
    return errors.PodManagerFailed(sentence, sent=False)


def unusable_certificates(where: str, exc: OSError) -> errors.PodManagerFailed:
    """Return the error for certificates, or a key, that OpenSSL does not accept."""
    return errors.PodManagerFailed(
        f"The client_cert or the ca of the pod manager at {where} cannot be used "
        f"({root_cause(exc)}). Replace it with one that the security policy of this host accepts.",
        sent=False,
    )


def redirect_loop(where: str, request: str) -> errors.ValenceError:
    """Return the error for too many redirects."""
    return errors.PodManagerFailed(
        f"{where} redirects {request} in a loop. Check the URL of the pod manager."
    )


@contextlib.contextmanager
def before_sending() -> Iterator[None]:
    """Mark errors with ``sent: false``: the request itself is only sent after this block."""
    try:
        yield
    except errors.ValenceError as exc:
        raise type(exc)(exc.detail, **{**exc.details, "sent": False}) from exc


def _was_not_sent(exc: OSError) -> bool:
    """Return whether it was raised so early that the pod manager cannot have the request."""
    if not isinstance(exc, requests.RequestException):
        return True  # the certificates to trust cannot be read
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    inner = [*getattr(reason, "args", ()), None][0]
    untrusted = isinstance(inner, ssl.SSLCertVerificationError) or _alert(exc) in _ALERTS
    return untrusted or isinstance(exc, _BEFORE_SENDING) or isinstance(reason, _NOT_CONNECTED)


def tls_advice(exc: BaseException, has_certificate: bool) -> str:
    """Return what to do about a TLS connection that failed.

    :param has_certificate: whether there is a client certificate.
    """
    if isinstance(_innermost(exc), ssl.SSLEOFError) and not has_certificate:
        return _MAY_DEMAND
    advice = _ALERTS.get(_alert(exc))
    return _CHECK_TRUST if advice is None else advice[has_certificate]


def _alert(exc: BaseException) -> str:
    """Return the alert by which the peer ended the TLS connection; an empty one: by none."""
    reason = getattr(_innermost(exc), "reason", None)
    # Such as TLSV13_ALERT_CERTIFICATE_REQUIRED, or SSL/TLS_ALERT_HANDSHAKE_FAILURE.
    return reason.partition("_ALERT_")[2] if isinstance(reason, str) else ""


def root_cause(exc: BaseException) -> str:
    """Return the message of the innermost exception."""
    cause = _innermost(exc)
    message = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    # urllib3 begins with the address of an object in memory.
    begin, _, rest = message.rpartition("object at ")
    return (rest.partition(": ")[2] if begin else "") or message or type(cause).__name__


def _innermost(exc: BaseException) -> BaseException:
    while True:
        inner = [getattr(exc, "reason", None), *exc.args[:1], exc.__cause__]
        deeper = next((cause for cause in inner if isinstance(cause, BaseException)), None)
        if deeper is None:
            return exc
        exc = deeper


def was_dropped(exc: BaseException | None) -> bool:
    """Return whether the peer closed an idle connection just as it was used again."""
    return (
        isinstance(exc, requests.ConnectionError)
        and bool(exc.args)
        and isinstance(exc.args[0], urllib3.exceptions.ProtocolError)
    )
