# SPDX-License-Identifier: Apache-2.0

"""Pooled devices: drives and accelerators that belong to no system."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any
from typing import ClassVar

from valenceclient import _reported
from valenceclient import _resource
from valenceclient import _transport


@dataclasses.dataclass(frozen=True, kw_only=True)
class Device(_reported.Told):
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
        **_reported.Told.CONVERT,
        "properties": _resource.mapping,
        "extra": _resource.mapping,
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Synced(_resource.Record):
    """How it went: the uuids of pod managers that were read, and what is wrong with others."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "synced": tuple,
        "errors": lambda raw: tuple(map(_reported.Trouble.from_json, raw)),
    }

    synced: tuple[str, ...] = ()
    errors: tuple[_reported.Trouble, ...] = ()


class Devices(_reported.KeptCollection[Device]):
    """``/v1/pooled``, of all pod managers. An ``ident`` is a uuid."""

    path = "/pooled"
    key = "pooled"
    resource = Device

    def sync(self, podm_id: str | None = None) -> Synced:
        """Have one pod manager read (uuid or name), or all of them. Raises NotFound."""
        body = {} if podm_id is None else {"podm_id": podm_id}
        answer = self._transport.request("POST", f"{self.path}/sync", body=body)
        return Synced.from_json(_transport.json_of(answer))
