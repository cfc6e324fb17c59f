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


"""Paths that earlier clients know, beside those of today.

They answer as they did, where that was no danger: with lists that are bare, with
``authentication``, with 200. In ``openapi.json`` they are deprecated.
"""

from valence import errors
from valence.handlers import earlier
from valence.handlers import earlier_device
from valence.routing import Route
from valence.schemas import device as device_schemas
from valence.schemas import earlier as schemas

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/pod_managers",
        earlier.index,
        "valence:podmanager:get",
        {200: schemas.PODMANAGERS},
        deprecated=True,
    ),
    Route(
        "POST",
        "/v1/pod_managers",
        earlier.create,
        "valence:podmanager:create",
        {200: schemas.PODMANAGER},
        body=schemas.CREATE,
        refuses=(errors.PodManagerDuplicate,),
        deprecated=True,
    ),
    Route(
        "GET",
        "/v1/pod_managers/<ident>",
        earlier.show,
        "valence:podmanager:get",
        {200: schemas.PODMANAGER},
        refuses=(errors.PodManagerNotFound,),
        deprecated=True,
    ),
    Route(
        "PATCH",
        "/v1/pod_managers/<ident>",
        earlier.update,
        "valence:podmanager:update",
        {200: schemas.PODMANAGER},
        body=schemas.UPDATE,
        refuses=(
            errors.PodManagerNotFound,
            errors.PodManagerDuplicate,
            errors.PodManagerUnauthorized,
        ),
        deprecated=True,
    ),
    Route(
        "DELETE",
        "/v1/pod_managers/<ident>",
        earlier.delete,
        "valence:podmanager:delete",
        {204: None},
        refuses=(errors.PodManagerNotFound, errors.PodManagerInUse),
        deprecated=True,
    ),
    Route(
        "GET",
        "/v1/devices",
        earlier_device.index,
        "valence:device:get",
        {200: schemas.DEVICES},
        query=schemas.FILTERS,
        deprecated=True,
    ),
    Route(
        "POST",
        "/v1/devices/sync",
        earlier_device.sync,
        "valence:device:sync",
        {200: schemas.SYNCED},
        body=device_schemas.SYNC,
        body_required=False,
        refuses=(errors.PodManagerNotFound,),
        deprecated=True,
    ),
    Route(
        "GET",
        "/v1/devices/<ident>",
        earlier_device.show,
        "valence:device:get",
        {200: schemas.DEVICE},
        refuses=(errors.DeviceNotFound,),
        deprecated=True,
    ),
)
