# SPDX-License-Identifier: Apache-2.0

"""Who is asking: the strategies of ``[DEFAULT] auth_strategy``, each WSGI around WSGI.

A request without credentials goes on as nobody's: some paths are for everybody,
and the table of routes knows which. Credentials that are wrong are refused here.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import http
import os
from typing import Any

from keystoneauth1 import exceptions as ksa
from keystonemiddleware import auth_token
from oslo_config import cfg
from oslo_context import context as oslo_context
from oslo_log import log as logging
from oslo_middleware import basic_auth
from oslo_middleware import exceptions as middleware_errors
import webob.exc

from valence import errors
from valence.api import request as api_request
from valence.api.credential_cache import Remembered

LOG = logging.getLogger(__name__)

Environ = dict[str, Any]
WSGI = Callable[[Environ, Any], Iterable[bytes]]
Strategy = Callable[[WSGI, cfg.ConfigOpts], WSGI]

#: Where the WSGI environment has what auth_token keeps accepted tokens in.
TOKENS = "valence.tokens"

#: attribute of a context -> where auth_token says it. Nothing else is believed: other
#: headers of these kinds are the client's own.
CLAIMS = {
    "user_id": "HTTP_X_USER_ID",
    "user_name": "HTTP_X_USER_NAME",
    "user_domain_id": "HTTP_X_USER_DOMAIN_ID",
    "project_id": "HTTP_X_PROJECT_ID",
    "project_name": "HTTP_X_PROJECT_NAME",
    "project_domain_id": "HTTP_X_PROJECT_DOMAIN_ID",
    "domain_id": "HTTP_X_DOMAIN_ID",
    "system_scope": "HTTP_OPENSTACK_SYSTEM_SCOPE",
}

#: Status that says that auth_token let the request through.
CONFIRMED = 204

#: For how long a password that was right is not computed again, seconds. One that is
#: taken out of the file is refused at once all the same.
PASSWORD_SECONDS = 300

#: What somebody is who is known to this process by password, as with Ironic.
EVERYTHING = ["admin", "member", "reader"]


def noauth(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Take everybody for the administrator."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        environ[api_request.CONTEXT] = _context(environ, user_id="noauth", roles=EVERYTHING)
        return app(environ, start_response)

    return answer


class HTTPBasic:
    """Take those for administrators who have a password in an htpasswd file (bcrypt).

    The file is read at each request, so that an edited one counts at once. bcrypt
    is slow by design: what it said is remembered for the file as it was.

    :raises ValueError: the file cannot be read, or has other than bcrypt's digests.
    """

    def __init__(self, app: WSGI, conf: cfg.ConfigOpts) -> None:
        self._app = app
        self._file = conf.http_basic_auth_user_file
        self._known: Remembered[str] = Remembered(PASSWORD_SECONDS)
        self._refused: Remembered[bool] = Remembered(conf.refused_credentials_time)
        try:
            basic_auth.validate_auth_file(self._file)
        except (middleware_errors.ConfigInvalid, webob.exc.HTTPBadRequest) as exc:
            raise ValueError(f"{self._file} (http_basic_auth_user_file): {exc}") from exc

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        environ[api_request.CHALLENGE] = 'Basic realm="Valence", charset="UTF-8"'
        header = environ.get("HTTP_AUTHORIZATION")
        user = None if header is None else self._user(header)
        roles = EVERYTHING if user else []
        environ[api_request.CONTEXT] = _context(environ, user_id=user, user_name=user, roles=roles)
        return self._app(environ, start_response)

    def _user(self, header: str) -> str:
        key = (header, self._stamp())
        known = self._known.get(key)
        if known is not None:
            return known
        if self._refused.get(key):
            raise _refused()
        try:
            token = basic_auth.parse_header({"HTTP_AUTHORIZATION": header})
            username, password = basic_auth.parse_token(token)
        except webob.exc.HTTPError as exc:
            raise errors.Unauthenticated(f"{exc} Send Basic credentials.") from exc
        try:
            basic_auth.authenticate(self._file, username, password)
        except (webob.exc.HTTPUnauthorized, ValueError) as exc:
            # ValueError: longer than bcrypt takes, so that it is nobody's password.
            self._refused.set(key, True)
            raise _refused() from exc
        except webob.exc.HTTPBadRequest as exc:
            raise errors.Unhealthy(
                "The file with the passwords cannot be read. Look at the log of the service."
            ) from exc
        self._known.set(key, username)
        return username

    def _stamp(self) -> tuple[int, int]:
        try:
            found = os.stat(self._file)
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino


class Keystone:
    """Ask Keystone whose a token is, with keystonemiddleware.

    :raises ValueError: ``[keystone_authtoken]`` does not say how to log in to Keystone.
    """

    def __init__(self, app: WSGI, conf: cfg.ConfigOpts) -> None:
        self._app = app
        # The decision is ours when there is no token, and only then: delayed, a Keystone
        # that is away could not be told from a token that is wrong.
        options = {"oslo_config_config": conf, "delay_auth_decision": False, "cache": TOKENS}
        try:
            self._protocol = auth_token.AuthProtocol(_confirmed, options)
        except (ksa.ClientException, auth_token.ConfigurationError, cfg.Error) as exc:
            raise ValueError(f"[keystone_authtoken] is not complete: {exc}") from exc
        found = conf.keystone_authtoken
        if not (found.auth_type or found.auth_section):
            raise ValueError("[keystone_authtoken] is not complete: it needs an auth_type")
        self._memory: Remembered[Any] | None = None
        if not found.memcached_servers:
            self._memory = Remembered(found.token_cache_time)
        self._refused: Remembered[bool] = Remembered(conf.refused_credentials_time)
        self._challenge = f'Keystone uri="{found.www_authenticate_uri or ""}"'

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        environ[api_request.CHALLENGE] = self._challenge
        claims: dict[str, Any] = {}
        if environ.get("HTTP_X_AUTH_TOKEN"):
            self._confirm(environ)
            claims = {name: environ.get(header) for name, header in CLAIMS.items()}
            claims["roles"] = _words(environ.get("HTTP_X_ROLES"))
            claims["service_roles"] = _words(environ.get("HTTP_X_SERVICE_ROLES"))
        environ[api_request.CONTEXT] = _context(environ, **claims)
        return self._app(environ, start_response)

    def _confirm(self, environ: Environ) -> None:
        """Have the token checked; afterwards the environment says whose it is.

        :raises Unauthenticated: Keystone refuses it.
        :raises IdentityUnavailable: Keystone does not answer.
        """
        key = environ["HTTP_X_AUTH_TOKEN"], environ.get("HTTP_X_SERVICE_TOKEN")
        if self._refused.get(key):
            raise _refused()
        for header in CLAIMS.values():  # auth_token leaves some where a token has none
            environ.pop(header, None)
        environ[TOKENS] = self._memory
        code = self._ask(environ)
        if code == CONFIRMED:
            return
        if code in (401, 403):
            self._refused.set(key, True)
            raise _refused()
        raise errors.IdentityUnavailable(
            "Keystone does not answer, so that nobody knows who is asking. Try again later."
        )

    def _ask(self, environ: Environ) -> int:
        """Give the status with which auth_token answers; it logs what is wrong itself."""
        said: list[str] = []
        try:
            self._protocol(environ, lambda status, *_headers: said.append(status))
        except ksa.ClientException as exc:
            LOG.error("Keystone cannot be asked: %s", exc)
            return http.HTTPStatus.SERVICE_UNAVAILABLE
        return int(said[0].split()[0])


def _confirmed(environ: Environ, start_response: Any) -> Iterable[bytes]:
    start_response(f"{CONFIRMED} No Content", [])
    return []


def _words(listed: str | None) -> list[str]:
    return [word.strip() for word in (listed or "").split(",") if word.strip()]


def _context(environ: Environ, **values: Any) -> oslo_context.RequestContext:
    return oslo_context.RequestContext(
        request_id=environ[api_request.REQUEST_ID],
        global_request_id=environ.get(api_request.GLOBAL_REQUEST_ID),
        **values,
    )


def _refused() -> errors.Unauthenticated:
    return errors.Unauthenticated("These credentials are not accepted. Log in again.")


#: ``[DEFAULT] auth_strategy`` -> the middleware that does it
STRATEGIES: Mapping[str, Strategy] = {
    "noauth": noauth,
    "http_basic": HTTPBasic,
    "keystone": Keystone,
}
