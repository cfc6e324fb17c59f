# SPDX-License-Identifier: Apache-2.0

"""Flavors: named requirements of a node."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any
from typing import ClassVar

from valenceclient import _collection
from valenceclient import _resource


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flavor(_resource.Resource):
    """A flavor.

    ``properties``: requirements under ``processor``, ``memory``, ``storage``,
    ``network`` and ``pci_device``.
    """

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
        """Create a flavor.

        :raises Conflict: another flavor has the name or the uuid.
        """
        return super().create(name=name, properties=properties, description=description, uuid=uuid)
