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
class Device(_reported.Reported):
    """A pooled device. It has no name.

    ``type``: ``storage``, or the type that its pod manager names for an
    accelerator. ``state``: free, allocated, or absent: not listed any more.
    """

    type: str = ""
    state: str = ""
    #: The node of Valence that it is attached to, and the composed node on the pod manager.
    node_id: str | None = None
    node_path: str | None = None
    #: The chassis that it is in.
    pooled_group_id: str | None = None
    #: Its path on its pod manager.
    resource_uri: str | None = None
    properties: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)

    CONVERT = {
        **_reported.Reported.CONVERT,
        "properties": _resource.mapping,
        "extra": _resource.mapping,
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class SyncResult(_resource.Record):
    """The result of a sync.

    ``synced``: uuids of the pod managers that Valence has read; ``errors``: why
    it could not read the others.
    """

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "synced": tuple,
        "errors": lambda raw: tuple(map(_reported.Trouble.from_json, raw)),
    }

    synced: tuple[str, ...] = ()
    errors: tuple[_reported.Trouble, ...] = ()


class Devices(_reported.RefreshableCollection[Device]):
    """``/v1/pooled``, of all pod managers. An ``ident`` is a uuid."""

    path = "/pooled"
    key = "pooled"
    resource = Device

    def sync(self, podm_id: str | None = None) -> SyncResult:
        """Make Valence read the devices of one pod manager (uuid or name), or of all.

        :raises NotFound: there is no such pod manager.
        """
        body = {} if podm_id is None else {"podm_id": podm_id}
        response = self._transport.request("POST", f"{self.path}/sync", body=body)
        return SyncResult.from_json(_transport.json_of(response))
