# SPDX-License-Identifier: Apache-2.0

"""Pooled devices, in the form of earlier releases."""

import functools
from typing import Any

import werkzeug

from valence.api import call as api_call
from valence.api.handlers import device
from valence.api.handlers import legacy_podmanager
from valence.api.schemas import legacy as legacy_schemas
from valence.objects import device as device_objects


def index(call: api_call.Call) -> werkzeug.Response:
    """List all pooled devices in one bare list."""
    page = functools.partial(device_objects.page, call.service.db)
    rows = legacy_podmanager.all_pages(page, call.page_query(device.RENAMED))
    return api_call.json_response([_view(row, legacy_schemas.LISTED) for row in rows])


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a pooled device, in the form of earlier releases."""
    return api_call.json_response(
        _view(device_objects.get(call.service.db, ident), legacy_schemas.SHOWN)
    )


def sync(call: api_call.Call) -> werkzeug.Response:
    """Read one or all pod managers, and show for each whether that succeeded."""
    podms, podm_errors = device.refresh(call)
    failed = {error["podm_id"] for error in podm_errors}
    return api_call.json_response(
        [
            {"podm_id": podm.uuid, "status": "FAILED" if podm.uuid in failed else "SUCCESS"}
            for podm in podms
        ]
    )


def _view(row: device_objects.Device, fields: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(row, device.RENAMED.get(name, name)) for name in fields}
    times = {name: api_call.isotime(values[name]) for name in fields if name.endswith("_at")}
    return {**values, **times}
