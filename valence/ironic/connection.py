# SPDX-License-Identifier: Apache-2.0

"""Requests to Ironic: its client, and the conversion of every error that they end in."""

from collections.abc import Callable
import http
import threading
import time
from typing import Any
from typing import TypeVar

from ironicclient import exc as ironic_errors
from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1 import loading
from keystoneauth1 import noauth
from oslo_config import cfg
from oslo_log import log
import requests
from requests import adapters

from valence import errors
from valence.conf import ironic as ironic_conf
from valence_conductor import interrupt
from valence_conductor import responses

LOG = log.getLogger(__name__)

T = TypeVar("T")

#: The API of Train: ``owner`` is the newest field that is written here.
MICROVERSION = "1.50"

#: Seconds between two attempts to change a node that Ironic has locked.
PAUSE = 1.0

#: What the libraries raise; an unreadable cafile raises OSError.
FOREIGN = (ironic_errors.ClientException, keystone_errors.ClientException, OSError)


class Connection:
    """Sends requests to the Ironic of the configuration. The client is made at the first."""

    def __init__(self, conf: cfg.ConfigOpts, transport: adapters.BaseAdapter | None) -> None:
        self._conf = conf
        self._transport = transport
        self._lock = threading.Lock()
        self._cached_client: Any = None

    def call(self, what: str, call: Callable[[Any], T]) -> T:
        """Send a request; foreign exceptions are converted here and nowhere else.

        :param what: completes "Ironic refused to ...".
        :raises IronicRefused: Ironic does not do this; ``reason`` is its message.
        :raises IronicUnavailable: no response, or one after which another may differ.
        """
        LOG.debug("Request to Ironic: %s", what)
        try:
            return call(self._client())
        except responses.ErrorResponse as exc:
            raise _converted(what, exc) from exc
        except ironic_errors.UnsupportedVersion as exc:
            raise errors.IronicRefused(
                f"Ironic does not have API version {MICROVERSION}, which is needed to {what}. "
                "Upgrade Ironic to the release Train or later.",
                reason=_message(exc),
            ) from exc
        except FOREIGN as exc:
            is_login = isinstance(exc, keystone_errors.Unauthorized)
            raise _unavailable(
                what, _CREDENTIALS if is_login else _RUNNING, _message(exc)
            ) from exc

    def change(self, what: str, change: Callable[[Any], T], deadline: float) -> T:
        """Send a change, and repeat it while Ironic has the node locked.

        :param deadline: of time.monotonic(), after which it is not repeated.
        :raises IronicRefused: Ironic does not do this, or the lock has lasted too long.
        :raises IronicUnavailable: no response, or one after which another may differ.
        """
        while True:
            try:
                return self.call(what, change)
            except errors.IronicRefused as exc:
                if not is_locked(exc):
                    raise
                if time.monotonic() >= deadline:
                    raise errors.IronicRefused(
                        f"Ironic could not {what} within {self._conf.ironic.lock_timeout:g} s, "
                        "because the node is locked. Try again when Ironic has finished with it.",
                        reason=exc.own_words,
                    ) from exc
                LOG.info("Ironic could not %s yet, retrying: %s", what, exc.own_words)
            interrupt.pause(PAUSE)

    def _client(self) -> Any:
        with self._lock:
            if self._cached_client is None:
                self._cached_client = _make_client(self._conf, self._transport)
            return self._cached_client


def is_conflict(exc: errors.IronicRefused) -> bool:
    """Return whether Ironic answered 409."""
    return exc.details.get("answered") == http.HTTPStatus.CONFLICT


def is_missing(exc: errors.IronicRefused) -> bool:
    """Return whether Ironic answered 404, for whatever it does not have."""
    return exc.details.get("answered") == http.HTTPStatus.NOT_FOUND


def is_locked(exc: errors.IronicRefused) -> bool:
    """Return whether the node is locked, or in a state in which it cannot be changed yet."""
    words = exc.own_words or ""
    return is_conflict(exc) and any(text in words for text in responses.LOCKED)


_CREDENTIALS = "Check the credentials in [ironic] of the configuration."
_RUNNING = "Check that it is running and that [ironic] of the configuration is right."
_REFUSED = "Change what its reason objects to, and try again."
_FORBIDDEN = (
    "Its reason names what forbids it: a protected node, or a role that the user in [ironic] of "
    "the configuration does not have. Change that, and try again."
)
_FOREIGN_FORM = (
    "The response is not one of Ironic's: check that [ironic] of the configuration has its "
    "address, and what the proxy in front of it does, if there is one."
)


def unavailable(what: str, reason: str) -> errors.IronicUnavailable:
    """Return the error for a response that is not one of Ironic's."""
    return _unavailable(what, _FOREIGN_FORM, reason)


def _converted(what: str, exc: responses.ErrorResponse) -> errors.ValenceError:
    """Return the error for a response: a refusal is final, anything else may pass."""
    if exc.status == 401:
        return _unavailable(what, _CREDENTIALS, exc.message)
    if exc.is_passing:
        return _unavailable(what, _FOREIGN_FORM if exc.is_foreign else _RUNNING, exc.message)
    advice = _FORBIDDEN if exc.status == 403 else _REFUSED
    return errors.IronicRefused(
        f"Ironic refused to {what}. {advice if exc.is_own else _FOREIGN_FORM}",
        reason=exc.message,
        answered=exc.status,
    )


def _unavailable(what: str, advice: str, reason: str | None) -> errors.IronicUnavailable:
    return errors.IronicUnavailable(
        f"The request to Ironic to {what} failed. {advice}", reason=reason
    )


def _message(exc: Exception) -> str | None:
    return " ".join(str(getattr(exc, "message", "") or exc).split()) or None


def _make_client(conf: cfg.ConfigOpts, transport: adapters.BaseAdapter | None) -> Any:
    """Return a client of Ironic that retries nothing on its own.

    :raises IronicNotConfigured: the configuration does not say how to reach Ironic.
    """
    # Imported late: it imports prometheus_client, which workers must prepare for first.
    import ironicclient.client

    options, group = conf.ironic, ironic_conf.GROUP
    if not options.auth_type and not options.auth_section and not options.endpoint_override:
        raise errors.IronicNotConfigured(
            "No Ironic is configured. Set endpoint_override and auth_type in [ironic] of the "
            "configuration, and restart the service."
        )
    http = None
    if transport is not None:
        http = requests.Session()
        http.mount("http://", transport)
        http.mount("https://", transport)
    auth = loading.load_auth_from_conf_options(conf, group) or noauth.NoAuth()
    session: Any = loading.load_session_from_conf_options(conf, group, auth=auth, session=http)
    # keystoneauth would log whole bodies, and with them a BMC's password. ironicclient calls
    # Session.request itself, so that neither Session nor Adapter has an argument against it.
    session.request = responses.checking(session.request)
    adapter = loading.load_adapter_from_conf_options(conf, group, session=session, auth=auth)
    return ironicclient.client.Client(
        "1",
        endpoint_override=adapter.endpoint_override,
        session=session,
        service_type=adapter.service_type,
        interface=adapter.interface,
        region_name=adapter.region_name,
        os_ironic_api_version=MICROVERSION,
        # They would repeat every conflict for seconds; the flows know which ones to repeat.
        max_retries=0,
    )
