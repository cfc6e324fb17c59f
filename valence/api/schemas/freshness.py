# SPDX-License-Identifier: Apache-2.0

"""What the schemas of systems and racks have in common."""

from typing import Any

from valence.api.schemas import base

MAYBE: base.Schema = {"type": ["string", "null"]}
MAYBE_COUNT: base.Schema = {"type": ["integer", "null"], "minimum": 0}
COUNT: base.Schema = {"type": "integer", "minimum": 0}

#: How old what is shown is.
AGE: base.Schema = {
    "seen_at": {**base.MOMENT, "description": "When its pod manager told of it last."},
    "age": {**COUNT, "description": "Seconds since then."},
    "stale": {
        "type": "boolean",
        "description": "Whether the pod manager did not tell of it when it was last asked, or "
        "was not asked for long.",
    },
}

#: A pod manager of which an answer does not tell as it is now.
TROUBLE = base.thing(
    {
        "podm_id": base.UUID,
        "podm_name": {"type": "string"},
        "code": base.TROUBLE["code"],
        "detail": base.TROUBLE["detail"],
        "reason": base.TROUBLE["reason"],
        "refreshed_at": base.or_null(base.MOMENT),
        "age": {**MAYBE_COUNT, "description": "Seconds since refreshed_at."},
    },
    optional=("reason",),
)

REFRESH: base.Schema = {
    "type": "boolean",
    "description": "Have the pod managers read first, and wait for them a while.",
}


def collection(plural: str, item: base.Schema) -> base.Schema:
    """Describe a page of a collection, with the pod managers that could not be asked."""
    made = base.collection(plural, item)
    errors: dict[str, Any] = {"type": "array", "items": TROUBLE}
    return {
        **made,
        "properties": {**made["properties"], "errors": errors},
        "required": [*made["required"], "errors"],
    }
