# SPDX-License-Identifier: Apache-2.0

"""What a driver answers when it is asked what a pod manager has."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import hashlib
import json
from typing import Any


@dataclasses.dataclass(frozen=True)
class Details:
    """What of a system or a pooled drive takes requests of its own, and hardly ever changes.

    :ivar fingerprint: of what the system, or the chassis of the drive, says of itself: as
        long as that is the same, the details are not read again.
    :ivar processors: ``model``, ``type`` (``CPU``, ``FPGA``, ...), ``cores``,
        ``instruction_set``, ``speed_mhz``, each only when known.
    :ivar drives: those in the system's own chassis: ``path``, ``capacity_gib``,
        ``type`` (``SSD``, ``HDD``, ``NVMe``), ``interface``, ``rpm``. Of a pooled drive
        its own properties alone, see :class:`Device`.
    :ivar nics: ``mac``, ``speed_mbps``.
    """

    fingerprint: str
    processors: Sequence[Mapping[str, Any]] = ()
    drives: Sequence[Mapping[str, Any]] = ()
    nics: Sequence[Mapping[str, Any]] = ()


@dataclasses.dataclass(frozen=True)
class System:
    """A computer system of the pool, whether a node has it or not.

    :ivar state: ``free``, ``used`` by a composed node, or ``absent``.
    :ivar node_path: of the composed node that has it.
    :ivar node_name: the Redfish Name of that node.
    :ivar chassis_path: of the innermost chassis around it.
    :ivar rack_path: of its rack.
    """

    path: str
    name: str | None
    state: str
    redfish_uuid: str | None
    serial_number: str | None
    manufacturer: str | None
    model: str | None
    health: str | None
    power_state: str | None
    processor_count: int | None
    processor_model: str | None
    cores: int | None
    memory_mib: int | None
    node_path: str | None
    node_name: str | None
    chassis_path: str | None
    rack_path: str | None
    details: Details


@dataclasses.dataclass(frozen=True)
class Rack:
    """A rack, or whatever chassis stands on its own where there are no racks."""

    path: str
    name: str | None
    chassis_type: str | None
    manufacturer: str | None
    model: str | None
    serial_number: str | None
    health: str | None


@dataclasses.dataclass(frozen=True)
class Device:
    """Something of the pool that belongs to no system, and can be given to any.

    :ivar type: ``storage``, or what the pod manager calls an accelerator: ``FPGA``, ...
    :ivar state: ``free``, or ``allocated`` to a composed node.
    :ivar node_path: of the composed node that has it.
    :ivar node_name: the Redfish Name of that node.
    :ivar pooled_group_id: the Id of the chassis that it is in.
    :ivar listed_by: path of the chassis or system that lists it: as long as that cannot
        be read, nothing is said of it.
    :ivar properties: each only when known. Of a drive ``capacity_gib``, ``media_type``,
        ``protocol``, ``rpm``, ``model``, ``manufacturer``, ``serial_number``; of an
        accelerator ``model``, ``cores``, ``instruction_set``, ``speed_mhz``.
    :ivar fingerprint: of a drive, as :class:`Details` have it.
    """

    path: str
    type: str
    state: str
    node_path: str | None
    node_name: str | None
    pooled_group_id: str | None
    listed_by: str
    properties: Mapping[str, Any]
    fingerprint: str = ""


@dataclasses.dataclass(frozen=True)
class Inventory:
    """What a pod manager has, as far as it told.

    :ivar apart: details of systems that are no computers, but lists of pooled devices.
    :ivar devices: what is pooled.
    :ivar unread: paths that are listed, and could not be read: nothing is said of
        them.
    :ivar latency: of the quickest request, seconds.
    :ivar requests: how many it took.
    """

    systems: Sequence[System]
    racks: Sequence[Rack]
    apart: Mapping[str, Details]
    unread: frozenset[str]
    devices: Sequence[Device]
    latency: float | None
    requests: int

    @property
    def known(self) -> Mapping[str, Details]:
        """Give what spares requests the next time: path -> details."""
        drives = {
            one.path: Details(one.fingerprint, drives=[one.properties])
            for one in self.devices
            if one.fingerprint
        }
        return {**self.apart, **{one.path: one.details for one in self.systems}, **drives}


def fingerprint(*said: Any) -> str:
    """Make a fingerprint of what something says of itself, which is JSON."""
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
