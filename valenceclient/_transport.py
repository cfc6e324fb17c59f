# SPDX-License-Identifier: Apache-2.0

"""Requests to Valence: where it is, what is retried, how failures are told."""

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import logging
import re
import time
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ksa
import requests

from valenceclient import errors

LOG = logging.getLogger(__name__)

#: How often a method is sent when no answer comes. What is not here is sent
#: once: it may have been carried out although the answer was lost.
ATTEMPTS: Mapping[str, int] = {"GET": 2, "DELETE": 2}

#: Answers of a gateway whose upstream hung up: as good as no answer.
_GATEWAY_LOST = (502, 504)

_FIRST_PAUSE = 0.5


class Transport:
    """One adapter, the versioned address it speaks to, and the rules of retrying."""

    def __init__(self, ksa_adapter: adapter.Adapter, endpoint: str | None, timeout: float) -> None:
        self.adapter = ksa_adapter
        self.timeout = timeout
        self._endpoint = versioned(endpoint) if endpoint else None

    @property
    def endpoint(self) -> str:
        """Find the address of ``/v1``, once: given, or from the session's plugin.

        Raises NoEndpoint when neither knows it.
        """
        if self._endpoint is None:
            service = str(self.adapter.service_type)
            with _converted(service):
                found = self.adapter.get_endpoint(version="1")
            if not found:
                raise errors.NoEndpoint(_WHERE.format(service=service))
            self._endpoint = versioned(found)
        return self._endpoint

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        attempts: int = 0,
        deadline: float | None = None,
        confidential: bool = False,
    ) -> requests.Response:
        """Send a request and return its answer, which is a success.

        ``attempts``: how often to send it when no answer comes (ATTEMPTS).
        ``deadline``: of time.monotonic(), after which nothing is sent again.
        ``confidential``: keep the body out of the debug log.
        Raises APIError, ConnectFailed, NoEndpoint.
        """
        attempts = attempts or ATTEMPTS.get(method, 1)
        pause = _FIRST_PAUSE
        for attempt in range(1, attempts + 1):
            try:
                return self._once(method, path, body, params, deadline, confidential)
            except errors.ValenceError as exc:
                exc.attempts = attempt
                late = deadline is not None and time.monotonic() + pause >= deadline
                if attempt == attempts or late or not _unanswered(exc):
                    raise
                LOG.debug("%s %s: %s Sending it again in %s s.", method, path, exc, pause)
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _once(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None,
        deadline: float | None,
        confidential: bool,
    ) -> requests.Response:
        url = self.endpoint + path
        timeout = self.timeout
        if deadline is not None:
            timeout = max(1.0, min(timeout, deadline - time.monotonic()))
        with _converted(str(self.adapter.service_type)):
            response = self.adapter.request(
                url,
                method,
                json=body,
                params=params,
                headers={"Accept": "application/json"},
                timeout=timeout,
                raise_exc=False,
                log=not confidential,
                # A session may be set to retry everything; that is not for it to say.
                connect_retries=0,
                status_code_retries=0,
            )
        if not response.ok:
            raise errors.from_response(response)
        return response


def versioned(endpoint: str) -> str:
    """Return the address of ``/v1`` under an endpoint that may name it already."""
    if not re.match(r"https?://[^/]", endpoint):
        raise errors.NoEndpoint(
            f"{endpoint!r} is no address: give one that begins with http:// or https://."
        )
    endpoint = endpoint.rstrip("/")
    return endpoint if endpoint.endswith("/v1") else f"{endpoint}/v1"


def json_of(response: requests.Response) -> dict[str, Any]:
    """Return the object an answer holds. Raises APIError if it is none."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise errors.from_response(response)
    return body


_WHERE = (
    "No endpoint: the session knows none for the service type {service!r}. Register the service "
    "in Keystone's catalog, or give the address of Valence (endpoint=, --endpoint or "
    "VALENCE_ENDPOINT)."
)


def _unanswered(exc: errors.ValenceError) -> bool:
    if isinstance(exc, errors.ConnectFailed):
        return exc.lost
    if isinstance(exc, errors.Unavailable):
        return exc.status in _GATEWAY_LOST and exc.code is None
    return False


def _lost_connection(exc: ksa.ConnectionError, lost: bool = True) -> errors.ConnectFailed:
    """Return our error, with what lies below the layers that wrapped it.

    That is the address (which may be Keystone's) and the system's own words.
    """
    url, why = "the service", str(exc)
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, requests.RequestException) and cause.request is not None:
            url = str(cause.request.url)
        if isinstance(cause, OSError) and cause.strerror:
            why = cause.strerror
        cause = cause.__cause__ or cause.__context__
    return errors.ConnectFailed(url, why, lost)


@contextlib.contextmanager
def _converted(service: str) -> Iterator[None]:
    """Turn keystoneauth's exceptions into ours: the one place that does."""
    try:
        yield
    except ksa.HttpError as exc:
        # The answer of Keystone to the plugin: ours are never raised as such.
        if exc.response is not None:
            raise errors.from_response(exc.response) from exc
        raise errors.APIError(exc.http_status, None, str(exc)) from exc
    except (ksa.ConnectFailure, ksa.ConnectTimeout) as exc:
        raise _lost_connection(exc) from exc
    except ksa.UnknownConnectionError as exc:
        # An answer that broke off is a lost one; a malformed URL was never sent.
        lost = isinstance(exc.original, requests.exceptions.ChunkedEncodingError)
        raise _lost_connection(exc, lost) from exc
    except ksa.ConnectionError as exc:
        raise _lost_connection(exc, lost=False) from exc
    except (ksa.EndpointNotFound, ksa.MissingAuthPlugin) as exc:
        raise errors.NoEndpoint(_WHERE.format(service=service)) from exc
    except ksa.ClientException as exc:
        raise errors.ValenceError(f"Could not log in: {exc}") from exc
