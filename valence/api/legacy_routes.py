# SPDX-License-Identifier: Apache-2.0

"""Deprecated paths, for clients of earlier releases.

Their responses are those of the earlier releases, except for passwords: bare lists,
``authentication``, and status 200. ``openapi.json`` marks them as deprecated.
"""

from valence import errors
from valence.api.handlers import legacy_device
from valence.api.handlers import legacy_podmanager
from valence.api.route import Route
from valence.api.schemas import device as device_schemas
from valence.api.schemas import legacy as legacy_schemas

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/pod_managers",
        legacy_podmanager.index,
        "valence:podmanager:get",
        {200: legacy_schemas.PODMANAGERS},
        deprecated=True,
    ),
    Route(
        "POST",
        "/v1/pod_managers",
        legacy_podmanager.create,
        "valence:podmanager:create",
        {200: legacy_schemas.PODMANAGER},
        body=legacy_schemas.CREATE,
        refuses=(errors.PodManagerDuplicate,),
        deprecated=True,
    ),
    Route(
        "GET",
        "/v1/pod_managers/<ident>",
        legacy_podmanager.show,
        "valence:podmanager:get",
        {200: legacy_schemas.PODMANAGER},
        refuses=(errors.PodManagerNotFound,),
        deprecated=True,
    ),
    Route(
        "PATCH",
        "/v1/pod_managers/<ident>",
        legacy_podmanager.update,
        "valence:podmanager:update",
        {200: legacy_schemas.PODMANAGER},
        body=legacy_schemas.UPDATE,
        refuses=(
            errors.PodManagerNotFound,
            errors.PodManagerDuplicate,
            errors.PodManagerMismatched,
            errors.PodManagerUnauthorized,
        ),
        deprecated=True,
    ),
    Route(
        "DELETE",
        "/v1/pod_managers/<ident>",
        legacy_podmanager.delete,
        "valence:podmanager:delete",
        {204: None},
        refuses=(errors.PodManagerNotFound, errors.PodManagerInUse),
        deprecated=True,
    ),
    Route(
        "GET",
        "/v1/devices",
        legacy_device.index,
        "valence:device:get",
        {200: legacy_schemas.DEVICES},
        query=legacy_schemas.FILTERS,
        deprecated=True,
    ),
    Route(
        "POST",
        "/v1/devices/sync",
        legacy_device.sync,
        "valence:device:sync",
        {200: legacy_schemas.SYNCED},
        body=device_schemas.SYNC,
        body_required=False,
        refuses=(errors.PodManagerNotFound,),
        deprecated=True,
    ),
    Route(
        "GET",
        "/v1/devices/<ident>",
        legacy_device.show,
        "valence:device:get",
        {200: legacy_schemas.DEVICE},
        refuses=(errors.DeviceNotFound,),
        deprecated=True,
    ),
)
