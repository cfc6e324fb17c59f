# SPDX-License-Identifier: Apache-2.0

"""Schemas of racks."""

from valence.api.schemas import base
from valence.api.schemas import freshness as freshness_schemas
from valence.api.schemas.freshness import COUNT
from valence.api.schemas.freshness import MAYBE

RACK = base.thing(
    {
        "uuid": base.UUID,
        "name": MAYBE,
        "podm_id": base.UUID,
        "path": {"type": "string"},
        "chassis_type": MAYBE,
        "manufacturer": MAYBE,
        "model": MAYBE,
        "serial_number": MAYBE,
        "health": MAYBE,
        "systems": base.thing(dict.fromkeys(("total", "used", "free", "absent"), COUNT)),
        **freshness_schemas.AGE,
        "created_at": base.TIME,
        "links": base.LINKS,
    }
)

RACKS = freshness_schemas.collection("racks", RACK)

LIST = base.listing(
    {
        "name": base.NAME,
        "podm_id": base.UUID,
        "chassis_type": base.NAME,
        "serial_number": base.NAME,
        "health": base.NAME,
        "refresh": freshness_schemas.REFRESH,
    },
    ("uuid", "name", "created_at"),
)

SHOW = base.request({"refresh": freshness_schemas.REFRESH})
