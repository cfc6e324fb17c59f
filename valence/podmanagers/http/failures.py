# SPDX-License-Identifier: Apache-2.0

"""What goes wrong between us and a pod manager, and which error it is."""

from collections.abc import Iterator
import contextlib
import ssl
from typing import Any

import requests
import urllib3

from valence import errors

#: What a status means where it is not the class of its hundred.
MEANINGS: dict[int, type[errors.ValenceError]] = {
    401: errors.PodManagerUnauthorized,
    403: errors.PodManagerUnauthorized,
    404: errors.PodManagerNodeGone,
    410: errors.PodManagerNodeGone,
    # These come from a proxy, or from a service that has not looked at it yet.
    408: errors.PodManagerUnreachable,
    429: errors.PodManagerUnreachable,
    502: errors.PodManagerUnreachable,
    503: errors.PodManagerUnreachable,
    504: errors.PodManagerUnreachable,
}
#: What to do about it, by class.
ADVICE: dict[type[errors.ValenceError], str] = {
    errors.PodManagerUnauthorized: "Check the user name and the password of the pod manager.",
    errors.PodManagerUnreachable: "It is overloaded, or down behind a proxy; try again later.",
    errors.PodManagerNodeGone: "It has nothing at this path (any more).",
    errors.PodManagerRefused: "It understood the request and refused it.",
    errors.PodManagerFailed: "See the log of the pod manager.",
}


#: What can happen on the way, the narrower first, and what it means.
EXCEPTIONS: list[tuple[type[OSError], type[errors.ValenceError], str]] = [
    (
        requests.exceptions.InvalidURL,
        errors.PodManagerFailed,
        "{where} is no URL of a pod manager ({cause}). Give it as https://host:port.",
    ),
    (
        requests.exceptions.InvalidSchema,
        errors.PodManagerFailed,
        "{where} is no URL of a pod manager ({cause}). Give it as https://host:port.",
    ),
    (
        requests.exceptions.SSLError,
        errors.PodManagerUnreachable,
        "The TLS connection to the pod manager at {where} cannot be trusted or made ({cause}). "
        "Give it the certificate of its authority as ca, or as a file with verify_ca, or check "
        "the URL.",
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
        "The answer of the pod manager at {where} to {request} cannot be read ({cause}).",
    ),
    (
        requests.exceptions.RequestException,
        errors.PodManagerUnreachable,
        "No answer of the pod manager at {where} to {request} ({cause}). "
        "Check that it is running and that its URL and the network between are right.",
    ),
    (
        OSError,
        errors.PodManagerUnreachable,
        "Cannot speak to the pod manager at {where}: {cause}. "
        "Check that verify_ca ({ca}) is a file that this service may read.",
    ),
]


#: What is raised before a request is sent: by requests, and what it wraps.
_TOO_EARLY = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.ConnectTimeout,
)
_NOT_CONNECTED = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


def of_status(status: int, where: str, request: str, reason: str | None) -> errors.ValenceError:
    """Make the error that an answer of 400 or more stands for.

    :param where: the base URL of the pod manager.
    :param request: its method and path.
    :param reason: the words of the pod manager.
    """
    default = errors.PodManagerRefused if status < 500 else errors.PodManagerFailed
    kind = MEANINGS.get(status, default)
    return kind(
        f"The pod manager at {where} answered {status} to {request}. {ADVICE[kind]}",
        reason=reason,
        answered=status,
    )


def of_exception(exc: OSError, **words: Any) -> errors.ValenceError:
    """Make the error that an exception of requests stands for.

    :param words: what the sentences of :data:`EXCEPTIONS` are filled with.
    """
    error, sentence = next(
        (error, sentence) for kind, error, sentence in EXCEPTIONS if isinstance(exc, kind)
    )
    more: dict[str, Any] = {"sent": False} if _was_not_sent(exc) else {}
    if isinstance(exc, requests.exceptions.SSLError):
        more["trusted"] = False  # somebody is there
    return error(sentence.format(cause=root_cause(exc), **words), **more)


def no_url(url: str, exc: ValueError) -> errors.ValenceError:
    """Make the error of a URL that is none."""
    return errors.PodManagerFailed(
        f"{url!r} is no URL of a pod manager ({exc}). Give it as https://host:port.", sent=False
    )


def in_circles(where: str, request: str) -> errors.ValenceError:
    """Make the error of redirects without end."""
    return errors.PodManagerFailed(
        f"{where} redirects {request} in circles. Check the URL of the pod manager."
    )


@contextlib.contextmanager
def unsent() -> Iterator[None]:
    """Say of what fails here that it failed before anything was asked for."""
    try:
        yield
    except errors.ValenceError as exc:
        raise type(exc)(exc.detail, **{**exc.details, "sent": False}) from exc


def _was_not_sent(exc: OSError) -> bool:
    """Say whether it failed so early that the pod manager cannot have seen it."""
    if not isinstance(exc, requests.RequestException):
        return True  # the certificates to trust cannot be read
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    inner = [*getattr(reason, "args", ()), None][0]
    untrusted = isinstance(inner, ssl.SSLCertVerificationError)
    return untrusted or isinstance(exc, _TOO_EARLY) or isinstance(reason, _NOT_CONNECTED)


def root_cause(exc: BaseException) -> str:
    """Give the words of the exception that began it all, not of those around it."""
    while True:
        inner = [getattr(exc, "reason", None), *exc.args[:1], exc.__cause__]
        deeper = next((cause for cause in inner if isinstance(cause, BaseException)), None)
        if deeper is None:
            break
        exc = deeper
    said = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
    # urllib3 begins with the address of an object in memory.
    return said.rpartition("object at ")[2].partition(": ")[2] or said or type(exc).__name__


def was_dropped(exc: BaseException | None) -> bool:
    """Say whether the peer closed a kept connection as we began to use it."""
    return (
        isinstance(exc, requests.ConnectionError)
        and bool(exc.args)
        and isinstance(exc.args[0], urllib3.exceptions.ProtocolError)
    )
