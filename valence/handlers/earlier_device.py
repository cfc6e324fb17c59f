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

"""Pooled devices, in the form in which earlier clients ask for them and read them."""

import functools
from typing import Any

import werkzeug

from valence import calls
from valence.handlers import device
from valence.handlers import earlier
from valence.objects import device as devices
from valence.schemas import earlier as schemas


def index(call: calls.Call) -> werkzeug.Response:
    """List pooled devices, all of them in one list."""
    renamed = {**device.RENAMED, "uuid": "uuid"}
    page = functools.partial(devices.page, call.service.db)
    rows = earlier.every(page, call.page_wanted(renamed))
    return calls.answer([_view(row, schemas.LISTED) for row in rows])


def show(call: calls.Call, ident: str) -> werkzeug.Response:
    """Show a pooled device, as it was shown before."""
    return calls.answer(_view(devices.get(call.service.db, ident), schemas.SHOWN))


def sync(call: calls.Call) -> werkzeug.Response:
    """Have one or all pod managers read, and say of each whether that went well."""
    asked, troubles = device.refreshed(call)
    ill = {trouble["podm_id"] for trouble in troubles}
    return calls.answer(
        [
            {"podm_id": podm.uuid, "status": "FAILED" if podm.uuid in ill else "SUCCESS"}
            for podm in asked
        ]
    )


def _view(row: devices.Device, fields: tuple[str, ...]) -> dict[str, Any]:
    whole = {name: getattr(row, device.RENAMED.get(name, name)) for name in fields}
    times = {name: calls.moment(whole[name]) for name in fields if name.endswith("_at")}
    return {**whole, **times}
