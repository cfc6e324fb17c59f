# SPDX-License-Identifier: Apache-2.0

"""Requests to Valence: the endpoint, the retries, and the conversion of errors."""

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

#: How often a method is sent when no response comes. Other methods are sent once:
#: the request may have been carried out although its response was lost.
ATTEMPTS: Mapping[str, int] = {"GET": 2, "DELETE": 2}

#: A gateway answers so when Valence sent it no response.
_GATEWAY_LOST = (502, 504)

_FIRST_PAUSE = 0.5


class Transport:
    """Sends requests through one adapter to one versioned endpoint, with retries."""

    def __init__(self, ksa_adapter: adapter.Adapter, endpoint: str | None, timeout: float) -> None:
        self.adapter = ksa_adapter
        self.timeout = timeout
        self._endpoint = v1_url(endpoint) if endpoint else None

    @property
    def endpoint(self) -> str:
        """The address of ``/v1``: of the caller, or else of the session's plugin (cached).

        :raises NoEndpoint: neither has one.
        """
        if self._endpoint is None:
            service = str(self.adapter.service_type)
            with _converted(service):
                endpoint = self.adapter.get_endpoint(version="1")
            if not endpoint:
                raise errors.NoEndpoint(_NO_ENDPOINT.format(service=service))
            self._endpoint = v1_url(endpoint)
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
        """Send a request and return its response.

        :param attempts: how often to send it when no response comes; 0 means
            ATTEMPTS of the method.
        :param deadline: of time.monotonic(), after which there is no retry.
        :param confidential: keep the body out of the debug log.
        :raises APIError: the response is an error.
        :raises ConnectFailed: no response came.
        :raises NoEndpoint: the address of Valence is not known.
        """
        attempts = attempts or ATTEMPTS.get(method, 1)
        pause = _FIRST_PAUSE
        for attempt in range(1, attempts + 1):
            try:
                return self._send(method, path, body, params, deadline, confidential)
            except errors.ValenceError as exc:
                exc.attempts = attempt
                late = deadline is not None and time.monotonic() + pause >= deadline
                if attempt == attempts or late or not _is_unanswered(exc):
                    raise
                LOG.debug("%s %s: %s Retrying in %s s.", method, path, exc, pause)
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _send(
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
                # The session may be configured to retry every request; ATTEMPTS decides.
                connect_retries=0,
                status_code_retries=0,
            )
        if not response.ok:
            raise errors.from_response(response)
        return response


def v1_url(endpoint: str) -> str:
    """Return the address of ``/v1`` under an endpoint that may name it already."""
    if not re.match(r"https?://[^/]", endpoint):
        raise errors.NoEndpoint(
            f"{endpoint!r} is not an address: use one that begins with http:// or https://."
        )
    endpoint = endpoint.rstrip("/")
    return endpoint if endpoint.endswith("/v1") else f"{endpoint}/v1"


def json_of(response: requests.Response) -> dict[str, Any]:
    """Return the JSON object of a response.

    :raises APIError: the body is not a JSON object.
    """
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise errors.from_response(response)
    return body


_NO_ENDPOINT = (
    "No endpoint: the session has none for the service type {service!r}. Register the service "
    "in Keystone's catalog, or set the address of Valence (endpoint=, --endpoint or "
    "VALENCE_ENDPOINT)."
)


def _is_unanswered(exc: errors.ValenceError) -> bool:
    if isinstance(exc, errors.ConnectFailed):
        return exc.lost
    if isinstance(exc, errors.Unavailable):
        return exc.status in _GATEWAY_LOST and exc.code is None
    return False


def _connect_failed(exc: ksa.ConnectionError, lost: bool = True) -> errors.ConnectFailed:
    """Return the error for a failed connection.

    The address (which may be Keystone's) and the message of the operating system
    are those of the innermost causes that have them.
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
    """Convert keystoneauth's exceptions to this library's; the only place that does."""
    try:
        yield
    except ksa.HttpError as exc:
        # Keystone's response to the plugin; Valence's are requested with raise_exc=False.
        if exc.response is not None:
            raise errors.from_response(exc.response) from exc
        raise errors.APIError(exc.http_status, None, str(exc)) from exc
    except (ksa.ConnectFailure, ksa.ConnectTimeout) as exc:
        raise _connect_failed(exc) from exc
    except ksa.UnknownConnectionError as exc:
        # A response that broke off is lost; a request to a malformed URL was never sent.
        lost = isinstance(exc.original, requests.exceptions.ChunkedEncodingError)
        raise _connect_failed(exc, lost) from exc
    except ksa.ConnectionError as exc:
        raise _connect_failed(exc, lost=False) from exc
    except (ksa.EndpointNotFound, ksa.MissingAuthPlugin) as exc:
        raise errors.NoEndpoint(_NO_ENDPOINT.format(service=service)) from exc
    except ksa.ClientException as exc:
        raise errors.ValenceError(f"Could not log in: {exc}") from exc
