# SPDX-License-Identifier: Apache-2.0

"""Flavors."""

from collections.abc import Mapping
from typing import Any
import uuid as uuids

import werkzeug

from valence.api import call as api_call
from valence.objects import base as objects_base
from valence.objects import flavor as flavor_objects

PLURAL = "flavors"


def index(call: api_call.Call) -> werkzeug.Response:
    """List flavors."""
    rows, more = flavor_objects.page(call.service.db, call.page_query())
    return api_call.json_response(call.page(PLURAL, [view(call, row) for row in rows], more))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a flavor."""
    return api_call.json_response(view(call, flavor_objects.get(call.service.db, ident)))


def create(call: api_call.Call) -> werkzeug.Response:
    """Create a flavor; the same request with the same uuid again is the same flavor."""
    uuid = objects_base.as_uuid(call.body.get("uuid", "")) or str(uuids.uuid4())
    values = {"description": None, **call.body, "uuid": uuid}
    row, new = flavor_objects.create(call.service.db, values)
    body = view(call, row)
    return api_call.json_response(
        body, 201 if new else 200, {"Location": body["links"][0]["href"]}
    )


def update(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Change a flavor; nodes that were composed from it stay as they are."""
    return api_call.json_response(
        view(call, flavor_objects.update(call.service.db, ident, call.body))
    )


def delete(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Delete a flavor; nodes that were composed from it stay."""
    flavor_objects.delete(call.service.db, ident)
    return api_call.json_response(status=204)


def view(call: api_call.Call, row: flavor_objects.Flavor) -> Mapping[str, Any]:
    """Return a flavor as the API shows it."""
    return {
        "uuid": row.uuid,
        "name": row.name,
        "description": row.description,
        "properties": row.properties,
        "created_at": api_call.isotime(row.created_at),
        "updated_at": api_call.isotime(row.updated_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }
