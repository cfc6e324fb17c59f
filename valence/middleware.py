# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""What every request passes on its way to a handler. Each is WSGI around WSGI."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from oslo_config import cfg
from oslo_context import context as oslo_context
from oslo_log import log as logging
import werkzeug
from werkzeug import exceptions

from valence import calls
from valence import errors
from valence import reading

LOG = logging.getLogger(__name__)

Environ = dict[str, Any]
WSGI = Callable[[Environ, Any], Iterable[bytes]]

REQUEST_ID = "valence.request_id"

HEADER = "X-Openstack-Request-Id"


def request_id(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Give every request an id that is in its answer and in every log line."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        environ[REQUEST_ID] = oslo_context.generate_request_id()

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, (HEADER, environ[REQUEST_ID])], *more)

        return app(environ, start)

    return answer


def access_log(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Log every request that changes something, and with debug the others."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            level = logging.DEBUG if method in ("GET", "HEAD") else logging.INFO
            LOG.log(level, "%s %r -> %s [%s]", method, path, status[:3], environ[REQUEST_ID])
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
            LOG.exception("Request %s failed", environ[REQUEST_ID])
            error = errors.ValenceError(
                "Something went wrong that is no fault of the request. Tell whoever runs the "
                f"service, with the request id {environ[REQUEST_ID]}."
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


def authentication(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Find out who is asking, in the way that the configuration says."""
    return STRATEGIES[conf.auth_strategy](app, conf)


def noauth(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Take everybody for the administrator."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        environ[reading.CONTEXT] = oslo_context.RequestContext(
            user_id="noauth",
            roles=["admin", "member", "reader"],
            is_admin=True,
            request_id=environ[REQUEST_ID],
        )
        return app(environ, start_response)

    return answer


#: ``[DEFAULT] auth_strategy`` -> the middleware that does it
STRATEGIES: Mapping[str, Callable[[WSGI, cfg.ConfigOpts], WSGI]] = {"noauth": noauth}


def _response(error: errors.ValenceError, environ: Environ) -> werkzeug.Response:
    details = error.details
    form = {key: details[key] for key in ("status", "code", "title")}
    form["detail"] = error.detail
    if error.own_words:
        form["reason"] = error.own_words
    form["request_id"] = environ[REQUEST_ID]
    headers = {"Allow": ", ".join(details["allow"])} if "allow" in details else None
    return calls.answer({"errors": [form]}, details["status"], headers)
