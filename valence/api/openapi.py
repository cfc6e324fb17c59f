# SPDX-License-Identifier: Apache-2.0

"""The API described as OpenAPI 3.1, from its routes and their schemas."""

from collections.abc import Iterable
from collections.abc import Mapping
import http
import re
from typing import Any

from valence import errors
from valence.api.route import Route
from valence.api.schemas import base as base_schemas
from valence.api.schemas import examples

#: What every route may refuse.
COMMON: tuple[type[errors.ValenceError], ...] = (errors.RequestInvalid, errors.ValenceError)

#: What every route refuses to those who may not.
GUARDED: tuple[type[errors.ValenceError], ...] = (errors.Unauthenticated, errors.Forbidden)

#: What every route refuses that reads a body.
READING: tuple[type[errors.ValenceError], ...] = (errors.BodyTooLarge, errors.MediaTypeUnsupported)

#: What is wrong with a pod manager is the fault of a request that gives its URL.
BLAMED: tuple[type[errors.ValenceError], ...] = (
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
    """Describe routes.

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
                "RequestId": {"schema": {"type": "string"}, "description": "Of this request."}
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.noun}_{route.handler.__name__}",
        "tags": [route.noun],
        "summary": route.summary,
        "parameters": [*_in_path(route), *_in_query(route.query)],
        "responses": {**_answers(route), **_refusals(route)},
    }
    if route.deprecated:
        operation["deprecated"] = True
    if route.body is not None:
        operation["requestBody"] = {
            "required": route.body_required,
            "content": {"application/json": _described(route.body)},
        }
    return operation


def _in_path(route: Route) -> list[dict[str, Any]]:
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


def _in_query(query: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in query["properties"].items()
    ]


def _answers(route: Route) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, schema in sorted(route.answers.items()):
        answers[str(status)] = {"description": route.summary, "headers": _headers()}
        if schema is not None:
            answers[str(status)]["content"] = {route.media: _described(schema)}
    return answers


def _refusals(route: Route) -> dict[str, Any]:
    """Group what a route may refuse by status; the description lists the codes."""
    refused = [*route.refuses, *COMMON]
    refused += GUARDED if route.rule else ()
    refused += READING if route.body is not None else ()
    codes: dict[int, list[str]] = {}
    for error in refused:
        codes.setdefault(error.status, []).append(error.code)
    if route.body is not None and "url" in route.body["properties"]:
        codes[errors.RequestInvalid.status] += [error.code for error in BLAMED]
    return {
        str(status): {
            "description": ", ".join(sorted(set(found))),
            "headers": _headers(),
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Errors"},
                    "example": _refusal(status, found),
                }
            },
        }
        for status, found in sorted(codes.items())
    }


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    one = {
        "status": status,
        "code": codes[0],
        "title": http.HTTPStatus(status).phrase,
        "detail": "What is wrong, and what to do about it.",
        "request_id": "req-6fa79e4a-e019-4cd5-aaba-d861a5fff86a",
    }
    return {"errors": [one]}


def _described(schema: base_schemas.Schema) -> dict[str, Any]:
    return {"schema": schema, "example": examples.of(schema)}


def _headers() -> dict[str, Any]:
    return {"X-Openstack-Request-Id": {"$ref": "#/components/headers/RequestId"}}
