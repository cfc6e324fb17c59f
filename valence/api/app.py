# SPDX-License-Identifier: Apache-2.0

"""The WSGI application: the handlers, and what stands before them."""

from valence.api import middleware
from valence.api import routes
from valence.service import Service

#: From the outside inwards; each says in its docstring what it does.
MIDDLEWARE = (
    # First, so that every answer bears an id, that of an error too.
    middleware.request_id,
    # Sees the status that the client sees.
    middleware.access_log,
    # Counts what the client sees, refusals too.
    middleware.measured,
    # Before anybody is asked who is asking: browsers ask without credentials first.
    middleware.cors,
    # Around everything that may raise.
    middleware.one_error_form,
    # Before anybody reads a body, and before anybody is asked who is asking.
    middleware.body_limit,
    # Last: what is behind it knows who is asking.
    middleware.authentication,
)


def application(service: Service) -> middleware.WSGI:
    """Make the WSGI application of a service."""
    app: middleware.WSGI = routes.Application(service)
    for wrap in reversed(MIDDLEWARE):
        app = wrap(app, service.conf)
    return app
