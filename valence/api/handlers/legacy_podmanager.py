# SPDX-License-Identifier: Apache-2.0

"""Pod managers, in the form of earlier releases.

Requests and responses are translated; :mod:`valence.api.handlers.podmanager` handles them.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import json
from typing import Any

import werkzeug

from valence.api import call as api_call
from valence.api.handlers import podmanager
from valence.objects import base as objects_base
from valence.objects import podmanager as podmanager_objects

#: Fields with the same name in both forms.
PLAIN = ("uuid", "name", "url", "driver", "status", "created_at", "updated_at")


def index(call: api_call.Call) -> werkzeug.Response:
    """List all pod managers in one bare list."""
    rows = all_pages(
        functools.partial(podmanager_objects.page, call.service.db), objects_base.Query()
    )
    return api_call.json_response([_legacy_view(podmanager.view(call, row)) for row in rows])


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a pod manager, in the form of earlier releases."""
    return _legacy(podmanager.show(call, ident))


def create(call: api_call.Call) -> werkzeug.Response:
    """Register a pod manager, in the form of earlier releases."""
    return _legacy(podmanager.create(_current(call)))


def update(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Change a pod manager, in the form of earlier releases."""
    return _legacy(podmanager.update(_current(call), ident))


def delete(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Delete a pod manager."""
    return podmanager.delete(call, ident)


def all_pages(
    page: Callable[[objects_base.Query], tuple[Sequence[Any], bool]], query: objects_base.Query
) -> list[Any]:
    """Return the rows of all pages of a collection."""
    rows: list[Any] = []
    more = True
    while more:
        batch, more = page(query)
        rows += batch
        query = dataclasses.replace(query, marker=batch[-1].uuid if batch else None)
    return rows


def _legacy_view(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pod manager in the earlier form, without its password."""
    authentication = {"type": "basic", "auth_items": {"username": view["username"]}}
    return {**{field: view[field] for field in PLAIN}, "authentication": [authentication]}


def _current(call: api_call.Call) -> api_call.Call:
    """Return a call with its body translated to the current form."""
    body = {key: value for key, value in call.body.items() if key != "authentication"}
    for authentication in call.body.get("authentication", ()):
        body.update(authentication["auth_items"])
    return dataclasses.replace(call, body=body)


def _legacy(response: werkzeug.Response) -> werkzeug.Response:
    return api_call.json_response(_legacy_view(json.loads(response.get_data())))
