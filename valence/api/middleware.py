# SPDX-License-Identifier: Apache-2.0

"""What every request passes on its way to a handler. Each is WSGI around WSGI."""

from collections.abc import Callable
from collections.abc import Iterable
import re
import time
from typing import Any

from oslo_config import cfg
from oslo_context import context as oslo_context
from oslo_log import log as logging
from oslo_middleware import cors as oslo_cors
import werkzeug
from werkzeug import exceptions

from valence import errors
from valence.api import authentication as strategies
from valence.api import call as api_call
from valence.api import metrics
from valence.api import request as api_request

LOG = logging.getLogger(__name__)

Environ = dict[str, Any]
WSGI = Callable[[Environ, Any], Iterable[bytes]]

HEADER = "X-Openstack-Request-Id"

#: What a client may send as its own id for a chain of requests.
GLOBAL_ID = re.compile(r"req-[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")

#: details of an error that are in its answer as they are
SAID_IN_FULL = ("checks", "reasons")

#: details of an error -> the header that says it to programs
SAID_IN_HEADERS = {"allow": "Allow", "challenge": "WWW-Authenticate"}


def request_id(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Give every request an id that is in its answer and in every log line.

    The one that a client sends is that of a chain of requests through several
    services: it is in the log beside ours.
    """

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        environ[api_request.REQUEST_ID] = oslo_context.generate_request_id()
        sent = environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")
        environ[api_request.GLOBAL_REQUEST_ID] = sent if GLOBAL_ID.fullmatch(sent) else None

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            identified = [*headers, (HEADER, environ[api_request.REQUEST_ID])]
            return start_response(status, identified, *more)

        return app(environ, start)

    return answer


def access_log(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Log every request that changes something, and with debug the others."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            level = logging.DEBUG if method in ("GET", "HEAD") else logging.INFO
            ids = environ[api_request.REQUEST_ID], environ[api_request.GLOBAL_REQUEST_ID] or "-"
            LOG.log(level, "%s %r -> %s [%s %s]", method, path, status[:3], *ids)
            return start_response(status, headers, *more)

        return app(environ, start)

    return answer


def one_error_form(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Give whatever goes wrong below the one form that the API has for it."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except errors.ValenceError as exc:
            error = exc
        except exceptions.HTTPException as exc:
            error = errors.RequestInvalid(f"The request cannot be understood: {exc.description}")
        except Exception:  # the top of a request: nothing of this may reach a client
            LOG.exception("Request %s failed", environ[api_request.REQUEST_ID])
            error = errors.ValenceError(
                "Something went wrong that is no fault of the request. Tell whoever runs the "
                f"service, with the request id {environ[api_request.REQUEST_ID]}."
            )
        return _response(error, environ)(environ, start_response)

    return answer


def body_limit(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Refuse a body by its announced length, before any of it is read."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        announced = environ.get("CONTENT_LENGTH") or "0"
        if announced.isdigit() and int(announced) > conf.max_request_body:
            raise errors.BodyTooLarge(
                f"The body is longer than the {conf.max_request_body} bytes that are read."
            )
        return app(environ, start_response)

    return answer


def measured(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Count requests, and how long they took until their answers could be sent."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        began, said = time.monotonic(), ["500"]

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            said[0] = status[:3]
            return start_response(status, headers, *more)

        try:
            return app(environ, start)
        finally:
            route = environ.get(api_request.ROUTE, "(none)")
            seconds = time.monotonic() - began
            metrics.count(route, environ["REQUEST_METHOD"], said[0], seconds)

    return answer


def cors(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Let pages of other origins ask, if the configuration names any."""
    made = oslo_cors.CORS(app, conf)
    return made if made.allowed_origins else app


def authentication(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Find out who is asking, in the way that the configuration says."""
    known = strategies.STRATEGIES[conf.auth_strategy](app, conf)

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        try:
            return known(environ, start_response)
        except errors.Unauthenticated as exc:
            raise exc.challenged(environ.get(api_request.CHALLENGE)) from exc

    return answer


def _response(error: errors.ValenceError, environ: Environ) -> werkzeug.Response:
    details = error.details
    form = {key: details[key] for key in ("status", "code", "title")}
    form["detail"] = error.detail
    if error.own_words:
        form["reason"] = error.own_words
    form.update({key: details[key] for key in SAID_IN_FULL if details.get(key)})
    form["request_id"] = environ[api_request.REQUEST_ID]
    headers = {header: details[key] for key, header in SAID_IN_HEADERS.items() if details.get(key)}
    return api_call.answer({"errors": [form]}, details["status"], headers)
