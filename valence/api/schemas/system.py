# SPDX-License-Identifier: Apache-2.0

"""Schemas of systems."""

from valence.api.schemas import base
from valence.api.schemas import freshness as freshness_schemas
from valence.api.schemas.freshness import COUNT
from valence.api.schemas.freshness import MAYBE
from valence.api.schemas.freshness import MAYBE_COUNT

STATES = ["free", "used", "absent"]

PROCESSOR = base.request(
    {
        "path": {"type": "string"},
        "type": {"type": "string"},
        "model": {"type": "string"},
        "cores": {"type": "integer"},
        "instruction_set": {"type": "string"},
        "speed_mhz": {"type": "integer"},
    }
)
DRIVE = base.request(
    {
        "path": {"type": "string"},
        "type": {"type": "string"},
        "interface": {"type": "string"},
        "capacity_gib": {"type": "integer"},
        "rpm": {"type": "integer"},
    }
)
NIC = base.request({"mac": {"type": "string"}, "speed_mbps": {"type": "integer"}})

SYSTEM = base.thing(
    {
        "uuid": base.UUID,
        "name": MAYBE,
        "podm_id": base.UUID,
        "rack_id": base.or_null(base.UUID),
        "state": {"enum": STATES},
        "node_id": {**base.or_null(base.UUID), "description": "The node of Valence that has it."},
        "node_path": {**MAYBE, "description": "Path of the composed node that has it."},
        "path": {"type": "string"},
        "chassis_path": MAYBE,
        "redfish_uuid": MAYBE,
        "serial_number": MAYBE,
        "manufacturer": MAYBE,
        "model": MAYBE,
        "health": MAYBE,
        "power_state": MAYBE,
        "processor_count": MAYBE_COUNT,
        "processor_model": MAYBE,
        "cores": MAYBE_COUNT,
        "memory_mib": MAYBE_COUNT,
        "processors": {"type": "array", "items": PROCESSOR},
        "drives": {
            "type": "array",
            "items": DRIVE,
            "description": "The drives in its own chassis.",
        },
        "nics": {"type": "array", "items": NIC},
        **freshness_schemas.AGE,
        "created_at": base.TIME,
        "links": base.LINKS,
    }
)

SYSTEMS = freshness_schemas.collection("systems", SYSTEM)

AT_LEAST: base.Schema = {**COUNT, "maximum": base.INTEGER_MAX}

#: Filters by the location and size of systems, of systems and of nodes.
SIZE: base.Schema = {
    "rack_id": base.UUID,
    "min_cores": AT_LEAST,
    "min_memory_mib": AT_LEAST,
}

LIST = base.listing(
    {
        "name": base.NAME,
        "state": {"enum": STATES},
        "podm_id": base.UUID,
        "node_id": base.UUID,
        "model": base.NAME,
        "processor_model": base.NAME,
        "serial_number": base.NAME,
        "redfish_uuid": base.NAME,
        "health": base.NAME,
        "power_state": base.NAME,
        **SIZE,
        "refresh": freshness_schemas.REFRESH,
    },
    ("uuid", "name", "state", "created_at"),
)

SHOW = base.request({"refresh": freshness_schemas.REFRESH})
