# SPDX-License-Identifier: Apache-2.0

# Longer than 400 lines: the table of routes is not split.

"""The table of routes, and the application that dispatches a request to its handler."""

from collections.abc import Mapping
import dataclasses
from typing import Any

import werkzeug
from werkzeug import exceptions
from werkzeug import routing as werkzeug_routing

from valence import errors
from valence.api import call as api_call
from valence.api import legacy_routes
from valence.api import openapi
from valence.api import request as api_request
from valence.api.handlers import device
from valence.api.handlers import finding
from valence.api.handlers import flavor
from valence.api.handlers import health
from valence.api.handlers import metrics
from valence.api.handlers import node
from valence.api.handlers import podmanager
from valence.api.handlers import rack
from valence.api.handlers import root
from valence.api.handlers import system
from valence.api.route import Route
from valence.api.schemas import device as device_schemas
from valence.api.schemas import finding as finding_schemas
from valence.api.schemas import flavor as flavor_schemas
from valence.api.schemas import node as node_schemas
from valence.api.schemas import podmanager as podmanager_schemas
from valence.api.schemas import rack as rack_schemas
from valence.api.schemas import root as root_schemas
from valence.api.schemas import system as system_schemas
from valence.objects import base as objects_base
from valence.objects import node as node_objects
from valence.policies import node as node_policies
from valence.service import Service
from valence_conductor import errors as conductor_errors

#: How often a handler is run if another request changes its row meanwhile.
ATTEMPTS = 3

#: Errors of a request to a pod manager.
PODMANAGER_ERRORS = (
    errors.PodManagerUnreachable,
    errors.PodManagerUnauthorized,
    errors.PodManagerRefused,
    errors.PodManagerFailed,
    errors.PodManagerMismatched,
)

#: Path of an object that belongs to a project -> its rows, and the rule for which the object
#: is visible: 404 without it. Applies to every path below it too.
OWNED: Mapping[str, tuple[objects_base.Repository[Any], str]] = {
    "/v1/nodes/<ident>": (node_objects.NODES, "valence:node:get"),
}

#: Errors of a request to Ironic.
IRONIC_ERRORS = (errors.IronicNotConfigured, errors.IronicRefused, errors.IronicUnavailable)


def describe(call: api_call.Call) -> werkzeug.Response:
    """Show this API as an OpenAPI 3.1 document."""
    return api_call.json_response(openapi.document(ROUTES, call.base))


ROUTES: tuple[Route, ...] = (
    Route("GET", "/", root.versions, None, {200: root_schemas.VERSIONS}),
    Route("GET", "/v1", root.version, None, {200: root_schemas.VERSION}),
    Route("GET", "/v1/openapi.json", describe, None, {200: root_schemas.OPENAPI}),
    Route(
        "GET",
        "/healthcheck",
        health.health,
        None,
        {200: root_schemas.HEALTH},
        refuses=(errors.Unhealthy,),
    ),
    Route(
        "GET",
        "/metrics",
        metrics.metrics,
        None,
        {200: root_schemas.METRICS},
        media="text/plain",
    ),
    Route(
        "GET",
        "/v1/podmanagers",
        podmanager.index,
        "valence:podmanager:get",
        {200: podmanager_schemas.PODMANAGERS},
        query=podmanager_schemas.LIST,
    ),
    Route(
        "POST",
        "/v1/podmanagers",
        podmanager.create,
        "valence:podmanager:create",
        {201: podmanager_schemas.PODMANAGER, 200: podmanager_schemas.PODMANAGER},
        body=podmanager_schemas.CREATE,
        refuses=(errors.PodManagerDuplicate,),
    ),
    Route(
        "GET",
        "/v1/podmanagers/<ident>",
        podmanager.show,
        "valence:podmanager:get",
        {200: podmanager_schemas.PODMANAGER},
        refuses=(errors.PodManagerNotFound,),
    ),
    Route(
        "PATCH",
        "/v1/podmanagers/<ident>",
        podmanager.update,
        "valence:podmanager:update",
        {200: podmanager_schemas.PODMANAGER},
        body=podmanager_schemas.UPDATE,
        refuses=(
            errors.PodManagerNotFound,
            errors.PodManagerDuplicate,
            errors.PodManagerMismatched,
            errors.PodManagerUnauthorized,
        ),
    ),
    Route(
        "POST",
        "/v1/podmanagers/<ident>/accept-identity",
        podmanager.accept_identity,
        "valence:podmanager:accept_identity",
        {200: podmanager_schemas.PODMANAGER},
        body=podmanager_schemas.ACCEPT,
        body_required=False,
        refuses=(
            errors.PodManagerNotFound,
            errors.PodManagerDuplicate,
            errors.PodManagerUnauthorized,
        ),
    ),
    Route(
        "DELETE",
        "/v1/podmanagers/<ident>",
        podmanager.delete,
        "valence:podmanager:delete",
        {204: None, 200: podmanager_schemas.FORGOTTEN},
        query=podmanager_schemas.DELETE,
        refuses=(errors.PodManagerNotFound, errors.PodManagerInUse, errors.PodManagerReachable),
    ),
    Route(
        "GET",
        "/v1/systems",
        system.index,
        "valence:system:get",
        {200: system_schemas.SYSTEMS},
        query=system_schemas.LIST,
    ),
    Route(
        "GET",
        "/v1/systems/<ident>",
        system.show,
        "valence:system:get",
        {200: system_schemas.SYSTEM},
        query=system_schemas.SHOW,
        refuses=(errors.SystemNotFound,),
    ),
    Route(
        "GET",
        "/v1/racks",
        rack.index,
        "valence:rack:get",
        {200: rack_schemas.RACKS},
        query=rack_schemas.LIST,
    ),
    Route(
        "GET",
        "/v1/racks/<ident>",
        rack.show,
        "valence:rack:get",
        {200: rack_schemas.RACK},
        query=rack_schemas.SHOW,
        refuses=(errors.RackNotFound,),
    ),
    Route(
        "GET",
        "/v1/findings",
        finding.index,
        "valence:finding:list",
        {200: finding_schemas.FINDINGS},
        query=finding_schemas.LIST,
    ),
    Route(
        "GET",
        "/v1/pooled",
        device.index,
        "valence:device:get",
        {200: device_schemas.DEVICES},
        query=device_schemas.LIST,
    ),
    Route(
        "POST",
        "/v1/pooled/sync",
        device.sync,
        "valence:device:sync",
        {200: device_schemas.SYNCED},
        body=device_schemas.SYNC,
        body_required=False,
        refuses=(errors.PodManagerNotFound,),
    ),
    Route(
        "GET",
        "/v1/pooled/<ident>",
        device.show,
        "valence:device:get",
        {200: device_schemas.DEVICE},
        query=device_schemas.SHOW,
        refuses=(errors.DeviceNotFound,),
    ),
    Route(
        "GET",
        "/v1/flavors",
        flavor.index,
        "valence:flavor:get",
        {200: flavor_schemas.FLAVORS},
        query=flavor_schemas.LIST,
    ),
    Route(
        "POST",
        "/v1/flavors",
        flavor.create,
        "valence:flavor:create",
        {201: flavor_schemas.FLAVOR, 200: flavor_schemas.FLAVOR},
        body=flavor_schemas.CREATE,
        refuses=(errors.FlavorDuplicate,),
    ),
    Route(
        "GET",
        "/v1/flavors/<ident>",
        flavor.show,
        "valence:flavor:get",
        {200: flavor_schemas.FLAVOR},
        refuses=(errors.FlavorNotFound,),
    ),
    Route(
        "PATCH",
        "/v1/flavors/<ident>",
        flavor.update,
        "valence:flavor:update",
        {200: flavor_schemas.FLAVOR},
        body=flavor_schemas.UPDATE,
        refuses=(errors.FlavorNotFound, errors.FlavorDuplicate),
    ),
    Route(
        "DELETE",
        "/v1/flavors/<ident>",
        flavor.delete,
        "valence:flavor:delete",
        {204: None},
        refuses=(errors.FlavorNotFound,),
    ),
    Route(
        "GET",
        "/v1/nodes",
        node.index,
        "valence:node:get",
        {200: node_schemas.NODES},
        query=node_schemas.LIST,
    ),
    Route(
        "POST",
        "/v1/nodes",
        node.create,
        "valence:node:create",
        {202: node_schemas.NODE, 200: node_schemas.NODE},
        body=node_schemas.CREATE,
        refuses=(
            errors.FlavorNotFound,
            errors.PodManagerNotFound,
            errors.NoPodManager,
            errors.NodeDuplicate,
        ),
    ),
    Route(
        "GET",
        "/v1/nodes/<ident>",
        node.show,
        "valence:node:get",
        {200: node_schemas.NODE},
        query=node_schemas.SHOW,
        refuses=(errors.NodeNotFound, errors.PodManagerNodeGone, *PODMANAGER_ERRORS),
    ),
    Route(
        "POST",
        "/v1/nodes/manage",
        node.manage,
        "valence:node:manage",
        {201: node_schemas.NODE},
        body=node_schemas.MANAGE,
        refuses=(
            errors.PodManagerNotFound,
            errors.PodManagerNodeGone,
            errors.NodeDuplicate,
            errors.NodeBusy,
            *PODMANAGER_ERRORS,
        ),
    ),
    Route(
        "PATCH",
        "/v1/nodes/<ident>",
        node.update,
        "valence:node:update",
        {200: node_schemas.NODE},
        body=node_schemas.UPDATE,
        refuses=(errors.NodeNotFound, errors.NodeDuplicate, errors.NodeBusy),
    ),
    Route(
        "POST",
        "/v1/nodes/<ident>/action",
        node.action,
        "valence:node:action",
        {200: node_schemas.NODE},
        body=node_schemas.ACTION,
        refuses=(
            errors.NodeNotFound,
            errors.NodeRegistered,
            errors.NodeBusy,
            errors.PodManagerNodeGone,
            *PODMANAGER_ERRORS,
        ),
    ),
    Route(
        "DELETE",
        "/v1/nodes/<ident>",
        node.delete,
        "valence:node:delete",
        {202: node_schemas.NODE},
        query=node_schemas.DELETE,
        refuses=(errors.NodeNotFound, errors.NodeRegistered, errors.NodeBusy),
    ),
    Route(
        "POST",
        "/v1/nodes/<ident>/register",
        node.register,
        "valence:node:register",
        {202: node_schemas.NODE, 200: node_schemas.NODE},
        body=node_schemas.REGISTER,
        body_required=False,
        field_rules=node_policies.FIELD_RULES,
        refuses=(errors.NodeNotFound, errors.NodeRegistered, errors.NodeBusy, *IRONIC_ERRORS),
    ),
    Route(
        "POST",
        "/v1/nodes/<ident>/unregister",
        node.unregister,
        "valence:node:unregister",
        {202: node_schemas.NODE},
        refuses=(errors.NodeNotFound, errors.NodeNotRegistered, errors.NodeBusy, *IRONIC_ERRORS),
    ),
    Route(
        "POST",
        "/v1/nodes/<ident>/adopt_path",
        node.adopt_path,
        "valence:node:adopt_path",
        {200: node_schemas.NODE},
        body=node_schemas.ADOPT_PATH,
        refuses=(
            errors.NodeNotFound,
            errors.NodeBusy,
            errors.NodeDuplicate,
            errors.NodeIdentityConflict,
            errors.PodManagerNodeGone,
            *PODMANAGER_ERRORS,
        ),
    ),
    Route(
        "POST",
        "/v1/nodes/<ident>/forget",
        node.forget,
        "valence:node:forget",
        {204: None},
        body=node_schemas.FORGET,
        refuses=(errors.NodeNotFound, errors.NodeBusy, errors.NodeRegistered),
    ),
    *legacy_routes.ROUTES,
)

#: The same for every application. Compiled at import, before there are threads: werkzeug
#: parses source code for it, and parsing in threads may fail (see policies.PARSER_RACE).
PATHS = werkzeug_routing.Map(
    [
        werkzeug_routing.Rule(route.path, endpoint=route, methods=[route.method])
        for route in ROUTES
    ],
    strict_slashes=False,
    merge_slashes=False,
)
PATHS.update()


class Application:
    """The WSGI application behind the middleware, which converts its exceptions."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Return the response to a request."""
        request = werkzeug.Request(environ)
        # oslo.middleware's RequestBodySizeLimiter is not used: it judges the body before the
        # policy, and answers with webob's HTML.
        request.max_content_length = self._service.conf.max_request_body
        return self._dispatch(request)(environ, start_response)

    def _dispatch(self, request: werkzeug.Request) -> werkzeug.Response:
        route, segments = self._match(request)
        request.environ[api_request.ROUTE] = route.path
        call, segments = self._authorized(request, route, segments)
        # The policy first: only users who may send a request learn what is wrong with it.
        call = dataclasses.replace(
            call,
            query=api_request.query_of(request, route.query),
            body=api_request.body_of(request, route.body, route.body_required),
        )
        for field, rule in route.field_rules.items():
            if field in call.body:
                call.authorize(rule)
        for _ in range(ATTEMPTS):
            try:
                return route.handler(call, **segments)
            except conductor_errors.Superseded as exc:
                superseded = exc
        raise errors.NodeBusy(
            "Other requests keep changing the node. Read it again, and repeat the request."
        ) from superseded

    def _match(self, request: werkzeug.Request) -> tuple[Route, Mapping[str, str]]:
        api_request.require_utf8_path(request.environ)
        try:
            route, segments = PATHS.bind_to_environ(request.environ).match()
        except exceptions.NotFound as exc:
            raise errors.UnknownPath(
                f"There is no path {request.path}. GET /v1/openapi.json lists all paths."
            ) from exc
        except exceptions.MethodNotAllowed as exc:
            allowed = sorted(exc.valid_methods or ())
            raise errors.MethodNotAllowed(
                f"{request.path} does not support {request.method}, only {', '.join(allowed)}.",
                allow=", ".join(allowed),
            ) from exc
        return route, segments

    def _authorized(
        self, request: werkzeug.Request, route: Route, segments: Mapping[str, str]
    ) -> tuple[api_call.Call, Mapping[str, str]]:
        """Enforce the policy of a route.

        :returns: the call without its query and body, and the segments of the path. The name
            of an object that belongs to a project is replaced by its uuid: the name may pass to
            another object meanwhile.
        :raises Unauthenticated: the request has no credentials.
        :raises ValenceError: the noun's "not found": the object does not exist, or is not
            visible to this project.
        :raises Forbidden: the policy does not allow the request.
        """
        context = request.environ[api_request.CONTEXT]
        if route.rule is not None and context.user_id is None:
            raise errors.Unauthenticated("This request needs credentials. Log in.")
        call = api_call.Call(
            service=self._service,
            context=context,
            base=(self._service.conf.public_endpoint or request.root_url).rstrip("/"),
            path=request.path,
            project_id=context.project_id,
        )
        owned = _owned(route.path)
        if owned is not None:
            repository, visibility = owned
            row = repository.get(self._service.db, segments["ident"])
            if not call.allowed(visibility, row.project_id):
                raise repository.not_found(segments["ident"])
            call = dataclasses.replace(call, project_id=row.project_id)
            segments = {**segments, "ident": row.uuid}
        if route.rule is not None and (owned is None or route.rule != visibility):
            call.authorize(route.rule)
        return call, segments


def _owned(path: str) -> tuple[objects_base.Repository[Any], str] | None:
    """Return the entry of :data:`OWNED` for a path; None if it belongs to no project."""
    return next(
        (entry for stem, entry in OWNED.items() if path == stem or path.startswith(f"{stem}/")),
        None,
    )
