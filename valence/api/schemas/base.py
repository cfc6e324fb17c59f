# SPDX-License-Identifier: Apache-2.0

"""Building blocks of the schemas of all nouns."""

from collections.abc import Collection
from collections.abc import Sequence
from typing import Any

Schema = dict[str, Any]

UUID: Schema = {
    "type": "string",
    "format": "uuid",
    "pattern": "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    "examples": ["8c9f4a52-6a3e-4f0b-9d27-3b1e5c7a9f10"],
}

#: No control characters: names are printed, logged and used in URLs.
NAME: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 255,
    "pattern": "^[^\\x00-\\x1f\\x7f]+$",
    "examples": ["rack-7"],
}

#: As many characters of four bytes as fit into MariaDB's TEXT.
TEXT: Schema = {"type": "string", "maxLength": 16383, "pattern": "^[^\\x00]*$"}

TIME: Schema = {"type": "string", "format": "date-time"}

#: The greatest value of an INTEGER column, and of the integers of a pod manager.
INTEGER_MAX = 2**31 - 1

LINKS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"rel": {"type": "string"}, "href": {"type": "string"}},
        "required": ["rel", "href"],
        "additionalProperties": False,
    },
}

#: Fields that an error in a response and the fault of a node have in common.
ERROR_FIELDS: Schema = {
    "status": {"type": "integer", "minimum": 400, "maximum": 599},
    "code": {
        "type": "string",
        "pattern": "^valence\\.[a-z_.]+$",
        "examples": ["valence.node.busy"],
    },
    "title": {"type": "string"},
    "detail": {"type": "string", "description": "What is wrong and what to do."},
    "reason": {
        "type": "string",
        "description": "The message of the pod manager or of Ironic, if there is one.",
    },
}

#: name of a dependency of the service -> its status, or the reason for it
CHECKS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}

ERRORS: Schema = {
    "type": "object",
    "properties": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    **ERROR_FIELDS,
                    "checks": {**CHECKS, "description": "Of /healthcheck."},
                    "reasons": {
                        **CHECKS,
                        "description": "Of /healthcheck, with [healthcheck] detailed.",
                    },
                    "request_id": {"type": "string"},
                },
                "required": ["status", "code", "title", "detail", "request_id"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["errors"],
    "additionalProperties": False,
}

EMPTY: Schema = {"type": "object", "properties": {}, "additionalProperties": False}


def or_null(schema: Schema) -> Schema:
    """Return a schema that also allows null."""
    return {**schema, "type": [schema["type"], "null"]}


def thing(properties: Schema, optional: Collection[str] = ()) -> Schema:
    """Return the schema of an object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def request(properties: Schema, required: Collection[str] = ()) -> Schema:
    """Return the schema of a body of which only some properties are required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def change(properties: Schema) -> Schema:
    """Return the schema of a body that changes at least one property."""
    return {**request(properties), "minProperties": 1}


def collection(plural: str, item: Schema) -> Schema:
    """Return the schema of a page of a collection; ``fields`` may select some fields."""
    partial = {**item, "required": []}
    return thing(
        {plural: {"type": "array", "items": partial}, "next": {"type": "string"}},
        optional=("next",),
    )


def listing(filters: Schema, sortable: Sequence[str]) -> Schema:
    """Return the schema of the query of a collection."""
    keys = "|".join(sortable)
    return request(
        {
            **filters,
            "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
            "marker": {**NAME, "description": "uuid or name of the last row of the previous page"},
            "sort": {
                "type": "string",
                "pattern": f"^({keys})(:(asc|desc))?$",
                "examples": [f"{sortable[0]}:desc"],
            },
            "fields": {
                "type": "string",
                "pattern": "^[a-z_]+(,[a-z_]+)*$",
                "examples": ["uuid,name"],
                "description": "The fields to show, separated by commas.",
            },
        }
    )
