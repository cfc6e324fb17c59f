# SPDX-License-Identifier: Apache-2.0

"""Schemas of version discovery and of health."""

from valence.api.schemas import base

VERSION_FIELDS = base.thing(
    {
        "id": {"type": "string"},
        "status": {"enum": ["CURRENT", "SUPPORTED"]},
        "links": base.LINKS,
    }
)

VERSIONS = base.thing({"versions": {"type": "array", "items": VERSION_FIELDS}})

VERSION = base.thing({"version": VERSION_FIELDS})

OPENAPI: base.Schema = {
    "type": "object",
    "properties": {"openapi": {"type": "string"}},
    "required": ["openapi"],
}

STATUS: base.Schema = {"enum": ["ok", "degraded", "ill"]}

HEALTH = base.thing(
    {
        "status": {
            "enum": ["ok", "degraded"],
            "description": "degraded: something is ill without which the rest goes on.",
        },
        "checks": {"type": "object", "additionalProperties": STATUS},
        "reasons": base.WORDS,
    },
    optional=("reasons",),
)

METRICS: base.Schema = {"type": "string"}
