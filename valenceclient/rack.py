# SPDX-License-Identifier: Apache-2.0

"""Racks: where systems stand."""

from collections.abc import Mapping
import dataclasses

from valenceclient import _reported
from valenceclient import _resource


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rack(_reported.Kept):
    """A rack, or whatever chassis stands on its own.

    ``systems``: how many it has: ``total``, ``used``, ``free`` and ``absent``.
    """

    chassis_type: str | None = None
    systems: Mapping[str, int] = dataclasses.field(default_factory=dict, hash=False)

    CONVERT = {**_reported.Kept.CONVERT, "systems": _resource.mapping}


class Racks(_reported.KeptCollection[Rack]):
    """``/v1/racks``, of all pod managers."""

    path = "/racks"
    key = "racks"
    resource = Rack
