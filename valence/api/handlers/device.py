# SPDX-License-Identifier: Apache-2.0

"""Pooled devices."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import werkzeug

from valence.api import call as api_call
from valence.api.handlers import freshness as freshness_handlers
from valence.objects import device as device_objects
from valence.objects import podmanager as podmanager_objects

PLURAL = "pooled"

#: query parameter -> column, where the names differ
RENAMED = {"podm_id": "podm_uuid", "node_id": "node_uuid", "resource_uri": "path"}

#: Fields that the API shows as they are in the row.
PLAIN = ("uuid", "type", "state", "node_path", "pooled_group_id", "properties", "extra")

#: Columns that a listing reads.
READ = (
    *("podm_uuid", "node_uuid", "path", "unseen_since", "created_at", "updated_at"),
    *PLAIN,
)


def index(call: api_call.Call) -> werkzeug.Response:
    """List pooled devices, as last read; with refresh, pod managers are read first."""
    freshness, podm_errors = freshness_handlers.of_request(call, call.query.get("podm_id"))
    rows, more = device_objects.page(call.service.db, call.page_query(RENAMED), READ)
    views = [view(call, row, freshness) for row in rows]
    return api_call.json_response(freshness_handlers.page(call, PLURAL, views, more, podm_errors))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a device, as last read; with refresh, its pod manager is read first."""
    row = device_objects.get(call.service.db, ident)
    freshness, _ = freshness_handlers.of_request(call, row.podm_uuid)
    return api_call.json_response(
        view(call, device_objects.get(call.service.db, row.uuid), freshness)
    )


def sync(call: api_call.Call) -> werkzeug.Response:
    """Read one or all pod managers, and show which of them failed."""
    podms, podm_errors = refresh(call)
    failed = {error["podm_id"] for error in podm_errors}
    synced = [podm.uuid for podm in podms if podm.uuid not in failed]
    return api_call.json_response({"synced": synced, "errors": podm_errors})


def refresh(
    call: api_call.Call,
) -> tuple[Sequence[podmanager_objects.PodManager], list[dict[str, Any]]]:
    """Refresh the pod manager in the body of a request, or all of them.

    :returns: these pod managers, and the entries for ``errors``.
    :raises PodManagerNotFound: the pod manager in the body is not registered.
    """
    db = call.service.db
    if "podm_id" in call.body:
        podms: Sequence[podmanager_objects.PodManager] = [
            podmanager_objects.get(db, call.body["podm_id"])
        ]
    else:
        podms = podmanager_objects.list_all(db)
    return podms, freshness_handlers.refresh(call, podms).errors(podms)


def view(
    call: api_call.Call, row: device_objects.Device, freshness: freshness_handlers.Freshness
) -> Mapping[str, Any]:
    """Return a device as the API shows it."""
    return {
        "podm_id": row.podm_uuid,
        "node_id": row.node_uuid,
        "resource_uri": row.path,
        **{field: getattr(row, field) for field in PLAIN},
        **freshness.view(row),
        "created_at": api_call.isotime(row.created_at),
        "updated_at": api_call.isotime(row.updated_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }
