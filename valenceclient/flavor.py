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

"""Flavors: what to compose, under a name."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any
from typing import ClassVar

from valenceclient import _collection
from valenceclient import _resource


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flavor(_resource.Resource):
    """What to compose: ``processor``, ``memory``, ``storage``, ``network``, ``pci_device``."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        **_resource.Resource.CONVERT,
        "properties": _resource.mapping,
    }

    description: str | None = None
    properties: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)


class Flavors(_collection.Collection[Flavor]):
    """``/v1/flavors``."""

    path = "/flavors"
    key = "flavors"
    resource = Flavor

    def create(  # type: ignore[override]  # the fields by name, instead of any
        self,
        *,
        name: str,
        properties: Mapping[str, Any],
        description: str | None = None,
        uuid: str | None = None,
    ) -> Flavor:
        """Create a flavor. Raises Conflict if the name or uuid is taken."""
        return super().create(name=name, properties=properties, description=description, uuid=uuid)
