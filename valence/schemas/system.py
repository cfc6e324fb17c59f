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


"""Schemas of systems."""

from valence.schemas import base
from valence.schemas import inventory
from valence.schemas.inventory import COUNT
from valence.schemas.inventory import MAYBE
from valence.schemas.inventory import MAYBE_COUNT

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
        "node_id": {**base.or_null(base.UUID), "description": "The node of ours that has it."},
        "node_path": {**MAYBE, "description": "Of the composed node that has it."},
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
            "description": "In its own chassis.",
        },
        "nics": {"type": "array", "items": NIC},
        **inventory.AGE,
        "created_at": base.MOMENT,
        "links": base.LINKS,
    }
)

SYSTEMS = inventory.collection("systems", SYSTEM)

#: What a listing may ask of the size of systems, and of nodes that have them.
SIZE: base.Schema = {
    "rack_id": base.UUID,
    "min_cores": COUNT,
    "min_memory_mib": COUNT,
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
        "refresh": inventory.REFRESH,
    },
    ("uuid", "name", "state", "created_at"),
)

SHOW = base.request({"refresh": inventory.REFRESH})
