# SPDX-License-Identifier: Apache-2.0

"""Writes the inventory that a pod manager has reported into its rows."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
import dataclasses
import datetime
from typing import Any
import uuid as uuids

import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence import ownership
from valence.objects import device as device_objects
from valence.objects import rack as rack_objects
from valence.objects import system as system_objects
from valence.podmanagers import inventory as podm_inventory
from valence_conductor import waiting

#: Columns of a system, a rack and a device that a driver reports under the same name.
SYSTEM = (
    "path",
    "chassis_path",
    "name",
    "state",
    "node_path",
    "redfish_uuid",
    "serial_number",
    "manufacturer",
    "model",
    "health",
    "power_state",
    "processor_count",
    "processor_model",
    "cores",
    "memory_mib",
)
RACK = ("path", "name", "chassis_type", "manufacturer", "model", "serial_number", "health")
DEVICE = (
    *("path", "type", "state", "node_path", "pooled_group_id"),
    *("listed_by", "properties", "fingerprint"),
)

#: Columns that an operation of Valence writes too, later than a refresh that runs already.
ALLOCATION = ("state", "node_path", "node_uuid")

#: The largest number that a column can store.
LARGEST = 2**31 - 1


class InventoryWriter:
    """Brings the rows of one pod manager up to date, in one transaction.

    :param started_at: when the refresh started.
    :param previous: when the last successful refresh ended.
    :param cached: paths whose details were perhaps not read again.
    """

    def __init__(
        self,
        session: orm.Session,
        podm_uuid: str,
        reported: podm_inventory.Inventory,
        started_at: datetime.datetime,
        previous: datetime.datetime,
        cached: Collection[str],
    ) -> None:
        self._session = session
        self._podm_uuid = podm_uuid
        self._reported = reported
        self._started_at = started_at
        self._previous = previous
        self._cached = cached
        self._systems = self._load(system_objects.System)
        self._devices = self._load(device_objects.Device)
        self._racks = self._load(rack_objects.Rack)

    def refuse_empty(self) -> None:
        """Raise if all systems disappeared at once.

        :raises PodManagerFailed: it lists no system at all, though some are stored.
        """
        present = [row for row in self._systems.values() if row.state != "absent"]
        if present and not self._reported.systems:
            raise errors.PodManagerFailed(
                f"It lists none of its {len(present)} systems, which cannot be right; see the "
                "log of the pod manager. If it really has none any more, delete it and register "
                "it again."
            )

    def save_racks(self) -> None:
        """Insert and update the racks."""
        for rack in self._reported.racks:
            values = {field: getattr(rack, field) for field in RACK}
            self._save(self._racks, rack_objects.Rack, rack.path, values)
        listed = {rack.path for rack in self._reported.racks}
        self._mark_unlisted(self._racks.values(), listed, lambda row: None)

    def save_systems(self) -> None:
        """Insert and update the systems, with the nodes that hold them."""
        now = waiting.now()
        for system in self._reported.systems:
            row = self._systems.get(system.path)
            values = self._values(system, SYSTEM, row)
            values["rack_uuid"] = system.rack_path and uuid_of(self._podm_uuid, system.rack_path)
            details = dataclasses.asdict(system.details)
            if row is None or row.details != details or system.path not in self._cached:
                values.update(details=details, details_at=now)
            self._save(self._systems, system_objects.System, system.path, values)
        listed = {system.path for system in self._reported.systems}
        self._mark_unlisted(self._systems.values(), listed, _make_absent)

    def save_devices(self) -> None:
        """Insert and update the pooled devices, with the nodes that hold them."""
        for device in self._reported.devices:
            row = self._devices.get(device.path)
            values = self._values(device, DEVICE, row)
            if row is None or device.path not in self._cached:
                values["details_at"] = waiting.now()
            self._save(self._devices, device_objects.Device, device.path, values)
        listed = {device.path for device in self._reported.devices}
        self._mark_unlisted(self._devices.values(), listed, _make_absent)

    def delete_absent(self, before: datetime.datetime) -> None:
        """Delete the rows that were last listed before a time."""
        for row in (*self._racks.values(), *self._systems.values(), *self._devices.values()):
            expired = row.unseen_since is not None and row.unseen_since < before
            if expired and getattr(row, "state", "absent") == "absent":
                self._session.delete(row)

    def _load(self, table: type[Any]) -> dict[str, Any]:
        statement = sa.select(table).where(table.podm_uuid == self._podm_uuid)
        return {row.path: row for row in self._session.scalars(statement)}

    def _values(self, resource: Any, fields: Collection[str], row: Any) -> dict[str, Any]:
        """Return the reported values, without the allocation if the row's is more reliable."""
        values = {field: getattr(resource, field) for field in fields}
        values["node_uuid"] = ownership.node_uuid_from_name(resource.node_name)
        if row is not None and self._keeps_allocation(row):
            return {key: value for key, value in values.items() if key not in ALLOCATION}
        return values

    def _keeps_allocation(self, row: Any) -> bool:
        """Return whether an operation wrote the row meanwhile, or its node was not read."""
        newer = row.marked_at is not None and row.marked_at >= self._started_at
        return newer or row.node_path in self._reported.unread

    def _save(
        self, rows: dict[str, Any], table: type[Any], path: str, values: Mapping[str, Any]
    ) -> None:
        row = rows.get(path)
        if row is None:
            uuid = uuid_of(self._podm_uuid, path)
            fresh = {"uuid": uuid, "podm_uuid": self._podm_uuid, "created_at": waiting.now()}
            rows[path] = row = table(**fresh)
            self._session.add(row)
        for field, value in {**values, "unseen_since": None}.items():
            fitted = _fit(table.__table__.c[field], value)
            if getattr(row, field) != fitted:
                setattr(row, field, fitted)

    def _mark_unlisted(
        self, rows: Collection[Any], listed: Collection[str], make_absent: Callable[[Any], None]
    ) -> None:
        """Record what was not listed; it is absent unless it, or what lists it, was unreadable."""
        for row in rows:
            if row.path in listed:
                continue
            row.unseen_since = row.unseen_since or self._previous
            if self._reported.unread.isdisjoint((row.path, getattr(row, "listed_by", row.path))):
                make_absent(row)


def uuid_of(podm_uuid: str, path: str) -> str:
    """Return the uuid of a resource of a pod manager: always the same for the same path."""
    return str(uuids.uuid5(uuids.UUID(podm_uuid), path))


def _make_absent(row: Any) -> None:
    row.state, row.node_path, row.node_uuid = "absent", None, None


def _fit(column: sa.Column[Any], value: Any) -> Any:
    """Return a value as its column can store it, whatever the pod manager reported."""
    if isinstance(value, str):
        return value.replace("\x00", "")[: getattr(column.type, "length", None)]
    return min(value, LARGEST) if isinstance(value, int) else value
