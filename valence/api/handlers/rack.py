# SPDX-License-Identifier: Apache-2.0

"""Racks."""

from collections.abc import Mapping
from typing import Any

import werkzeug

from valence.api import call as api_call
from valence.api.handlers import freshness as freshness_handlers
from valence.objects import rack as rack_objects

PLURAL = "racks"

#: query parameter -> column, where the names differ
RENAMED = {"podm_id": "podm_uuid"}

#: Fields that the API shows as they are in the row.
PLAIN = ("path", "chassis_type", "manufacturer", "model", "serial_number", "health")


def index(call: api_call.Call) -> werkzeug.Response:
    """List all racks, as last read; with refresh, pod managers are read first."""
    freshness, podm_errors = freshness_handlers.of_request(call, call.query.get("podm_id"))
    rows, more = rack_objects.page(call.service.db, call.page_query(RENAMED))
    contents = rack_objects.contents(call.service.db, [row.uuid for row in rows])
    views = [view(call, row, contents[row.uuid], freshness) for row in rows]
    return api_call.json_response(freshness_handlers.page(call, PLURAL, views, more, podm_errors))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a rack, as last read; with refresh, its pod manager is read first."""
    row = rack_objects.get(call.service.db, ident)
    freshness, _ = freshness_handlers.of_request(call, row.podm_uuid)
    row = rack_objects.get(call.service.db, row.uuid)
    contents = rack_objects.contents(call.service.db, [row.uuid])
    return api_call.json_response(view(call, row, contents[row.uuid], freshness))


def view(
    call: api_call.Call,
    row: rack_objects.Rack,
    contents: Mapping[str, int],
    freshness: freshness_handlers.Freshness,
) -> Mapping[str, Any]:
    """Return a rack as the API shows it."""
    counts = {state: contents.get(state, 0) for state in ("used", "free", "absent")}
    return {
        "uuid": row.uuid,
        "name": row.name,
        "podm_id": row.podm_uuid,
        **{field: getattr(row, field) for field in PLAIN},
        "systems": {"total": sum(counts.values()), **counts},
        **freshness.view(row),
        "created_at": api_call.isotime(row.created_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }
