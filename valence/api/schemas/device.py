# SPDX-License-Identifier: Apache-2.0

"""Schemas of pooled devices."""

from valence.api.schemas import base
from valence.api.schemas import freshness as freshness_schemas
from valence.api.schemas.freshness import MAYBE

STATES = ["free", "allocated", "absent"]

#: Of devices of every type: drives and accelerators have different properties.
PROPERTIES: base.Schema = {
    "type": "object",
    "properties": {
        "capacity_gib": {"type": "integer"},
        "media_type": {"type": "string"},
        "protocol": {"type": "string"},
        "rpm": {"type": "integer"},
        "model": {"type": "string"},
        "manufacturer": {"type": "string"},
        "serial_number": {"type": "string"},
        "cores": {"type": "integer"},
        "instruction_set": {"type": "string"},
        "speed_mhz": {"type": "integer"},
    },
}

DEVICE = base.thing(
    {
        "uuid": base.UUID,
        "podm_id": base.UUID,
        "type": {
            "type": "string",
            "description": "storage, or the type that the pod manager reports for an accelerator.",
            "examples": ["storage"],
        },
        "state": {"enum": STATES},
        "node_id": {**base.or_null(base.UUID), "description": "The node of Valence that has it."},
        "node_path": {**MAYBE, "description": "Path of the composed node that has it."},
        "pooled_group_id": {**MAYBE, "description": "The Id of its chassis."},
        "resource_uri": {"type": "string", "description": "Its path on its pod manager."},
        "properties": {**PROPERTIES, "description": "Only those that are known."},
        "extra": {"type": "object"},
        **freshness_schemas.AGE,
        "created_at": base.TIME,
        "updated_at": base.or_null(base.TIME),
        "links": base.LINKS,
    }
)

DEVICES = freshness_schemas.collection("pooled", DEVICE)

FILTERS: base.Schema = {
    "type": base.NAME,
    "state": {"enum": STATES},
    "podm_id": base.UUID,
    "node_id": base.UUID,
    "pooled_group_id": base.NAME,
    "resource_uri": {**base.NAME, "maxLength": 1024},
}

LIST = base.listing(
    {**FILTERS, "refresh": freshness_schemas.REFRESH},
    ("uuid", "type", "state", "created_at"),
)

SHOW = base.request({"refresh": freshness_schemas.REFRESH})

#: The body of POST sync.
SYNC = base.request(
    {"podm_id": {**base.NAME, "description": "uuid or name; every pod manager if absent"}}
)

SYNCED = base.thing(
    {
        "synced": {
            "type": "array",
            "items": base.UUID,
            "description": "The pod managers that were read successfully.",
        },
        "errors": {"type": "array", "items": freshness_schemas.PODM_ERROR},
    }
)
