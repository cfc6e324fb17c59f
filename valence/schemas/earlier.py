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


"""Requests and answers of paths as earlier clients know them."""

from valence.schemas import base
from valence.schemas import device
from valence.schemas import podmanager

AUTHENTICATION: base.Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": 1,
    "items": base.request(
        {
            "type": {"enum": ["basic"]},
            "auth_items": base.request(
                {name: podmanager.WRITABLE[name] for name in ("username", "password")}
            ),
        },
        required=("type", "auth_items"),
    ),
}

WRITABLE: base.Schema = {
    **{name: podmanager.WRITABLE[name] for name in ("name", "url", "driver")},
    "authentication": AUTHENTICATION,
}

CREATE = base.request(WRITABLE, required=("name", "url", "authentication"))

UPDATE = base.change(WRITABLE)

PODMANAGER = base.thing(
    {
        "uuid": base.UUID,
        **WRITABLE,
        "status": podmanager.PODMANAGER["properties"]["status"],
        "created_at": base.MOMENT,
        "updated_at": base.or_null(base.MOMENT),
    }
)

PODMANAGERS: base.Schema = {"type": "array", "items": PODMANAGER}

#: What a listing of devices shows and filters by, and what one of them shows.
LISTED = ("uuid", "podm_id", "type", "state", "node_id", "resource_uri", "pooled_group_id")
SHOWN = (*LISTED, "properties", "extra", "created_at", "updated_at")

DEVICES: base.Schema = {
    "type": "array",
    "items": base.thing({name: device.DEVICE["properties"][name] for name in LISTED}),
}

DEVICE = base.thing({name: device.DEVICE["properties"][name] for name in SHOWN})

FILTERS = base.request({"uuid": base.UUID, **device.FILTERS})

SYNCED: base.Schema = {
    "type": "array",
    "items": base.thing({"podm_id": base.UUID, "status": {"enum": ["SUCCESS", "FAILED"]}}),
}
