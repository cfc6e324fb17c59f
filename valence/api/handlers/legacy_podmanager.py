# SPDX-License-Identifier: Apache-2.0

"""Pod managers, in the form in which earlier clients ask for them and read them.

A table translates; what is done is what :mod:`valence.api.handlers.podmanager` does.
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
from valence.objects import base
from valence.objects import podmanager as podmanager_objects

#: Fields that are called the same, then and now.
PLAIN = ("uuid", "name", "url", "driver", "status", "created_at", "updated_at")


def index(call: api_call.Call) -> werkzeug.Response:
    """List pod managers, all of them in one list."""
    rows = every(functools.partial(podmanager_objects.page, call.service.db), base.Query())
    return api_call.answer([earlier(podmanager.view(call, row)) for row in rows])


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a pod manager, as it was shown before."""
    return _answer(podmanager.show(call, ident))


def create(call: api_call.Call) -> werkzeug.Response:
    """Make a pod manager known, asked for as before."""
    return _answer(podmanager.create(_today(call)))


def update(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Change a pod manager, asked for as before."""
    return _answer(podmanager.update(_today(call), ident))


def delete(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Forget a pod manager, as before."""
    return podmanager.delete(call, ident)


def every(
    page: Callable[[base.Query], tuple[Sequence[Any], bool]], query: base.Query
) -> list[Any]:
    """Read all pages of a collection."""
    found: list[Any] = []
    more = True
    while more:
        rows, more = page(query)
        found += rows
        query = dataclasses.replace(query, marker=rows[-1].uuid if rows else None)
    return found


def earlier(view: Mapping[str, Any]) -> dict[str, Any]:
    """Give a pod manager in the earlier form; its password is not shown any more."""
    known = {"type": "basic", "auth_items": {"username": view["username"]}}
    return {**{field: view[field] for field in PLAIN}, "authentication": [known]}


def _today(call: api_call.Call) -> api_call.Call:
    """Give a call with the body that it has today."""
    body = {key: value for key, value in call.body.items() if key != "authentication"}
    for known in call.body.get("authentication", ()):
        body.update(known["auth_items"])
    return dataclasses.replace(call, body=body)


def _answer(answer: werkzeug.Response) -> werkzeug.Response:
    return api_call.answer(earlier(json.loads(answer.get_data())))
