# SPDX-License-Identifier: Apache-2.0

"""Nodes: machines composed from a pod manager's pool, as data.

Their collection is in :mod:`valenceclient._nodes`, which needs the errors; the
errors refer to the nodes defined here.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import datetime
from typing import Any
from typing import ClassVar

from valenceclient import _resource
from valenceclient.fault import Fault


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interface(_resource.Record):
    """A network interface of a composed machine."""

    mac: str = ""
    path: str | None = None
    speed_mbps: int | None = None
    #: False: Ironic has no port for it, because another node of Ironic has its MAC.
    has_port: bool | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Node(_resource.Resource):
    """A composed machine, or one that is being composed or released.

    ``state``: composing, composed, missing, registering, unregistering,
    releasing or error; ``task``: the current step. A node is missing when its
    hardware was deleted on its pod manager by another client.
    """

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        **_resource.Resource.CONVERT,
        "task_since": _resource.parse_time,
        "properties": _resource.mapping,
        "identity": lambda raw: _resource.mapping(raw or {}),
        "interfaces": lambda raw: tuple(map(Interface.from_json, raw)),
        "fault": Fault.from_json,
    }

    description: str | None = None
    state: str = ""
    task: str | None = None
    task_since: datetime.datetime | None = None
    podm_id: str | None = None
    flavor_id: str | None = None
    properties: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    #: It existed before Valence knew it, and was adopted with ``nodes.manage``.
    adopted: bool = False
    #: The paths of the composed node and of its system on the pod manager.
    path: str | None = None
    system_path: str | None = None
    #: The facts by which its machine is recognized; empty: none is known yet.
    identity: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    interfaces: tuple[Interface, ...] = ()
    power_state: str | None = None
    #: ``ironic`` while the node is registered there.
    managed_by: str | None = None
    ironic_uuid: str | None = None
    fault: Fault | None = None
    generation: int | None = None
    #: Its pod manager does not answer as it should: every field is as last known.
    stale: bool = False
    #: The owner; None if the service has no authentication.
    project_id: str | None = None
    user_id: str | None = None
