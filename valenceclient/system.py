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

"""Systems: the computers that pod managers compose nodes of."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from valenceclient import _inventory


@dataclasses.dataclass(frozen=True, kw_only=True)
class System(_inventory.Kept):
    """A computer system. ``state``: free, used, or absent: not listed any more."""

    state: str = ""
    rack_id: str | None = None
    #: The node of Valence that has it, and the composed node on the pod manager.
    node_id: str | None = None
    node_path: str | None = None
    chassis_path: str | None = None
    redfish_uuid: str | None = None
    power_state: str | None = None
    processor_count: int | None = None
    processor_model: str | None = None
    cores: int | None = None
    memory_mib: int | None = None
    processors: tuple[Mapping[str, Any], ...] = dataclasses.field(default=(), hash=False)
    drives: tuple[Mapping[str, Any], ...] = dataclasses.field(default=(), hash=False)
    nics: tuple[Mapping[str, Any], ...] = dataclasses.field(default=(), hash=False)

    CONVERT = {**_inventory.Kept.CONVERT, "processors": tuple, "drives": tuple, "nics": tuple}


class Systems(_inventory.KeptCollection[System]):
    """``/v1/systems``, of all pod managers."""

    path = "/systems"
    key = "systems"
    resource = System
