# SPDX-License-Identifier: Apache-2.0

"""Authentication: the strategies of ``[DEFAULT] auth_strategy``, as WSGI middleware.

A request without credentials passes with an empty context: some paths are public, and the
table of routes determines which. Wrong credentials are refused here.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import http
import os
import pathlib
import random
import re
import secrets
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
from valence.api.credential_cache import CredentialCache

LOG = logging.getLogger(__name__)

Environ = dict[str, Any]
WSGI = Callable[[Environ, Any], Iterable[bytes]]
Strategy = Callable[[WSGI, cfg.ConfigOpts], WSGI]

#: Key in the WSGI environment of the cache in which auth_token stores accepted tokens.
TOKENS = "valence.tokens"

#: attribute of a context -> the header in which auth_token sets it. Other headers of these
#: kinds are ignored: the client may have sent them.
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

#: Status of the application behind auth_token: it accepted the token.
ACCEPTED = 204

#: Seconds for which a correct password is not hashed again. A password that is removed from
#: the file is refused at once all the same.
PASSWORD_SECONDS = 300

#: The cost in each line of an htpasswd file.
COST = re.compile(r"^[^:\n]*:\$2[aby]\$(\d\d)\$", re.MULTILINE)

#: The cost of a digest if the file has none: htpasswd's and bcrypt's own default differ.
DEFAULT_COST = "12"

#: A salt and a digest of bcrypt that are no password's.
NO_DIGEST = "." * 53

#: A token of Keystone: visible characters of ASCII. Keystone's own limit ([DEFAULT]
#: max_token_size) is 255 by default; HTTP servers take about 8 KiB for a header.
TOKEN = re.compile("[!-~]{1,8192}")

#: Statuses with which an HTTP server or Keystone refuses the header that has the token.
BAD_HEADER = {400, 413, 414, 431}

#: What keystonemiddleware raises if Keystone cannot be reached, or answers nonsense.
KEYSTONE_FAILURES = (
    *(ksa.ClientException, NotImplementedError),
    *(LookupError, TypeError, ValueError, AttributeError),
)

#: Roles of every user without Keystone, as in Ironic.
ALL_ROLES = ["admin", "member", "reader"]


def noauth(app: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Accept every request as the administrator's."""

    def call(environ: Environ, start_response: Any) -> Iterable[bytes]:
        environ[api_request.CONTEXT] = _context(environ, user_id="noauth", roles=ALL_ROLES)
        return app(environ, start_response)

    return call


class HTTPBasic:
    """Accept users of an htpasswd file (bcrypt) as administrators.

    The file is read at each request, so that a change takes effect at once. bcrypt is slow by
    design: its results are cached for as long as the file is unchanged.

    :raises ValueError: the file cannot be read, or has digests other than bcrypt's.
    """

    def __init__(self, app: WSGI, conf: cfg.ConfigOpts) -> None:
        self._app = app
        self._file = conf.http_basic_auth_user_file
        self._salt = secrets.token_hex()
        self._accepted: CredentialCache[str] = CredentialCache(PASSWORD_SECONDS)
        self._refused: CredentialCache[bool] = CredentialCache(conf.refused_credentials_time)
        try:
            basic_auth.validate_auth_file(self._file)
        except (middleware_errors.ConfigInvalid, webob.exc.HTTPBadRequest) as exc:
            raise ValueError(f"{self._file} (http_basic_auth_user_file): {exc}") from exc

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass a request on with its context.

        :raises Unauthenticated: its credentials are wrong.
        :raises Unhealthy: the file cannot be read.
        """
        environ[api_request.CHALLENGE] = 'Basic realm="Valence", charset="UTF-8"'
        header = environ.get("HTTP_AUTHORIZATION")
        user = None if header is None else self._user(header)
        roles = ALL_ROLES if user else []
        environ[api_request.CONTEXT] = _context(environ, user_id=user, user_name=user, roles=roles)
        return self._app(environ, start_response)

    def _user(self, header: str) -> str:
        key = (header, self._file_version())
        accepted = self._accepted.get(key)
        if accepted is not None:
            return accepted
        if self._refused.get(key):
            raise _unauthenticated()
        try:
            token = basic_auth.parse_header({"HTTP_AUTHORIZATION": header})
            username, password = basic_auth.parse_token(token)
        except webob.exc.HTTPError as exc:
            raise errors.Unauthenticated(f"{exc} Send Basic credentials.") from exc
        try:
            self._check_password(username, password)
        except (webob.exc.HTTPUnauthorized, ValueError) as exc:
            # ValueError: longer than bcrypt accepts, so it is no user's password.
            self._refused.set(key, True)
            raise _unauthenticated() from exc
        except (webob.exc.HTTPBadRequest, OSError) as exc:
            raise errors.Unhealthy(
                "The password file cannot be read. Check the log of the service."
            ) from exc
        self._accepted.set(key, username)
        return username

    def _check_password(self, username: str, password: bytes) -> None:
        """Check a password; basic_auth.authenticate would not hash that of an unknown user.

        The time that a refusal takes must not show which users exist. The digest that stands
        in for that of an unknown user has the cost of some user's, always of the same.

        :raises HTTPUnauthorized: there is no such user, or it is not the user's password.
        :raises HTTPBadRequest: the digest in the file is not bcrypt's.
        :raises OSError: the file cannot be read.
        """
        try:
            lines = pathlib.Path(self._file).read_text(encoding="utf-8").splitlines()
        except OSError as exc:
            LOG.error("Could not read %s: %s", self._file, exc)
            raise
        entries: dict[str, str] = {}
        for line in filter(None, map(str.strip, lines)):
            entries.setdefault(line.partition(":")[0], line)  # the first one counts
        costs = COST.findall("\n".join(entries.values())) or [DEFAULT_COST]
        cost = random.Random(f"{self._salt}{username}").choice(costs)  # noqa: S311
        absent = f"{username}:$2b${cost}${NO_DIGEST}"
        basic_auth.auth_entry(entries.get(username, absent), password)
        if username not in entries:
            raise webob.exc.HTTPUnauthorized()

    def _file_version(self) -> tuple[int, int]:
        try:
            status = os.stat(self._file)
        except OSError:
            return 0, 0
        return status.st_mtime_ns, status.st_ino


class _AuthProtocol(auth_token.AuthProtocol):
    """keystonemiddleware's, which takes a token that Keystone cannot read for an outage."""

    def fetch_token(self, token: str, **options: Any) -> Any:
        """Return the data of a token.

        :raises InvalidToken: Keystone rejects it, or the request that contains it.
        :raises HTTPServiceUnavailable: Keystone does not respond as it should.
        """
        try:
            return super().fetch_token(token, **options)
        except webob.exc.HTTPServiceUnavailable as exc:
            cause: BaseException | None = exc
            while cause is not None and not isinstance(cause, ksa.HttpError):
                cause = cause.__context__
            # Keystone answers 400 also to a login of this service, which is a POST.
            if cause and cause.http_status in BAD_HEADER and cause.method == "GET":
                raise auth_token.InvalidToken(str(cause)) from exc
            raise


class Keystone:
    """Validate tokens with Keystone, through keystonemiddleware.

    :raises ValueError: ``[keystone_authtoken]`` is not complete.
    """

    def __init__(self, app: WSGI, conf: cfg.ConfigOpts) -> None:
        self._app = app
        # auth_token decides about every token, and requests without one do not reach it. If it
        # delayed its decision, an unavailable Keystone would look like a wrong token.
        options = {"oslo_config_config": conf, "delay_auth_decision": False, "cache": TOKENS}
        try:
            self._protocol = _AuthProtocol(_accept, options)
        except (ksa.ClientException, auth_token.ConfigurationError, cfg.Error) as exc:
            raise ValueError(f"[keystone_authtoken] is not complete: {exc}") from exc
        group = conf.keystone_authtoken
        if not (group.auth_type or group.auth_section):
            raise ValueError("[keystone_authtoken] is not complete: it needs an auth_type")
        self._tokens: CredentialCache[Any] | None = None
        if not group.memcached_servers:
            self._tokens = CredentialCache(group.token_cache_time)
        self._refused: CredentialCache[bool] = CredentialCache(conf.refused_credentials_time)
        self._challenge = f'Keystone uri="{group.www_authenticate_uri or ""}"'

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass a request on with its context.

        :raises Unauthenticated: Keystone rejects its token.
        :raises IdentityUnavailable: Keystone does not respond.
        """
        environ[api_request.CHALLENGE] = self._challenge
        claims: dict[str, Any] = {}
        if environ.get("HTTP_X_AUTH_TOKEN"):
            self._validate(environ)
            claims = {name: environ.get(header) for name, header in CLAIMS.items()}
            claims["roles"] = _split(environ.get("HTTP_X_ROLES"))
            claims["service_roles"] = _split(environ.get("HTTP_X_SERVICE_ROLES"))
        environ[api_request.CONTEXT] = _context(environ, **claims)
        return self._app(environ, start_response)

    def _validate(self, environ: Environ) -> None:
        """Validate the token; auth_token puts its claims into the environment.

        :raises Unauthenticated: Keystone rejects it.
        :raises IdentityUnavailable: Keystone does not respond.
        """
        key = environ["HTTP_X_AUTH_TOKEN"], environ.get("HTTP_X_SERVICE_TOKEN")
        if not all(TOKEN.fullmatch(token) for token in key if token) or self._refused.get(key):
            raise _unauthenticated()
        for header in CLAIMS.values():  # auth_token does not clear those that a token lacks
            environ.pop(header, None)
        environ[TOKENS] = self._tokens
        status = self._call_auth_token(environ)
        if status == ACCEPTED:
            return
        if status in (401, 403):
            self._refused.set(key, True)
            raise _unauthenticated()
        raise errors.IdentityUnavailable(
            "Keystone does not respond, so the token cannot be validated. Try again later."
        )

    def _call_auth_token(self, environ: Environ) -> int:
        """Return the status with which auth_token responds; it logs errors itself."""
        statuses: list[str] = []
        try:
            self._protocol(environ, lambda status, *_headers: statuses.append(status))
        except KEYSTONE_FAILURES as exc:
            LOG.error("Could not validate a token with Keystone: %r", exc)
            return http.HTTPStatus.SERVICE_UNAVAILABLE
        return int(statuses[0].split()[0])


def _accept(environ: Environ, start_response: Any) -> Iterable[bytes]:
    start_response(f"{ACCEPTED} No Content", [])
    return []


def _split(header: str | None) -> list[str]:
    return [word.strip() for word in (header or "").split(",") if word.strip()]


def _context(environ: Environ, **values: Any) -> oslo_context.RequestContext:
    return oslo_context.RequestContext(
        request_id=environ[api_request.REQUEST_ID],
        global_request_id=environ.get(api_request.GLOBAL_REQUEST_ID),
        **values,
    )


def _unauthenticated() -> errors.Unauthenticated:
    return errors.Unauthenticated("These credentials are not valid. Log in again.")


#: ``[DEFAULT] auth_strategy`` -> its middleware
STRATEGIES: Mapping[str, Strategy] = {
    "noauth": noauth,
    "http_basic": HTTPBasic,
    "keystone": Keystone,
}
