# SPDX-License-Identifier: Apache-2.0

"""The OpenAPI 3.1 document of the API, generated from its routes and their schemas."""

from collections.abc import Iterable
from collections.abc import Mapping
import http
import re
from typing import Any

from valence import errors
from valence.api.route import Route
from valence.api.schemas import base as base_schemas
from valence.api.schemas import examples

#: Errors that every route may raise.
COMMON: tuple[type[errors.ValenceError], ...] = (
    errors.RequestInvalid,
    errors.DatabaseUnavailable,
    errors.ValenceError,
)

#: Errors of every route that is not public.
AUTHORIZED: tuple[type[errors.ValenceError], ...] = (errors.Unauthenticated, errors.Forbidden)

#: Errors of every route that reads a body.
WITH_BODY: tuple[type[errors.ValenceError], ...] = (
    errors.BodyTooLarge,
    errors.MediaTypeUnsupported,
)

#: Errors of a pod manager that are 400 where the request itself contains its URL.
AS_BAD_REQUEST: tuple[type[errors.ValenceError], ...] = (
    errors.PodManagerUnreachable,
    errors.PodManagerUnauthorized,
    errors.PodManagerRefused,
    errors.PodManagerFailed,
)

INFO = {
    "title": "Valence",
    "version": "1.0",
    "summary": "Composable bare metal",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}


def document(routes: Iterable[Route], base: str) -> dict[str, Any]:
    """Return the OpenAPI document of some routes.

    :param base: URL of the service, for ``servers``.
    """
    paths: dict[str, Any] = {}
    for route in routes:
        path = re.sub(r"<(\w+)>", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": [{"url": base}],
        "security": [{}, {"Keystone": []}, {"Basic": []}],
        "paths": paths,
        "components": {
            "schemas": {"Errors": base_schemas.ERRORS},
            "securitySchemes": {
                "Keystone": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"},
                "Basic": {"type": "http", "scheme": "basic"},
            },
            "headers": {
                "RequestId": {
                    "schema": {"type": "string"},
                    "description": "The id of the request.",
                }
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.noun}_{route.handler.__name__}",
        "tags": [route.noun],
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route.query)],
        "responses": {**_responses(route), **_errors(route)},
    }
    if route.deprecated:
        operation["deprecated"] = True
    if route.body is not None:
        operation["requestBody"] = {
            "required": route.body_required,
            "content": {"application/json": _content(route.body)},
        }
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
            "description": "uuid or name",
            "example": base_schemas.NAME["examples"][0],
        }
        for name in re.findall(r"<(\w+)>", route.path)
    ]


def _query_parameters(query: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in query["properties"].items()
    ]


def _responses(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, schema in sorted(route.answers.items()):
        responses[str(status)] = {"description": route.summary, "headers": _headers()}
        if schema is not None:
            responses[str(status)]["content"] = {route.media: _content(schema)}
    return responses


def _errors(route: Route) -> dict[str, Any]:
    """Return the error responses of a route, by status; descriptions list their codes."""
    kinds = [*route.refuses, *COMMON]
    kinds += AUTHORIZED if route.rule else ()
    kinds += WITH_BODY if route.body is not None else ()
    codes: dict[int, list[str]] = {}
    for error in kinds:
        codes.setdefault(error.status, []).append(error.code)
    if route.body is not None and "url" in route.body["properties"]:
        codes[errors.RequestInvalid.status] += [error.code for error in AS_BAD_REQUEST]
    return {
        str(status): {
            "description": ", ".join(sorted(set(names))),
            "headers": _headers(),
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Errors"},
                    "example": _example_error(status, names),
                }
            },
        }
        for status, names in sorted(codes.items())
    }


def _example_error(status: int, codes: list[str]) -> dict[str, Any]:
    error = {
        "status": status,
        "code": codes[0],
        "title": http.HTTPStatus(status).phrase,
        "detail": "What is wrong, and what to do about it.",
        "request_id": "req-6fa79e4a-e019-4cd5-aaba-d861a5fff86a",
    }
    return {"errors": [error]}


def _content(schema: base_schemas.Schema) -> dict[str, Any]:
    return {"schema": schema, "example": examples.of(schema)}


def _headers() -> dict[str, Any]:
    return {"X-Openstack-Request-Id": {"$ref": "#/components/headers/RequestId"}}
