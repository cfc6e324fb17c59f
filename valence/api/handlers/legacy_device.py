# SPDX-License-Identifier: Apache-2.0

"""Pooled devices, in the form in which earlier clients ask for them and read them."""

import functools
from typing import Any

import werkzeug

from valence.api import call as api_call
from valence.api.handlers import device
from valence.api.handlers import legacy_podmanager
from valence.api.schemas import legacy as legacy_schemas
from valence.objects import device as device_objects


def index(call: api_call.Call) -> werkzeug.Response:
    """List pooled devices, all of them in one list."""
    renamed = {**device.RENAMED, "uuid": "uuid"}
    page = functools.partial(device_objects.page, call.service.db)
    rows = legacy_podmanager.every(page, call.page_wanted(renamed))
    return api_call.answer([_view(row, legacy_schemas.LISTED) for row in rows])


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a pooled device, as it was shown before."""
    return api_call.answer(_view(device_objects.get(call.service.db, ident), legacy_schemas.SHOWN))


def sync(call: api_call.Call) -> werkzeug.Response:
    """Have one or all pod managers read, and say of each whether that went well."""
    asked, troubles = device.refreshed(call)
    ill = {trouble["podm_id"] for trouble in troubles}
    return api_call.answer(
        [
            {"podm_id": podm.uuid, "status": "FAILED" if podm.uuid in ill else "SUCCESS"}
            for podm in asked
        ]
    )


def _view(row: device_objects.Device, fields: tuple[str, ...]) -> dict[str, Any]:
    whole = {name: getattr(row, device.RENAMED.get(name, name)) for name in fields}
    times = {name: api_call.moment(whole[name]) for name in fields if name.endswith("_at")}
    return {**whole, **times}
