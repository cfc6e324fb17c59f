# SPDX-License-Identifier: Apache-2.0

"""Schemas of the deprecated paths of earlier releases."""

from valence.api.schemas import base
from valence.api.schemas import device
from valence.api.schemas import podmanager

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
        "created_at": base.TIME,
        "updated_at": base.or_null(base.TIME),
    }
)

PODMANAGERS: base.Schema = {"type": "array", "items": PODMANAGER}

#: Fields that a listing of devices has and filters by, and those of a single device.
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
