# SPDX-License-Identifier: Apache-2.0

"""The values that a driver returns for the inventory of a pod manager."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import hashlib
import json
from typing import Any

from valence.podmanagers.limitation import Limitation


@dataclasses.dataclass(frozen=True)
class Details:
    """Parts of a system, or properties of a pooled drive: costly to read, and stable.

    :ivar fingerprint: of what the system, or the drive's chassis, reports about itself: as
        long as it is unchanged, the details are not read again.
    :ivar processors: ``path``, ``model``, ``type`` (``CPU``, ``FPGA``, ...), ``cores``,
        ``instruction_set``, ``speed_mhz``, each only when known.
    :ivar drives: those in the system's own chassis: ``path``, ``capacity_gib``,
        ``type`` (``SSD``, ``HDD``, ``NVMe``), ``interface``, ``rpm``. For a pooled drive
        its own properties only, see :class:`Device`.
    :ivar nics: ``mac``, ``speed_mbps``.
    """

    fingerprint: str
    processors: Sequence[Mapping[str, Any]] = ()
    drives: Sequence[Mapping[str, Any]] = ()
    nics: Sequence[Mapping[str, Any]] = ()


@dataclasses.dataclass(frozen=True)
class System:
    """A computer system of the pool, whether a node holds it or not.

    :ivar state: ``free``, ``used`` by a composed node, or ``absent``.
    :ivar node_path: of the composed node that holds it.
    :ivar node_name: the Redfish Name of that node.
    :ivar chassis_path: of the innermost chassis that contains it.
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
    """A rack, or any outermost chassis where there are no racks."""

    path: str
    name: str | None
    chassis_type: str | None
    manufacturer: str | None
    model: str | None
    serial_number: str | None
    health: str | None


@dataclasses.dataclass(frozen=True)
class Device:
    """A pooled device: it belongs to no system and can be attached to any.

    :ivar type: ``storage``, or the pod manager's word for an accelerator: ``FPGA``, ...
    :ivar state: ``free``, or ``allocated`` to a composed node.
    :ivar node_path: of the composed node that holds it.
    :ivar node_name: the Redfish Name of that node.
    :ivar pooled_group_id: the Id of the chassis that contains it.
    :ivar listed_by: path of the chassis or system that lists it: while that cannot be
        read, nothing is concluded about the device.
    :ivar properties: each only when known. Of a drive ``capacity_gib``, ``media_type``,
        ``protocol``, ``rpm``, ``model``, ``manufacturer``, ``serial_number``; of an
        accelerator ``model``, ``cores``, ``instruction_set``, ``speed_mhz``.
    :ivar fingerprint: of a drive, as in :class:`Details`.
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
    """The pool of a pod manager, as far as it could be read.

    :ivar apart: path -> details of systems that are no computers, but lists of pooled devices.
    :ivar devices: the pooled devices.
    :ivar unread: normal paths (:func:`.odata.normal_path`) of what is listed and could not
        be read: nothing is concluded about it.
    :ivar partial: whether nothing is concluded about what is not listed.
    :ivar latency: of the fastest request, in seconds.
    :ivar requests: how many it took.
    :ivar limitations: what cannot be composed on the pod manager; None: unknown.
    """

    systems: Sequence[System]
    racks: Sequence[Rack]
    apart: Mapping[str, Details]
    unread: frozenset[str]
    devices: Sequence[Device]
    latency: float | None
    requests: int
    partial: bool = False
    limitations: Sequence[Limitation] | None = None

    @property
    def details(self) -> Mapping[str, Details]:
        """Path -> details, the ``cached`` of the next :meth:`.base.Driver.inventory`."""
        drives = {
            device.path: Details(device.fingerprint, drives=[device.properties])
            for device in self.devices
            if device.fingerprint
        }
        systems = {system.path: system.details for system in self.systems}
        return {**self.apart, **systems, **drives}


def fingerprint(*values: Any) -> str:
    """Return a fingerprint of JSON values."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()
