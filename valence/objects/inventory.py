# SPDX-License-Identifier: Apache-2.0

"""Inventories: what each pod manager last told of its pool, and when.

What is known is changed by answers alone that can be believed. What such an
answer does not have is kept as ``absent`` for a while: pod managers that restart
find their systems again one after the other.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
from typing import Any
import uuid as uuids

from oslo_log import log as logging
import sqlalchemy as sa
from sqlalchemy import orm

from valence import errors
from valence import ownership
from valence.objects import base
from valence.objects import device as device_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence.objects import rack as rack_objects
from valence.objects import system as system_objects
from valence.podmanagers import inventory as told
from valence_conductor import waiting
from valence_conductor.db import columns
from valence_conductor.db import engine as db_engine

LOG = logging.getLogger(__name__)

#: Columns of a system, a rack and a device that a driver's answer has under the same name.
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

#: What we know better than a refresh that began before we did something ourselves.
OURS = ("state", "node_path", "node_uuid")

#: Of the numbers that a column takes.
LARGEST = 2**31 - 1


class Inventory(base.Base):
    """How the last refreshes of a pod manager went."""

    __tablename__ = "inventories"

    podm_uuid: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("podmanagers.uuid", ondelete="CASCADE"), primary_key=True
    )
    #: When somebody began to refresh; whoever moves it on is the one who does.
    begun_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: When a refresh ended last, well or badly, and when one ended well.
    tried_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    refreshed_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(columns.UTCDateTime)
    #: What was wrong with the last one: ``code``, ``detail``, perhaps ``reason``.
    fault: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(sa.JSON(none_as_null=True))
    #: Of the quickest request, seconds.
    latency: orm.Mapped[float | None] = orm.mapped_column(sa.Float)
    #: Path -> details of systems that are no computers.
    apart: orm.Mapped[dict[str, Any]] = orm.mapped_column(sa.JSON)


@db_engine.retried
def by_podm(db: db_engine.Database) -> Mapping[str, Inventory]:
    """Read the inventories of all pod managers that have one, by uuid."""
    with db.reader() as session:
        return {row.podm_uuid: row for row in session.scalars(sa.select(Inventory))}


@db_engine.retried
def list_podmanagers(db: db_engine.Database) -> Sequence[podmanager_objects.PodManager]:
    """Read every pod manager, by name."""
    statement = sa.select(podmanager_objects.PodManager).order_by(
        podmanager_objects.PodManager.name
    )
    with db.reader() as session:
        return session.scalars(statement).all()


@dataclasses.dataclass(frozen=True)
class Unavailable:
    """A pod manager that is not online, and since when what it has is not known anew."""

    uuid: str
    name: str
    status: str
    status_reason: str | None
    refreshed_at: datetime.datetime | None


@db_engine.retried
def list_unavailable(db: db_engine.Database, *conditions: Any) -> Mapping[str, Unavailable]:
    """Read the pod managers that are offline or degraded, by uuid, in the order of their names.

    :param conditions: which nodes it is about; others that no such node stands on are left out.
    """
    table = podmanager_objects.PodManager
    columns = (table.uuid, table.name, table.status, table.status_reason)
    statement = (
        sa.select(*columns, Inventory.refreshed_at)
        .outerjoin(Inventory, Inventory.podm_uuid == table.uuid)
        .where(
            table.status.in_(podmanager_objects.UNWELL),
            sa.exists().where(node_objects.Node.podm_uuid == table.uuid, *conditions),
        )
        .order_by(table.name)
    )
    with db.reader() as session:
        return {row.uuid: Unavailable(*row) for row in session.connection().execute(statement)}


@db_engine.retried
def claim(db: db_engine.Database, podm_uuid: str, before: datetime.datetime) -> bool:
    """Begin a refresh, unless another process began one.

    :param before: one that began earlier is over, or its process is dead.
    """
    now = waiting.now()
    due = sa.or_(Inventory.begun_at.is_(None), Inventory.begun_at < before)
    statement = sa.update(Inventory).where(Inventory.podm_uuid == podm_uuid, due)
    with db.writer() as session:
        if session.get(podmanager_objects.PodManager, podm_uuid) is None:
            return False
        if session.get(Inventory, podm_uuid) is None:
            session.add(Inventory(podm_uuid=podm_uuid, begun_at=now, apart={}))
            return True
        return bool(getattr(session.execute(statement.values(begun_at=now)), "rowcount", 0))


@db_engine.retried
def release_claim(db: db_engine.Database, podm_uuid: str) -> None:
    """Let others begin a refresh that this process does not end."""
    statement = sa.update(Inventory).where(Inventory.podm_uuid == podm_uuid)
    with db.writer() as session:
        session.execute(statement.values(begun_at=None))


@db_engine.retried
def known_details(
    db: db_engine.Database, podm_uuid: str, since: datetime.datetime
) -> Mapping[str, told.Details]:
    """Give what was learnt of systems and pooled drives.

    :param since: nothing is given as soon as some of it is older. All is read anew
        together then, which with ``$expand`` takes a request a collection.
    """
    system, device = system_objects.System, device_objects.Device
    of_systems = sa.select(
        system.path, system.details_at, system.unseen_since, system.details
    ).where(system.podm_uuid == podm_uuid)
    of_drives = sa.select(
        *(device.path, device.details_at, device.unseen_since),
        *(device.fingerprint, device.properties),
    ).where(device.podm_uuid == podm_uuid, device.fingerprint != "")
    with db.reader() as session:
        row = session.get(Inventory, podm_uuid)
        learnt = [(*one[:3], told.Details(**one[3])) for one in session.execute(of_systems)]
        learnt += [
            (*one[:3], told.Details(one[3], drives=[one[4]])) for one in session.execute(of_drives)
        ]
    if any(learnt_at < since and unseen is None for _, learnt_at, unseen, _ in learnt):
        return {}
    apart = row.apart if row else {}
    return {
        **{path: told.Details(**details) for path, details in apart.items()},
        **{path: details for path, learnt_at, _, details in learnt if learnt_at >= since},
    }


@db_engine.retried
def record_failure(db: db_engine.Database, podm_uuid: str, error: errors.ValenceError) -> None:
    """Note that a refresh brought nothing; what is known stays as it is."""
    values = {"tried_at": waiting.now(), "begun_at": None, "fault": _fault(error)}
    with db.writer() as session:
        session.execute(
            sa.update(Inventory).where(Inventory.podm_uuid == podm_uuid).values(**values)
        )


@db_engine.retried
def store(
    db: db_engine.Database,
    podm_uuid: str,
    seen: told.Inventory,
    begun: datetime.datetime,
    forget_after: float,
    spared: Collection[str] = (),
) -> None:
    """Make what a pod manager told known, without forgetting what it did not tell.

    :param begun: when it was asked.
    :param spared: paths of what was known in detail, and perhaps not read again.
    :param forget_after: seconds after which what is absent is forgotten.
    :raises PodManagerFailed: it lists no system at all, though some are known.
    """
    with db.writer() as session:
        row = session.get(Inventory, podm_uuid, with_for_update=True)
        if row is None:
            return  # the pod manager was forgotten meanwhile
        shelf = _Shelf(session, podm_uuid, seen, begun, row.refreshed_at or begun, spared)
        shelf.refuse_emptiness()
        shelf.put_racks()
        shelf.put_systems()
        shelf.put_devices()
        shelf.forget(waiting.now() - datetime.timedelta(seconds=forget_after))
        row.tried_at = row.refreshed_at = waiting.now()
        row.begun_at = None
        row.latency = seen.latency
        row.apart = {path: dataclasses.asdict(one) for path, one in seen.apart.items()}
        row.fault = _fault(_partial(seen)) if seen.unread else None


class _Shelf:
    """The rows of one pod manager while they are brought up to date."""

    def __init__(
        self,
        session: orm.Session,
        podm_uuid: str,
        seen: told.Inventory,
        begun: datetime.datetime,
        before: datetime.datetime,
        spared: Collection[str],
    ) -> None:
        self._session = session
        self._podm_uuid = podm_uuid
        self._seen = seen
        self._begun = begun
        self._before = before
        self._spared = spared
        self._systems = self._known(system_objects.System)
        self._devices = self._known(device_objects.Device)
        self._racks = self._known(rack_objects.Rack)

    def refuse_emptiness(self) -> None:
        """See that not everything is gone at once."""
        present = [row for row in self._systems.values() if row.state != "absent"]
        if present and not self._seen.systems:
            raise errors.PodManagerFailed(
                f"It lists none of the {len(present)} systems that are known. That is not "
                "believed; see the log of the pod manager. If it has none indeed, delete it "
                "and make it known anew."
            )

    def put_racks(self) -> None:
        """Write what there is of racks."""
        for one in self._seen.racks:
            values = {field: getattr(one, field) for field in RACK}
            self._put(self._racks, rack_objects.Rack, one.path, values)
        listed = {one.path for one in self._seen.racks}
        self._miss(self._racks.values(), listed, lambda row: None)

    def put_systems(self) -> None:
        """Write what there is of systems, and who has them."""
        now = waiting.now()
        for one in self._seen.systems:
            known = self._systems.get(one.path)
            values = self._told(one, SYSTEM, known)
            values["rack_uuid"] = one.rack_path and uuid_of(self._podm_uuid, one.rack_path)
            details = dataclasses.asdict(one.details)
            if known is None or known.details != details or one.path not in self._spared:
                values.update(details=details, details_at=now)
            self._put(self._systems, system_objects.System, one.path, values)
        listed = {one.path for one in self._seen.systems}
        self._miss(self._systems.values(), listed, _is_absent)

    def put_devices(self) -> None:
        """Write what there is of pooled devices, and who has them."""
        for one in self._seen.devices:
            known = self._devices.get(one.path)
            values = self._told(one, DEVICE, known)
            if known is None or one.path not in self._spared:
                values["details_at"] = waiting.now()
            self._put(self._devices, device_objects.Device, one.path, values)
        listed = {one.path for one in self._seen.devices}
        self._miss(self._devices.values(), listed, _is_absent)

    def forget(self, before: datetime.datetime) -> None:
        """Forget what has been gone for long."""
        for row in (*self._racks.values(), *self._systems.values(), *self._devices.values()):
            gone = row.unseen_since is not None and row.unseen_since < before
            if gone and getattr(row, "state", "absent") == "absent":
                self._session.delete(row)

    def _known(self, table: type[Any]) -> dict[str, Any]:
        statement = sa.select(table).where(table.podm_uuid == self._podm_uuid)
        return {row.path: row for row in self._session.scalars(statement)}

    def _told(self, one: Any, fields: Collection[str], known: Any) -> dict[str, Any]:
        """Give what is told of something that nodes have, unless we know better who has it."""
        values = {field: getattr(one, field) for field in fields}
        values["node_uuid"] = ownership.node_uuid_from_name(one.node_name)
        if known is not None and self._is_ours(known):
            return {key: value for key, value in values.items() if key not in OURS}
        return values

    def _is_ours(self, row: Any) -> bool:
        """Tell whether we know better who has something: we did it, or its node is unread."""
        marked = row.marked_at is not None and row.marked_at >= self._begun
        return marked or row.node_path in self._seen.unread

    def _put(
        self, known: dict[str, Any], table: type[Any], path: str, values: Mapping[str, Any]
    ) -> None:
        row = known.get(path)
        if row is None:
            uuid = uuid_of(self._podm_uuid, path)
            fresh = {"uuid": uuid, "podm_uuid": self._podm_uuid, "created_at": waiting.now()}
            known[path] = row = table(**fresh)
            self._session.add(row)
        for field, value in {**values, "unseen_since": None}.items():
            fitting = _fit(table.__table__.c[field], value)
            if getattr(row, field) != fitting:
                setattr(row, field, fitting)

    def _miss(
        self, rows: Collection[Any], listed: Collection[str], gone: Callable[[Any], None]
    ) -> None:
        """Note what was not seen; what could not be read, or what lists it, is not gone."""
        for row in rows:
            if row.path in listed:
                continue
            row.unseen_since = row.unseen_since or self._before
            if self._seen.unread.isdisjoint((row.path, getattr(row, "listed_by", row.path))):
                gone(row)


def _is_absent(row: Any) -> None:
    row.state, row.node_path, row.node_uuid = "absent", None, None


def _fit(column: sa.Column[Any], value: Any) -> Any:
    """Make what a pod manager says fit its column, whatever it says."""
    if isinstance(value, str):
        return value.replace("\x00", "")[: getattr(column.type, "length", None)]
    return min(value, LARGEST) if isinstance(value, int) else value


def uuid_of(podm_uuid: str, path: str) -> str:
    """Give the uuid of what a pod manager has at a path: always the same."""
    return str(uuids.uuid5(uuids.UUID(podm_uuid), path))


def seen_at(row: Any, inventory: Inventory | None) -> datetime.datetime:
    """Tell when a system or a rack was seen last."""
    found = row.unseen_since or (inventory.refreshed_at if inventory else None)
    seen: datetime.datetime = found or row.created_at
    return seen


def _partial(seen: told.Inventory) -> errors.ValenceError:
    listed = sorted(seen.unread)
    some = ", ".join(listed[:5]) + (", ..." if len(listed) > 5 else "")
    return errors.PodManagerFailed(
        f"It could not read {len(listed)} of the resources that it lists ({some}). They are kept "
        "as they were; see the log of the pod manager."
    )


def _fault(error: errors.ValenceError) -> dict[str, Any]:
    fault = {"code": error.details["code"], "detail": error.detail}
    return fault | ({"reason": error.own_words} if error.own_words else {})
