# SPDX-License-Identifier: Apache-2.0

"""Systems: the computers that pod managers compose into nodes."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from valenceclient import _reported


@dataclasses.dataclass(frozen=True, kw_only=True)
class System(_reported.Asset):
    """A computer system. ``state``: free, used, or absent: not listed any more."""

    state: str = ""
    rack_id: str | None = None
    #: The node of Valence that uses it, and the composed node on the pod manager.
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

    CONVERT = {**_reported.Asset.CONVERT, "processors": tuple, "drives": tuple, "nics": tuple}


class Systems(_reported.RefreshableCollection[System]):
    """``/v1/systems``, of all pod managers."""

    path = "/systems"
    key = "systems"
    resource = System
