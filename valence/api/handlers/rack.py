# SPDX-License-Identifier: Apache-2.0

"""Racks."""

from collections.abc import Mapping
from typing import Any

import werkzeug

from valence.api import call as api_call
from valence.api.handlers import freshness as inventory
from valence.objects import rack as rack_objects

PLURAL = "racks"

#: Query parameters that are called otherwise in the table.
RENAMED = {"podm_id": "podm_uuid"}

#: Fields that the API shows as the row has them.
PLAIN = ("path", "chassis_type", "manufacturer", "model", "serial_number", "health")


def index(call: api_call.Call) -> werkzeug.Response:
    """List the racks of all pod managers, as last known; with refresh, as they are now."""
    freshness, troubles = inventory.fresh(call, inventory.podm_of(call))
    rows, more = rack_objects.page(call.service.db, call.page_wanted(RENAMED))
    contents = rack_objects.contents(call.service.db, [row.uuid for row in rows])
    views = [view(call, row, contents[row.uuid], freshness) for row in rows]
    return api_call.answer(inventory.answer_of(call, PLURAL, views, more, troubles))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a rack, as last known; with refresh, as its pod manager has it now."""
    found = rack_objects.get(call.service.db, ident)
    freshness, _ = inventory.fresh(call, found.podm_uuid)
    row = rack_objects.get(call.service.db, found.uuid)
    contents = rack_objects.contents(call.service.db, [row.uuid])
    return api_call.answer(view(call, row, contents[row.uuid], freshness))


def view(
    call: api_call.Call,
    row: rack_objects.Rack,
    contents: Mapping[str, int],
    freshness: inventory.Freshness,
) -> Mapping[str, Any]:
    """Give a rack as the API shows it."""
    counts = {state: contents.get(state, 0) for state in ("used", "free", "absent")}
    return {
        "uuid": row.uuid,
        "name": row.name,
        "podm_id": row.podm_uuid,
        **{field: getattr(row, field) for field in PLAIN},
        "systems": {"total": sum(counts.values()), **counts},
        **freshness.view(row),
        "created_at": api_call.moment(row.created_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }
