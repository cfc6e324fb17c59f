# SPDX-License-Identifier: Apache-2.0

"""Systems."""

from collections.abc import Mapping
from typing import Any

import werkzeug

from valence.api import call as api_call
from valence.api.handlers import freshness as freshness_handlers
from valence.objects import system as system_objects

PLURAL = "systems"

#: query parameter -> column, where the names differ
RENAMED = {"podm_id": "podm_uuid", "rack_id": "rack_uuid", "node_id": "node_uuid"}

#: Filters that are not equalities.
CONDITIONS: api_call.Conditions = {
    "min_cores": lambda value: system_objects.System.cores >= value,
    "min_memory_mib": lambda value: system_objects.System.memory_mib >= value,
}

#: Fields that the API shows as they are in the row.
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

#: Columns that a listing reads.
READ = (
    *("uuid", "name", "podm_uuid", "rack_uuid", "node_uuid", "details"),
    *("unseen_since", "created_at"),
    *PLAIN,
)


def index(call: api_call.Call) -> werkzeug.Response:
    """List all systems, as last read; with refresh, pod managers are read first."""
    freshness, podm_errors = freshness_handlers.of_request(call, call.query.get("podm_id"))
    query = call.page_query(RENAMED, CONDITIONS)
    rows, more = system_objects.page(call.service.db, query, READ)
    views = [view(call, row, freshness) for row in rows]
    return api_call.json_response(freshness_handlers.page(call, PLURAL, views, more, podm_errors))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a system, as last read; with refresh, its pod manager is read first."""
    row = system_objects.get(call.service.db, ident)
    freshness, _ = freshness_handlers.of_request(call, row.podm_uuid)
    return api_call.json_response(
        view(call, system_objects.get(call.service.db, row.uuid), freshness)
    )


def view(
    call: api_call.Call, row: system_objects.System, freshness: freshness_handlers.Freshness
) -> Mapping[str, Any]:
    """Return a system as the API shows it."""
    return {
        "uuid": row.uuid,
        "name": row.name,
        "podm_id": row.podm_uuid,
        "rack_id": row.rack_uuid,
        "node_id": row.node_uuid,
        **{field: getattr(row, field) for field in PLAIN},
        **{field: row.details.get(field, []) for field in DETAILS},
        **freshness.view(row),
        "created_at": api_call.isotime(row.created_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }
