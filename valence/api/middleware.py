# SPDX-License-Identifier: Apache-2.0

"""The WSGI middleware that every request passes on its way to a handler.

oslo.middleware's is used where it does the same. Where it is not, a comment says why.
"""

from collections.abc import Callable
from collections.abc import Iterable
import re
import time
from typing import Any

from oslo_config import cfg
from oslo_context import context as oslo_context
from oslo_log import log as logging
from oslo_middleware import cors as oslo_cors
from oslo_middleware import http_proxy_to_wsgi
import werkzeug
from werkzeug import exceptions

from valence import errors
from valence.api import authentication as strategies
from valence.api import call as api_call
from valence.api import metrics
from valence.api import request as api_request
from valence_conductor import waiting
from valence_conductor.db import engine as db_engine

LOG = logging.getLogger(__name__)

Environ = dict[str, Any]
WSGI = Callable[[Environ, Any], Iterable[bytes]]

HEADER = "X-Openstack-Request-Id"

#: What a client may send as its own id for a chain of requests.
GLOBAL_ID = re.compile(r"req-[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")

#: What Content-Length may be (RFC 9110, 8.6); more digits than these are too large at any rate.
LENGTH = re.compile(r"[0-9]+")
MAX_DIGITS = 18

#: Seconds after which a client may repeat a request that the database failed.
RETRY_AFTER = "10"

#: Details of an error that its response contains unchanged.
BODY_DETAILS = ("checks", "reasons")

#: detail of an error -> the header that contains it
HEADER_DETAILS = {"allow": "Allow", "challenge": "WWW-Authenticate", "retry_after": "Retry-After"}


def proxy_headers(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Apply the headers in which a proxy forwards scheme, host and prefix, if enabled."""
    parser = http_proxy_to_wsgi.HTTPProxyToWSGI(app, conf)  # registers its option
    wrapped: WSGI = parser
    return wrapped if conf.oslo_middleware.enable_proxy_headers_parsing else app


# oslo.middleware's RequestId is not used: its match accepts an id with a newline at the end,
# it keeps the id that an inner application has put into the response, and webob parses and
# rebuilds each request and response for it.
def request_id(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Generate an id for each request, which is in its response and in every log line.

    An id that the client sends is that of a chain of requests through several services: the
    log has it beside the generated one.
    """

    def call(environ: Environ, start_response: Any) -> Iterable[bytes]:
        environ[api_request.REQUEST_ID] = oslo_context.generate_request_id()
        received = environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")
        valid = GLOBAL_ID.fullmatch(received)
        environ[api_request.GLOBAL_REQUEST_ID] = received if valid else None

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            with_id = [*headers, (HEADER, environ[api_request.REQUEST_ID])]
            return start_response(status, with_id, *more)

        return app(environ, start)

    return call


def access_log(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Log requests: those that may change something as INFO, the others as DEBUG."""

    def call(environ: Environ, start_response: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            level = logging.DEBUG if method in ("GET", "HEAD") else logging.INFO
            ids = environ[api_request.REQUEST_ID], environ[api_request.GLOBAL_REQUEST_ID] or "-"
            LOG.log(level, "%s %r -> %s [%s %s]", method, path, status[:3], *ids)
            return start_response(status, headers, *more)

        return app(environ, start)

    return call


def error_responses(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Convert every exception to a response in the API's one form of errors."""

    def call(environ: Environ, start_response: Any) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except errors.ValenceError as exc:
            error = exc
        except exceptions.HTTPException as exc:
            error = errors.RequestInvalid(f"The request cannot be parsed: {exc.description}")
        except Exception as exc:  # the top of a request: no details of this may reach a client
            error = _unexpected(exc, environ[api_request.REQUEST_ID])
        return _error_response(error, environ)(environ, start_response)

    return call


def content_length(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Refuse a request that announces the length of its body in a way that is not clear.

    How long a body may be is checked when it is read, after the policy was.
    """

    def call(environ: Environ, start_response: Any) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        if not LENGTH.fullmatch(length):  # werkzeug would read "+60" and "6_0"
            raise errors.RequestInvalid(
                f"Content-Length is {length[:40]!r}, which is not a number of bytes."
            )
        if environ.get("CONTENT_LENGTH") and environ.get("HTTP_TRANSFER_ENCODING"):
            raise errors.RequestInvalid("Send either Content-Length or Transfer-Encoding.")
        if len(length) > MAX_DIGITS:
            raise errors.BodyTooLarge(
                f"The body is longer than the limit of {conf.max_request_body} bytes. Send a "
                "shorter one."
            )
        return app(environ, start_response)

    return call


def measured(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Count requests, and measure the seconds until their responses can be sent."""

    def call(environ: Environ, start_response: Any) -> Iterable[bytes]:
        started, code = time.monotonic(), "500"

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            nonlocal code
            code = status[:3]
            return start_response(status, headers, *more)

        try:
            return app(environ, start)
        finally:
            route = environ.get(api_request.ROUTE, "(none)")
            seconds = time.monotonic() - started
            metrics.count(route, environ["REQUEST_METHOD"], code, seconds)

    return call


def cors(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Allow requests from pages of other origins, if the configuration has any."""
    wrapped = oslo_cors.CORS(app, conf)
    return wrapped if wrapped.allowed_origins else app


def authentication(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Authenticate requests with the configured strategy."""
    strategy = strategies.STRATEGIES[conf.auth_strategy](app, conf)

    def call(environ: Environ, start_response: Any) -> Iterable[bytes]:
        try:
            return strategy(environ, start_response)
        except errors.Unauthenticated as exc:
            raise exc.with_challenge(environ.get(api_request.CHALLENGE)) from exc

    return call


def _unexpected(exc: Exception, request_id: str) -> errors.ValenceError:
    """Log an exception that no handler expects, and return the error that stands for it."""
    if db_engine.is_unavailable(exc):
        reason = waiting.reason_of(exc)
        LOG.error("Request %s failed: the database is unavailable: %s", request_id, reason)
        return errors.DatabaseUnavailable(
            "The database of the service is unavailable. Repeat the request later; a POST may "
            "have taken effect.",
            db_engine.reason_of(exc),
            retry_after=RETRY_AFTER,
        )
    LOG.error("Request %s failed", request_id, exc_info=exc)
    return errors.ValenceError(
        "The service failed to process this request, which is a bug. Report it to the "
        f"administrator, with the request id {request_id}."
    )


def _error_response(error: errors.ValenceError, environ: Environ) -> werkzeug.Response:
    details = error.details
    body = {key: details[key] for key in ("status", "code", "title")}
    body["detail"] = details.get("shown") or error.detail
    if details.get("shown"):
        LOG.info("Request %s is refused: %s", environ[api_request.REQUEST_ID], error)
    elif error.own_words:
        body["reason"] = error.own_words
    body.update({key: details[key] for key in BODY_DETAILS if details.get(key)})
    body["request_id"] = environ[api_request.REQUEST_ID]
    headers = {header: details[key] for key, header in HEADER_DETAILS.items() if details.get(key)}
    return api_call.json_response({"errors": [body]}, details["status"], headers)
