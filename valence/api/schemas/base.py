# SPDX-License-Identifier: Apache-2.0

"""What the schemas of all nouns are made of."""

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

#: No control characters: a name is printed, logged and put into URLs.
NAME: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 255,
    "pattern": "^[^\\x00-\\x1f\\x7f]+$",
    "examples": ["rack-7"],
}

#: As much as MariaDB's TEXT holds of characters of four bytes.
TEXT: Schema = {"type": "string", "maxLength": 16383, "pattern": "^[^\\x00]*$"}

MOMENT: Schema = {"type": "string", "format": "date-time"}

LINKS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"rel": {"type": "string"}, "href": {"type": "string"}},
        "required": ["rel", "href"],
        "additionalProperties": False,
    },
}

#: What is wrong, as an answer and as a node's fault have it.
TROUBLE: Schema = {
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
        "description": "The pod manager's or Ironic's own words, when there are any.",
    },
}

#: name of what the service stands on -> how it is, or why it is not well.
WORDS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}

ERRORS: Schema = {
    "type": "object",
    "properties": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    **TROUBLE,
                    "checks": {**WORDS, "description": "Of /healthcheck."},
                    "reasons": {**WORDS, "description": "Of /healthcheck, if it may say them."},
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
    """Allow null besides what a schema allows."""
    return {**schema, "type": [schema["type"], "null"]}


def thing(properties: Schema, optional: Collection[str] = ()) -> Schema:
    """Describe an object that has exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def request(properties: Schema, required: Collection[str] = ()) -> Schema:
    """Describe a body of which only some properties have to be given."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def change(properties: Schema) -> Schema:
    """Describe a body that changes at least one property."""
    return {**request(properties), "minProperties": 1}


def collection(plural: str, item: Schema) -> Schema:
    """Describe a page of a collection; ``fields`` may ask for fewer fields."""
    some = {**item, "required": []}
    return thing(
        {plural: {"type": "array", "items": some}, "next": {"type": "string"}}, optional=("next",)
    )


def listing(filters: Schema, sortable: Sequence[str]) -> Schema:
    """Describe the query of a collection."""
    keys = "|".join(sortable)
    return request(
        {
            **filters,
            "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
            "marker": {**NAME, "description": "uuid or name of the last row of the page before"},
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
