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

"""Schemas of pooled devices."""

from valence.schemas import base
from valence.schemas import inventory
from valence.schemas.inventory import MAYBE

STATES = ["free", "allocated", "absent"]

#: Of whatever type: drives and accelerators tell different things.
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
            "description": "storage, or what the pod manager calls an accelerator.",
            "examples": ["storage"],
        },
        "state": {"enum": STATES},
        "node_id": {**base.or_null(base.UUID), "description": "The node of ours that has it."},
        "node_path": {**MAYBE, "description": "Of the composed node that has it."},
        "pooled_group_id": {**MAYBE, "description": "The Id of the chassis that it is in."},
        "resource_uri": {"type": "string", "description": "Its path on its pod manager."},
        "properties": {**PROPERTIES, "description": "Each only when known."},
        "extra": {"type": "object"},
        **inventory.AGE,
        "created_at": base.MOMENT,
        "updated_at": base.or_null(base.MOMENT),
        "links": base.LINKS,
    }
)

DEVICES = inventory.collection("pooled", DEVICE)

FILTERS: base.Schema = {
    "type": base.NAME,
    "state": {"enum": STATES},
    "podm_id": base.UUID,
    "node_id": base.UUID,
    "pooled_group_id": base.NAME,
    "resource_uri": {**base.NAME, "maxLength": 1024},
}

LIST = base.listing(
    {**FILTERS, "refresh": inventory.REFRESH},
    ("uuid", "type", "state", "created_at"),
)

SHOW = base.request({"refresh": inventory.REFRESH})

#: The body of POST sync.
SYNC = base.request(
    {"podm_id": {**base.NAME, "description": "uuid or name; left out: every pod manager."}}
)

SYNCED = base.thing(
    {
        "synced": {
            "type": "array",
            "items": base.UUID,
            "description": "The pod managers whose devices are shown as they are now.",
        },
        "errors": {"type": "array", "items": inventory.TROUBLE},
    }
)
