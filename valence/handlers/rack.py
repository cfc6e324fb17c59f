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


"""Racks."""

from collections.abc import Mapping
from typing import Any

import werkzeug

from valence import calls
from valence.handlers import inventory
from valence.objects import rack as racks

PLURAL = "racks"

#: Query parameters that are called otherwise in the table.
RENAMED = {"podm_id": "podm_uuid"}

#: Fields that the API shows as the row has them.
PLAIN = ("path", "chassis_type", "manufacturer", "model", "serial_number", "health")


def index(call: calls.Call) -> werkzeug.Response:
    """List the racks of all pod managers, as last known; with refresh, as they are now."""
    freshness, troubles = inventory.fresh(call, inventory.podm_of(call))
    rows, more = racks.page(call.service.db, call.page_wanted(RENAMED))
    contents = racks.contents(call.service.db, [row.uuid for row in rows])
    views = [view(call, row, contents[row.uuid], freshness) for row in rows]
    return calls.answer(inventory.answer_of(call, PLURAL, views, more, troubles))


def show(call: calls.Call, ident: str) -> werkzeug.Response:
    """Show a rack, as last known; with refresh, as its pod manager has it now."""
    found = racks.get(call.service.db, ident)
    freshness, _ = inventory.fresh(call, found.podm_uuid)
    row = racks.get(call.service.db, found.uuid)
    contents = racks.contents(call.service.db, [row.uuid])
    return calls.answer(view(call, row, contents[row.uuid], freshness))


def view(
    call: calls.Call,
    row: racks.Rack,
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
        "created_at": calls.moment(row.created_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }
