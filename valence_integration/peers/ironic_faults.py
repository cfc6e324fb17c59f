# SPDX-License-Identifier: Apache-2.0

"""Convert what requests to Ironic end in to faults."""

from collections.abc import Iterator
import contextlib
import re
from typing import Any

from ironicclient import exc as ironic_exc
from keystoneauth1 import exceptions as ksa_exceptions

from valence_conductor import responses
from valence_integration import errors
from valence_integration.peers.converge import Busy
from valence_integration.peers.converge import Unavailable

_REFUSED = "Ironic refused the request:"
_UNAVAILABLE = "Ironic does not respond; check that it is running, and group [ironic]:"
_CREDENTIALS = "Ironic rejected the credentials; check the credentials in group [ironic]:"
_FOREIGN = (
    "The response is not one of Ironic's; check the address in group [ironic], and the proxy in "
    "front of it if there is one:"
)


@contextlib.contextmanager
def converted_errors() -> Iterator[None]:
    """Convert errors to faults; Ironic's own 404 passes unchanged.

    Only a response after which the same request may succeed is Unavailable or Busy.
    """
    try:
        yield
    except responses.ErrorResponse as exc:
        if exc.status == 404 and exc.is_own:
            raise
        raise _fault_of(exc) from exc
    except ksa_exceptions.Unauthorized as exc:
        raise errors.fault(errors.IRONIC_REFUSED, _CREDENTIALS, _message(exc)) from exc
    except (ksa_exceptions.ConnectionError, ksa_exceptions.HttpError, OSError) as exc:
        raise unavailable(_UNAVAILABLE, _message(exc)) from exc
    except (errors.InvalidRequest, ironic_exc.ClientException) as exc:
        raise errors.fault(errors.IRONIC_REFUSED, _REFUSED, _message(exc)) from exc
    except ksa_exceptions.ClientException as exc:
        sentence = "Ironic cannot be reached; check group [ironic]:"
        raise errors.fault(errors.IRONIC_UNAVAILABLE, sentence, _message(exc)) from exc


def foreign(reason: str) -> Unavailable:
    """Return the fault of a response that is not one of Ironic's."""
    return unavailable(_FOREIGN, reason)


def unavailable(sentence: str, reason: str) -> Unavailable:
    """Return the fault of a service that may serve the request later."""
    return Unavailable(*_arguments(errors.IRONIC_UNAVAILABLE, sentence, reason))


def _fault_of(exc: responses.ErrorResponse) -> Exception:
    if exc.status == 401:
        return errors.fault(errors.IRONIC_REFUSED, _CREDENTIALS, exc.message)
    if exc.is_passing:
        return unavailable(_FOREIGN if exc.is_foreign else _UNAVAILABLE, exc.message)
    if exc.is_locked:
        return Busy(*_arguments(errors.IRONIC_REFUSED, _REFUSED, exc.message))
    return errors.fault(errors.IRONIC_REFUSED, _REFUSED, exc.message)


def _arguments(code: str, sentence: str, reason: str) -> tuple[str, dict[str, Any]]:
    fault = errors.fault(code, sentence, reason)
    return fault.reason, fault.details


def _message(exc: Exception) -> str:
    """Return the service's own message, without what the client appends to it."""
    return re.sub(r"(\s*\((HTTP \d+|Request-ID: [^)]*)\))+$", "", str(exc)).strip()
