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

STATUS: base.Schema = {"enum": ["ok", "degraded", "error"]}

HEALTH = base.thing(
    {
        "status": {
            "enum": ["ok", "degraded"],
            "description": "degraded: a dependency is not ok that not every operation needs.",
        },
        "checks": {"type": "object", "additionalProperties": STATUS},
        "reasons": base.CHECKS,
    },
    optional=("reasons",),
)

METRICS: base.Schema = {"type": "string"}
