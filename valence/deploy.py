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


"""The WSGI application: the handlers, and what stands before them."""

from valence import handler
from valence import middleware
from valence import service as services

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


def application(service: services.Service) -> middleware.WSGI:
    """Make the WSGI application of a service."""
    app: middleware.WSGI = handler.Application(service)
    for wrap in reversed(MIDDLEWARE):
        app = wrap(app, service.conf)
    return app
