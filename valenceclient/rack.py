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

"""Racks: where systems stand."""

from collections.abc import Mapping
import dataclasses

from valenceclient import _inventory
from valenceclient import _resource


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rack(_inventory.Kept):
    """A rack, or whatever chassis stands on its own.

    ``systems``: how many it has: ``total``, ``used``, ``free`` and ``absent``.
    """

    chassis_type: str | None = None
    systems: Mapping[str, int] = dataclasses.field(default_factory=dict, hash=False)

    CONVERT = {**_inventory.Kept.CONVERT, "systems": _resource.mapping}


class Racks(_inventory.KeptCollection[Rack]):
    """``/v1/racks``, of all pod managers."""

    path = "/racks"
    key = "racks"
    resource = Rack
