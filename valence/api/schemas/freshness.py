# SPDX-License-Identifier: Apache-2.0

"""Schemas of the age of inventory data, and of the errors of pod managers beside it."""

from typing import Any

from valence.api.schemas import base

MAYBE: base.Schema = {"type": ["string", "null"]}
MAYBE_COUNT: base.Schema = {"type": ["integer", "null"], "minimum": 0}
COUNT: base.Schema = {"type": "integer", "minimum": 0}

#: Fields for the age of a system, a rack or a device.
AGE: base.Schema = {
    "seen_at": {**base.TIME, "description": "When its pod manager last listed it."},
    "age": {**COUNT, "description": "Seconds since seen_at."},
    "stale": {
        "type": "boolean",
        "description": "Whether the pod manager did not list it when it was last read, or was "
        "not read for [inventory] stale_after seconds.",
    },
}

#: A pod manager whose current inventory is not in the response.
PODM_ERROR = base.thing(
    {
        "podm_id": base.UUID,
        "podm_name": {"type": "string"},
        "code": base.ERROR_FIELDS["code"],
        "detail": base.ERROR_FIELDS["detail"],
        "reason": base.ERROR_FIELDS["reason"],
        "refreshed_at": base.or_null(base.TIME),
        "age": {**MAYBE_COUNT, "description": "Seconds since refreshed_at."},
    },
    optional=("reason",),
)

REFRESH: base.Schema = {
    "type": "boolean",
    "description": "Read the pod managers first, for at most [inventory] request_timeout seconds.",
}


def collection(plural: str, item: base.Schema) -> base.Schema:
    """Return the schema of a page of a collection, with the errors of pod managers."""
    page = base.collection(plural, item)
    errors: dict[str, Any] = {"type": "array", "items": PODM_ERROR}
    return {
        **page,
        "properties": {**page["properties"], "errors": errors},
        "required": [*page["required"], "errors"],
    }
