# SPDX-License-Identifier: Apache-2.0

"""Flavors."""

from collections.abc import Mapping
from typing import Any
import uuid as uuids

import werkzeug

from valence.api import call as api_call
from valence.objects import base
from valence.objects import flavor as flavor_objects

PLURAL = "flavors"


def index(call: api_call.Call) -> werkzeug.Response:
    """List flavors."""
    rows, more = flavor_objects.page(call.service.db, call.page_wanted())
    return api_call.answer(call.page(PLURAL, [view(call, row) for row in rows], more))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a flavor."""
    return api_call.answer(view(call, flavor_objects.get(call.service.db, ident)))


def create(call: api_call.Call) -> werkzeug.Response:
    """Create a flavor; the same request with the same uuid again is the same flavor."""
    asked = call.body
    uuid = base.as_uuid(asked.get("uuid", "")) or str(uuids.uuid4())
    values = {"description": None, **asked, "uuid": uuid}
    row, new = flavor_objects.create(call.service.db, values)
    shown = view(call, row)
    return api_call.answer(shown, 201 if new else 200, {"Location": shown["links"][0]["href"]})


def update(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Change a flavor; nodes that were composed from it stay as they are."""
    return api_call.answer(view(call, flavor_objects.update(call.service.db, ident, call.body)))


def delete(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Delete a flavor; nodes that were composed from it stay."""
    flavor_objects.delete(call.service.db, ident)
    return api_call.answer(status=204)


def view(call: api_call.Call, row: flavor_objects.Flavor) -> Mapping[str, Any]:
    """Give a flavor as the API shows it."""
    return {
        "uuid": row.uuid,
        "name": row.name,
        "description": row.description,
        "properties": row.properties,
        "created_at": api_call.moment(row.created_at),
        "updated_at": api_call.moment(row.updated_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }
