# SPDX-License-Identifier: Apache-2.0

"""Repository of instances: every write is conditional on generation and state."""

from collections.abc import Collection
from collections.abc import Mapping
import dataclasses
import datetime
from typing import Any

from oslo_db import exception as db_errors
import sqlalchemy as sa
from sqlalchemy import orm

from valence_conductor import errors as conductor_errors
from valence_conductor import waiting
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations
from valence_conductor.db import state_log
from valence_conductor.db import transitions
from valence_integration import errors
from valence_integration import states
from valence_integration.db import migrations
from valence_integration.db.models import InstallationRow
from valence_integration.db.models import InstanceRow
from valence_integration.objects.instance import Instance

#: Values of ``fault["cleanup"]["result"]``: see the fields of :class:`Instance`.
DONE = "done"
PENDING = "pending"
FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class Ending:
    """How an operation on an instance ended."""

    state: str
    fault: dict[str, Any] | None = None


class Instances:
    """The table of instances in one database.

    :param db: an open database; :meth:`upgrade` migrates its schema.
    """

    def __init__(self, db: db_engine.Database) -> None:
        self._db = db
        self._installation: str | None = None

    @property
    def db(self) -> db_engine.Database:
        """The database."""
        return self._db

    def reach(self, patience: float) -> None:
        """Wait until the database answers.

        :param patience: seconds.
        :raises Unreachable: it did not answer in this time.
        """
        self._db.reach(patience)

    def upgrade(self) -> None:
        """Upgrade the schema to this release.

        :raises TablesNewer: it is that of a later release.
        """
        db_migrations.upgrade(self._db, migrations.PATH, migrations.VERSION_TABLE)

    def is_current(self) -> bool:
        """Return whether the schema is the one of this release.

        :raises TablesNewer: it is that of a later release.
        """
        db_migrations.ensure_not_newer(self._db, migrations.PATH, migrations.VERSION_TABLE)
        head = db_migrations.latest_revision(migrations.PATH)
        return db_migrations.version(self._db, migrations.VERSION_TABLE) == head

    def installation(self) -> str:
        """Return the uuid that this database was given when it was created.

        Resources that are created elsewhere for its instances are marked with this uuid.
        """
        if self._installation is None:
            with self._db.reader() as session:
                self._installation = session.scalars(sa.select(InstallationRow.uuid)).one()
        return self._installation

    def close(self) -> None:
        """Close every connection."""
        self._db.close()

    @db_engine.retried
    def get(self, uuid: str) -> Instance:
        """Return an instance.

        :raises InstanceNotFound: no instance has this uuid.
        """
        with self._db.reader() as session:
            return to_object(_row(session, uuid))

    @db_engine.retried
    def list(self, state: Collection[str] = states.STATES) -> list[Instance]:
        """Return the instances in these states, oldest first."""
        query = sa.select(InstanceRow).where(InstanceRow.state.in_(list(state)))
        with self._db.reader() as session:
            rows = session.scalars(query.order_by(InstanceRow.id)).all()
            return [to_object(row) for row in rows]

    def count_by_state(self) -> dict[str, int]:
        """Return the number of instances in every state, also where it is zero."""
        query = sa.select(InstanceRow.state, sa.func.count()).group_by(InstanceRow.state)
        with self._db.reader() as session:
            counts = dict(session.execute(query).tuples().all())
        return {state: counts.get(state, 0) for state in states.STATES}

    def expect(self, uuid: str, generation: int, state: str) -> Instance:
        """Return an instance that a task expects in this generation and state.

        :raises Superseded: the row has changed; its present owner continues.
        """
        instance = self.get(uuid)
        if (instance.generation, instance.state) != (generation, state):
            raise conductor_errors.Superseded(
                f"instance {uuid} is {instance.state} in generation {instance.generation}, "
                f"and not {state} in generation {generation} any more"
            )
        return instance

    def is_cancelled(self, uuid: str, generation: int) -> bool:
        """Return whether the destruction of an instance was requested while it is provisioned."""
        instance = self.get(uuid)
        return instance.generation == generation and instance.destroy_requested

    @db_engine.retried
    def add(self, values: Mapping[str, Any]) -> tuple[Instance, bool]:
        """Add an instance, unless the same request has added it before.

        :returns: the instance, and whether it is new.
        :raises InstanceDuplicate: its uuid was requested with different values.
        """
        uuid, digest = values["uuid"], values["request_digest"]
        try:
            with self._db.writer() as session:
                row = _find(session, uuid)
                is_new = row is None
                if row is None:
                    row = InstanceRow(**values, created_at=waiting.now())
                    session.add(row)
                    session.flush()
                instance = to_object(row)
                is_same = row.request_digest == digest
        except db_errors.DBDuplicateEntry:  # two callers at once, on a database with two writers
            return self._get_same(uuid, digest), False
        if not is_same:
            raise errors.InstanceDuplicate(uuid)
        if is_new:
            _log(state_log.NEW, instance)
        return instance, is_new

    @db_engine.retried
    def write(
        self, uuid: str, generation: int, expected: str | Collection[str], **values: Any
    ) -> None:
        """Write to a row that is still in this generation and in an expected state.

        :raises Superseded: it is not; nothing was written.
        :raises IllegalTransition: the table of states has no such transition.
        """
        if "state" in values:
            for old in [expected] if isinstance(expected, str) else expected:
                states.TRANSITIONS.check(old, values["state"])
        with self._db.writer() as session:
            transitions.compare_and_set(
                session,
                InstanceRow,
                uuid=uuid,
                generation=generation,
                state=expected,
                values={"updated_at": waiting.now(), **values},
            )
        if "state" in values:
            before = expected if isinstance(expected, str) else "|".join(expected)
            state_log.log_state_change(
                "Instance", uuid, before, values["state"], generation=generation
            )

    @db_engine.retried
    def request_destroy(self, uuid: str) -> tuple[Instance, bool]:
        """Record that the destruction of an instance is requested.

        An instance that is being provisioned is cancelled, and destroyed after that.

        :returns: the instance, and whether its destroy job is to be submitted now.
        :raises InstanceNotFound: no instance has this uuid.
        """
        with self._db.writer() as session:
            row = _row(session, uuid, lock=True)
            before = row.state
            starting = row.state in (states.ACTIVE, states.ERROR)
            if starting:
                _begin_destroying(row)
            if starting or (row.state in states.OPERATIONS and not row.destroy_requested):
                row.destroy_requested = True
                row.updated_at = waiting.now()
            session.flush()
            instance = to_object(row)
        if starting:
            _log(before, instance)
        return instance, starting

    @db_engine.retried
    def retry_cleanup(self, uuid: str, generation: int) -> Instance | None:
        """Destroy an instance in error again that may still hold resources.

        It ends deleted only if its destruction was requested.

        :param generation: the one that the caller has read.
        :returns: the instance; None when the row has changed since it was read.
        """
        with self._db.writer() as session:
            row = _row(session, uuid, lock=True)
            unchanged = (row.generation, row.state) == (generation, states.ERROR)
            if not unchanged or not may_hold_resources(row.fault):
                return None
            _begin_destroying(row)
            session.flush()
            instance = to_object(row)
        _log(states.ERROR, instance)
        return instance

    @db_engine.retried
    def request_retry(
        self, uuid: str, generation: int, changes: Mapping[str, str | None]
    ) -> Instance:
        """Record that another attempt to provision an instance is requested.

        The caller has checked that no resource of it is left.

        :param generation: the one that the caller has read.
        :param changes: ``node_uuid`` and ``ironic_uuid`` of the next attempt, and
            optionally ``podm_uuid``: its pod manager.
        :raises Superseded: the row has changed since it was read.
        """
        with self._db.writer() as session:
            row = _row(session, uuid, lock=True)
            before = row.state
            is_retryable = before in states.RETRYABLE and not row.composed
            if row.generation != generation or not is_retryable:
                raise conductor_errors.Superseded(
                    f"instance {uuid} is {row.state} in generation {row.generation} by now"
                )
            states.TRANSITIONS.check(row.state, states.PROVISIONING)
            row.state, row.operation = states.PROVISIONING, "provision"
            row.generation = generation + 1
            row.destroy_requested = False
            row.node_uuid, row.ironic_uuid = changes["node_uuid"], changes["ironic_uuid"]
            row.podm_uuid = changes.get("podm_uuid")
            row.task = row.task_since = row.conductor = row.fault = None
            row.updated_at = waiting.now()
            session.flush()
            instance = to_object(row)
        _log(before, instance)
        return instance

    @db_engine.retried
    def settle(self, uuid: str, generation: int, state: str, end: Ending) -> Instance:
        """End the transition of a row.

        A destruction that was requested meanwhile follows at once: the row is locked, so
        that no such request is lost.

        :raises Superseded: the row has changed; nothing was written.
        """
        with self._db.writer() as session:
            row = _row(session, uuid, lock=True)
            if (row.generation, row.state) != (generation, state):
                raise conductor_errors.Superseded(f"instance {uuid} is {row.state} already")
            following, fault = _following(row, end)
            states.TRANSITIONS.check(state, following)
            if following == states.DESTROYING:
                row.operation = "destroy"
            row.state, row.fault = following, fault
            row.task = row.task_since = None
            if end.state in (states.ACTIVE, states.DELETED) and row.deploy:
                # A configdrive may hold secrets, and is not needed any more.
                row.deploy = {key: row.deploy[key] for key in row.deploy if key != "configdrive"}
            row.updated_at = waiting.now()
            session.flush()
            instance = to_object(row)
        _log(state, instance)
        return instance

    def _get_same(self, uuid: str, digest: str) -> Instance:
        with self._db.reader() as session:
            row = _row(session, uuid)
            if row.request_digest != digest:
                raise errors.InstanceDuplicate(uuid)
            return to_object(row)


def to_object(row: InstanceRow) -> Instance:
    """Return the versioned object of a row."""
    instance = Instance(**{name: getattr(row, name) for name in Instance.fields})
    instance.obj_reset_changes()
    return instance


def may_hold_resources(fault: Mapping[str, Any] | None) -> bool:
    """Return whether an instance in error with this fault may still hold resources."""
    return not (fault or {}).get("given_back")


def with_cleanup(
    fault: Mapping[str, Any], result: str, detail: str | None = None
) -> dict[str, Any]:
    """Return a fault with the result of its cleanup.

    :param detail: why the cleanup failed.
    """
    cleanup = {"result": result, "detail": detail}
    return {**fault, "cleanup": cleanup, "given_back": result == DONE}


def _begin_destroying(row: InstanceRow) -> None:
    states.TRANSITIONS.check(row.state, states.DESTROYING)
    row.generation += 1
    row.state, row.operation = states.DESTROYING, "destroy"
    row.task = row.task_since = row.conductor = None
    fault = row.fault or {}
    if fault.get("operation") == "provision" and may_hold_resources(fault):
        row.fault = with_cleanup(fault, PENDING)
    row.updated_at = waiting.now()


def _following(row: InstanceRow, end: Ending) -> tuple[str, dict[str, Any] | None]:
    """Return the state and the fault that follow an ending.

    An instance that was destroyed only because reverting its provisioning failed ends in
    error and keeps the fault: its deletion was not requested.
    """
    if row.state == states.PROVISIONING and row.destroy_requested:
        return states.DESTROYING, end.fault
    if row.state != states.DESTROYING or row.destroy_requested or row.fault is None:
        return end.state, end.fault
    if end.fault is None:
        return states.ERROR, with_cleanup(row.fault, DONE)
    return states.ERROR, with_cleanup(row.fault, FAILED, end.fault["detail"])


def deadline(instance: Instance, seconds: float) -> datetime.datetime:
    """Return the deadline of the present task of an instance.

    It is counted from the time at which the row entered the task, so that a restart does
    not extend it.
    """
    return (instance.task_since or waiting.now()) + datetime.timedelta(seconds=seconds)


def _find(session: orm.Session, uuid: str, lock: bool = False) -> InstanceRow | None:
    query = sa.select(InstanceRow).where(InstanceRow.uuid == uuid)
    return session.scalars(query.with_for_update() if lock else query).first()


def _row(session: orm.Session, uuid: str, lock: bool = False) -> InstanceRow:
    row = _find(session, uuid, lock)
    if row is None:
        raise errors.InstanceNotFound(uuid)
    return row


def _log(before: str, instance: Instance) -> None:
    state_log.log_state_change(
        "Instance", instance.uuid, before, instance.state, generation=instance.generation
    )
