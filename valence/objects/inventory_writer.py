# SPDX-License-Identifier: Apache-2.0

"""Writes the inventory that a pod manager has reported into its rows."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
import re
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
from valence.podmanagers import odata
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

#: Columns of which a part means something else, or nothing: too long a value is unknown.
UNCUT = frozenset(
    {"path", "chassis_path", "node_path", "listed_by", "redfish_uuid", "serial_number"}
    | {"pooled_group_id"}
)

#: Characters in a string that no database stores: NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class InventoryWriter:
    """Brings the rows of one pod manager up to date, in one transaction.

    :param started_at: when the refresh started.
    :param previous: when the last successful refresh ended.
    :param cached: paths whose details were perhaps not read again.
    :ivar unkept: paths of resources that no row can keep: their path is too long.
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
        self._cached = set(map(odata.normal_path, cached))
        self.unkept: set[str] = set()
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
        self._mark_unlisted(self._racks, self._reported.racks, lambda row: None)

    def save_systems(self) -> None:
        """Insert and update the systems, with the nodes that hold them."""
        now = waiting.now()
        for system in self._reported.systems:
            row = self._systems.get(odata.normal_path(system.path))
            values = self._values(system, SYSTEM, row)
            values["rack_uuid"] = system.rack_path and uuid_of(self._podm_uuid, system.rack_path)
            details = dataclasses.asdict(system.details)
            if row is None or row.details != details or not self._is_cached(system.path):
                values.update(details=details, details_at=now)
            self._save(self._systems, system_objects.System, system.path, values)
        self._mark_unlisted(self._systems, self._reported.systems, _make_absent)

    def save_devices(self) -> None:
        """Insert and update the pooled devices, with the nodes that hold them."""
        for device in self._reported.devices:
            row = self._devices.get(odata.normal_path(device.path))
            values = self._values(device, DEVICE, row)
            if row is None or not self._is_cached(device.path):
                values["details_at"] = waiting.now()
            self._save(self._devices, device_objects.Device, device.path, values)
        self._mark_unlisted(self._devices, self._reported.devices, _make_absent)

    def delete_absent(self, before: datetime.datetime) -> None:
        """Delete the rows that were last listed before a time."""
        for row in (*self._racks.values(), *self._systems.values(), *self._devices.values()):
            expired = row.unseen_since is not None and row.unseen_since < before
            if expired and getattr(row, "state", "absent") == "absent" and self._is_gone(row):
                self._session.delete(row)

    def _load(self, table: type[Any]) -> dict[str, Any]:
        """Return the rows of a table: normal path -> row."""
        statement = sa.select(table).where(table.podm_uuid == self._podm_uuid)
        return {odata.normal_path(row.path): row for row in self._session.scalars(statement)}

    def _is_cached(self, path: str) -> bool:
        return odata.normal_path(path) in self._cached

    def _is_unread(self, path: str | None) -> bool:
        return path is not None and odata.normal_path(path) in self._reported.unread

    def _values(self, resource: Any, fields: Collection[str], row: Any) -> dict[str, Any]:
        """Return the reported values, without the allocation if the row's is more reliable."""
        values = {field: getattr(resource, field) for field in fields}
        values["node_uuid"] = ownership.node_uuid_from_name(resource.node_name)
        if row is not None and self._keeps_allocation(row, resource):
            return {key: value for key, value in values.items() if key not in ALLOCATION}
        return values

    def _keeps_allocation(self, row: Any, resource: Any) -> bool:
        """Return whether an operation wrote the row meanwhile, or its node was not read."""
        newer = row.marked_at is not None and row.marked_at >= self._started_at
        node_is_unlisted = row.node_path is not None and resource.node_path is None
        not_read = self._is_unread(row.node_path) or (self._reported.partial and node_is_unlisted)
        return newer or not_read

    def _save(
        self, rows: dict[str, Any], table: type[Any], path: str, values: Mapping[str, Any]
    ) -> None:
        key = odata.normal_path(path)
        columns = table.__table__.c
        fitted = {field: _fit(columns[field], value) for field, value in values.items()}
        if any(fitted[field] is None and not columns[field].nullable for field in fitted):
            self.unkept.add(path)
            return
        row = rows.get(key)
        if row is None:
            uuid = uuid_of(self._podm_uuid, path)
            fresh = {"uuid": uuid, "podm_uuid": self._podm_uuid, "created_at": waiting.now()}
            rows[key] = row = table(**fresh)
            self._session.add(row)
        for field, value in {**fitted, "unseen_since": None}.items():
            if getattr(row, field) != value:
                setattr(row, field, value)

    def _mark_unlisted(
        self, rows: Mapping[str, Any], resources: Sequence[Any], make_absent: Callable[[Any], None]
    ) -> None:
        """Record what was not listed; it is absent unless it, or what lists it, was unreadable."""
        listed = {odata.normal_path(resource.path) for resource in resources}
        for key, row in rows.items():
            if key in listed:
                continue
            row.unseen_since = row.unseen_since or self._previous
            if self._is_gone(row):
                make_absent(row)

    def _is_gone(self, row: Any) -> bool:
        """Return whether what is not listed is certainly gone."""
        lists = (row.path, getattr(row, "listed_by", None))
        return not self._reported.partial and not any(map(self._is_unread, lists))


def uuid_of(podm_uuid: str, path: str) -> str:
    """Return the uuid of a resource of a pod manager: always the same for the same path."""
    return str(uuids.uuid5(uuids.UUID(podm_uuid), odata.normal_path(path)))


def _make_absent(row: Any) -> None:
    row.state, row.node_path, row.node_uuid = "absent", None, None


def _fit(column: sa.Column[Any], value: Any) -> Any:
    """Return a value as its column can store it, whatever the pod manager reported.

    What cannot be stored is None: unknown.
    """
    if isinstance(value, str):
        storable = _UNSTORABLE.sub("", value)
        length = getattr(column.type, "length", None)
        if column.name in UNCUT and length is not None and len(storable) > length:
            return None
        return storable[:length]
    is_number = isinstance(value, int) and isinstance(column.type, sa.Integer)
    return None if is_number and not 0 <= value <= LARGEST else value
