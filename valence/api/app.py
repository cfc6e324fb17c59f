# SPDX-License-Identifier: Apache-2.0

"""The WSGI application: the routes, wrapped in the middleware."""

from valence.api import middleware
from valence.api import routes
from valence.service import Service

#: Outermost first.
MIDDLEWARE = (
    # Before anything reads the client's address or the service's URL.
    middleware.proxy_headers,
    # So that every response has an id, those with errors included.
    middleware.request_id,
    # Logs the status that the client receives.
    middleware.access_log,
    # Counts what the client receives, refusals included.
    middleware.measured,
    # Before authentication: browsers send preflight requests without credentials.
    middleware.cors,
    # Around everything that may raise.
    middleware.error_responses,
    # Before anything reads a body, and before credentials are checked.
    middleware.content_length,
    # Innermost: everything behind it has the context of the request.
    middleware.authentication,
)


def application(service: Service) -> middleware.WSGI:
    """Return the WSGI application of a service."""
    app: middleware.WSGI = routes.Application(service)
    for wrap in reversed(MIDDLEWARE):
        app = wrap(app, service.conf)
    return app
