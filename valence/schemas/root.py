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


"""Schemas of version discovery and of health."""

from valence.schemas import base

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
