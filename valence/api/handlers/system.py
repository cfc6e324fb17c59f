# SPDX-License-Identifier: Apache-2.0

"""Systems."""

from collections.abc import Mapping
from typing import Any

import werkzeug

from valence.api import call as api_call
from valence.api.handlers import freshness as inventory
from valence.objects import system as system_objects

PLURAL = "systems"

#: Query parameters that are called otherwise in the table.
RENAMED = {"podm_id": "podm_uuid", "rack_id": "rack_uuid", "node_id": "node_uuid"}

#: Query parameters that ask for more than an equal value.
CONDITIONS: api_call.Conditions = {
    "min_cores": lambda value: system_objects.System.cores >= value,
    "min_memory_mib": lambda value: system_objects.System.memory_mib >= value,
}

#: Fields that the API shows as the row has them.
PLAIN = (
    "state",
    "node_path",
    "path",
    "chassis_path",
    "redfish_uuid",
    "serial_number",
    "manufacturer",
    "model",
    "health",
    "power_state",
    "processor_count",
    "processor_model",
    "cores",
    "memory_mib",
)
DETAILS = ("processors", "drives", "nics")

#: What a listing reads of each row.
READ = (
    *("uuid", "name", "podm_uuid", "rack_uuid", "node_uuid", "details"),
    *("unseen_since", "created_at"),
    *PLAIN,
)


def index(call: api_call.Call) -> werkzeug.Response:
    """List the systems of all pod managers, as last known; with refresh, as they are now."""
    freshness, troubles = inventory.fresh(call, inventory.podm_of(call))
    query = call.page_wanted(RENAMED, CONDITIONS)
    rows, more = system_objects.page(call.service.db, query, READ)
    views = [view(call, row, freshness) for row in rows]
    return api_call.answer(inventory.answer_of(call, PLURAL, views, more, troubles))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a system, as last known; with refresh, as its pod manager has it now."""
    row = system_objects.get(call.service.db, ident)
    freshness, _ = inventory.fresh(call, row.podm_uuid)
    return api_call.answer(view(call, system_objects.get(call.service.db, row.uuid), freshness))


def view(
    call: api_call.Call, row: system_objects.System, freshness: inventory.Freshness
) -> Mapping[str, Any]:
    """Give a system as the API shows it."""
    return {
        "uuid": row.uuid,
        "name": row.name,
        "podm_id": row.podm_uuid,
        "rack_id": row.rack_uuid,
        "node_id": row.node_uuid,
        **{field: getattr(row, field) for field in PLAIN},
        **{field: row.details.get(field, []) for field in DETAILS},
        **freshness.view(row),
        "created_at": api_call.moment(row.created_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }
