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


"""Flavors."""

from collections.abc import Mapping
from typing import Any
import uuid as uuids

import werkzeug

from valence import calls
from valence.objects import base
from valence.objects import flavor as flavors

PLURAL = "flavors"


def index(call: calls.Call) -> werkzeug.Response:
    """List flavors."""
    rows, more = flavors.page(call.service.db, call.page_wanted())
    return calls.answer(call.page(PLURAL, [view(call, row) for row in rows], more))


def show(call: calls.Call, ident: str) -> werkzeug.Response:
    """Show a flavor."""
    return calls.answer(view(call, flavors.get(call.service.db, ident)))


def create(call: calls.Call) -> werkzeug.Response:
    """Create a flavor; the same request with the same uuid again is the same flavor."""
    asked = call.body
    uuid = base.as_uuid(asked.get("uuid", "")) or str(uuids.uuid4())
    values = {"description": None, **asked, "uuid": uuid}
    row, new = flavors.create(call.service.db, values)
    shown = view(call, row)
    return calls.answer(shown, 201 if new else 200, {"Location": shown["links"][0]["href"]})


def update(call: calls.Call, ident: str) -> werkzeug.Response:
    """Change a flavor; nodes that were composed from it stay as they are."""
    return calls.answer(view(call, flavors.update(call.service.db, ident, call.body)))


def delete(call: calls.Call, ident: str) -> werkzeug.Response:
    """Delete a flavor; nodes that were composed from it stay."""
    flavors.delete(call.service.db, ident)
    return calls.answer(status=204)


def view(call: calls.Call, row: flavors.Flavor) -> Mapping[str, Any]:
    """Give a flavor as the API shows it."""
    return {
        "uuid": row.uuid,
        "name": row.name,
        "description": row.description,
        "properties": row.properties,
        "created_at": calls.moment(row.created_at),
        "updated_at": calls.moment(row.updated_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }
