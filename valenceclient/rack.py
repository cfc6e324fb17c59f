# SPDX-License-Identifier: Apache-2.0

"""Racks: the chassis that contain systems."""

from collections.abc import Mapping
import dataclasses

from valenceclient import _reported
from valenceclient import _resource


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rack(_reported.Asset):
    """A rack, or any chassis that is in no other chassis.

    ``systems``: how many it contains: ``total``, ``used``, ``free`` and ``absent``.
    """

    chassis_type: str | None = None
    systems: Mapping[str, int] = dataclasses.field(default_factory=dict, hash=False)

    CONVERT = {**_reported.Asset.CONVERT, "systems": _resource.mapping}


class Racks(_reported.RefreshableCollection[Rack]):
    """``/v1/racks``, of all pod managers."""

    path = "/racks"
    key = "racks"
    resource = Rack
