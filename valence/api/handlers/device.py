# SPDX-License-Identifier: Apache-2.0

"""Pooled devices."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import werkzeug

from valence.api import call as api_call
from valence.api.handlers import freshness as inventory
from valence.objects import device as device_objects
from valence.objects import inventory as inventory_objects
from valence.objects import podmanager as podmanager_objects

PLURAL = "pooled"

#: Query parameters that are called otherwise in the table.
RENAMED = {"podm_id": "podm_uuid", "node_id": "node_uuid", "resource_uri": "path"}

#: Fields that the API shows as the row has them.
PLAIN = ("uuid", "type", "state", "node_path", "pooled_group_id", "properties", "extra")

#: What a listing reads of each row.
READ = (
    *("podm_uuid", "node_uuid", "path", "unseen_since", "created_at", "updated_at"),
    *PLAIN,
)


def index(call: api_call.Call) -> werkzeug.Response:
    """List the devices of all pools, as last known; with refresh, as they are now."""
    freshness, troubles = inventory.fresh(call, inventory.podm_of(call))
    rows, more = device_objects.page(call.service.db, call.page_wanted(RENAMED), READ)
    views = [view(call, row, freshness) for row in rows]
    return api_call.answer(inventory.answer_of(call, PLURAL, views, more, troubles))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a device, as last known; with refresh, as its pod manager has it now."""
    row = device_objects.get(call.service.db, ident)
    freshness, _ = inventory.fresh(call, row.podm_uuid)
    return api_call.answer(view(call, device_objects.get(call.service.db, row.uuid), freshness))


def sync(call: api_call.Call) -> werkzeug.Response:
    """Have one or all pod managers read, and say how that went."""
    asked, troubles = refreshed(call)
    ill = {trouble["podm_id"] for trouble in troubles}
    well = [podm.uuid for podm in asked if podm.uuid not in ill]
    return api_call.answer({"synced": well, "errors": troubles})


def refreshed(
    call: api_call.Call,
) -> tuple[Sequence[podmanager_objects.PodManager], list[dict[str, Any]]]:
    """Refresh the pod manager that a body names, or all of them.

    :returns: those, and what is wrong with them.
    :raises PodManagerNotFound: there is none like that.
    """
    db = call.service.db
    if "podm_id" in call.body:
        asked: Sequence[podmanager_objects.PodManager] = [
            podmanager_objects.get(db, call.body["podm_id"])
        ]
    else:
        asked = inventory_objects.list_podmanagers(db)
    return asked, inventory.renewed(call, asked).troubles(asked)


def view(
    call: api_call.Call, row: device_objects.Device, freshness: inventory.Freshness
) -> Mapping[str, Any]:
    """Give a device as the API shows it."""
    return {
        "podm_id": row.podm_uuid,
        "node_id": row.node_uuid,
        "resource_uri": row.path,
        **{field: getattr(row, field) for field in PLAIN},
        **freshness.view(row),
        "created_at": api_call.moment(row.created_at),
        "updated_at": api_call.moment(row.updated_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }
