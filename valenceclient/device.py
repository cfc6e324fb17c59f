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

"""Pooled devices: drives and accelerators that belong to no system."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any
from typing import ClassVar

from valenceclient import _inventory
from valenceclient import _resource
from valenceclient import _transport


@dataclasses.dataclass(frozen=True, kw_only=True)
class Device(_inventory.Told):
    """A pooled device. It has no name.

    ``type``: ``storage``, or what its pod manager calls an accelerator.
    ``state``: free, allocated, or absent: not listed any more.
    """

    type: str = ""
    state: str = ""
    #: The node of Valence that has it, and the composed node on the pod manager.
    node_id: str | None = None
    node_path: str | None = None
    #: The chassis that it is in.
    pooled_group_id: str | None = None
    #: Its path on its pod manager.
    resource_uri: str | None = None
    properties: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)

    CONVERT = {
        **_inventory.Told.CONVERT,
        "properties": _resource.mapping,
        "extra": _resource.mapping,
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Synced(_resource.Record):
    """How it went: the uuids of pod managers that were read, and what is wrong with others."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "synced": tuple,
        "errors": lambda raw: tuple(map(_inventory.Trouble.from_json, raw)),
    }

    synced: tuple[str, ...] = ()
    errors: tuple[_inventory.Trouble, ...] = ()


class Devices(_inventory.KeptCollection[Device]):
    """``/v1/pooled``, of all pod managers. An ``ident`` is a uuid."""

    path = "/pooled"
    key = "pooled"
    resource = Device

    def sync(self, podm_id: str | None = None) -> Synced:
        """Have one pod manager read (uuid or name), or all of them. Raises NotFound."""
        body = {} if podm_id is None else {"podm_id": podm_id}
        answer = self._transport.request("POST", f"{self.path}/sync", body=body)
        return Synced.from_json(_transport.json_of(answer))
