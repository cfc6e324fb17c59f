# SPDX-License-Identifier: Apache-2.0

"""Examples of requests and responses, generated from their schemas.

A schema with a pattern has its own ``examples``; so has an object whose example does not show
all of its properties.
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from valence.api.schemas import base

#: type -> the example of a schema that only has a type
PLAIN: Mapping[str, Callable[[base.Schema], Any]] = {
    "string": lambda schema: "text",
    "integer": lambda schema: schema.get("minimum", 1),
    "boolean": lambda schema: True,
    "null": lambda schema: None,
    "array": lambda schema: [of(schema["items"])],
    "object": lambda schema: {
        name: of(part) for name, part in schema.get("properties", {}).items()
    },
}

#: format -> its example
FORMATS: Mapping[str, Any] = {"date-time": "2026-01-02T03:04:05.678901+00:00"}


def of(schema: base.Schema) -> Any:
    """Return an example that is valid for a schema."""
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "oneOf" in schema and "type" not in schema:
        return of(schema["oneOf"][0])
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    kind = schema["type"]
    return PLAIN[kind if isinstance(kind, str) else kind[0]](schema)
