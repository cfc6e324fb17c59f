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

"""Pooled devices."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import werkzeug

from valence import calls
from valence.handlers import inventory
from valence.objects import device as devices
from valence.objects import inventory as inventories
from valence.objects import podmanager as podmanagers

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


def index(call: calls.Call) -> werkzeug.Response:
    """List the devices of all pools, as last known; with refresh, as they are now."""
    freshness, troubles = inventory.fresh(call, inventory.podm_of(call))
    rows, more = devices.page(call.service.db, call.page_wanted(RENAMED), READ)
    views = [view(call, row, freshness) for row in rows]
    return calls.answer(inventory.answer_of(call, PLURAL, views, more, troubles))


def show(call: calls.Call, ident: str) -> werkzeug.Response:
    """Show a device, as last known; with refresh, as its pod manager has it now."""
    row = devices.get(call.service.db, ident)
    freshness, _ = inventory.fresh(call, row.podm_uuid)
    return calls.answer(view(call, devices.get(call.service.db, row.uuid), freshness))


def sync(call: calls.Call) -> werkzeug.Response:
    """Have one or all pod managers read, and say how that went."""
    asked, troubles = refreshed(call)
    ill = {trouble["podm_id"] for trouble in troubles}
    well = [podm.uuid for podm in asked if podm.uuid not in ill]
    return calls.answer({"synced": well, "errors": troubles})


def refreshed(
    call: calls.Call,
) -> tuple[Sequence[podmanagers.PodManager], list[dict[str, Any]]]:
    """Refresh the pod manager that a body names, or all of them.

    :returns: those, and what is wrong with them.
    :raises PodManagerNotFound: there is none like that.
    """
    db = call.service.db
    if "podm_id" in call.body:
        asked: Sequence[podmanagers.PodManager] = [podmanagers.get(db, call.body["podm_id"])]
    else:
        asked = inventories.owners(db)
    return asked, inventory.renewed(call, asked).troubles(asked)


def view(
    call: calls.Call, row: devices.Device, freshness: inventory.Freshness
) -> Mapping[str, Any]:
    """Give a device as the API shows it."""
    return {
        "podm_id": row.podm_uuid,
        "node_id": row.node_uuid,
        "resource_uri": row.path,
        **{field: getattr(row, field) for field in PLAIN},
        **freshness.view(row),
        "created_at": calls.moment(row.created_at),
        "updated_at": calls.moment(row.updated_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }
