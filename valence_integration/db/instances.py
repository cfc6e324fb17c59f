# SPDX-License-Identifier: Apache-2.0

"""Rows of instances: read, added, and written only while they are what they were."""

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

#: Between why an instance failed, and why it is not given back since.
AND_GIVING_BACK = " Giving it back: "


@dataclasses.dataclass(frozen=True)
class Ending:
    """How an operation on an instance ended."""

    state: str
    fault: dict[str, Any] | None = None


class Instances:
    """The table of instances in one database.

    :param db: opened; its schema is brought up to date by :meth:`upgrade`.
    """

    def __init__(self, db: db_engine.Database) -> None:
        self._db = db
        self._installation: str | None = None

    def reach(self, patience: float) -> None:
        """Wait until the database answers.

        :param patience: seconds.
        :raises Unreachable: it does not.
        """
        self._db.reach(patience)

    def upgrade(self) -> None:
        """Bring the schema up to date."""
        db_migrations.upgrade(self._db, migrations.PATH, migrations.VERSION_TABLE)

    def is_current(self) -> bool:
        """Tell whether the schema is the one of this release."""
        head = db_migrations.latest_revision(migrations.PATH)
        return db_migrations.version(self._db, migrations.VERSION_TABLE) == head

    def installation(self) -> str:
        """Tell the uuid that this database was given when it was made.

        What is made elsewhere for an instance of it bears this mark.
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
        """Read an instance.

        :raises InstanceNotFound: there is none.
        """
        with self._db.reader() as session:
            return Instance.from_row(_row(session, uuid))

    @db_engine.retried
    def list(self, state: Collection[str] = states.STATES) -> list[Instance]:
        """Read the instances in some states, oldest first."""
        query = sa.select(InstanceRow).where(InstanceRow.state.in_(list(state)))
        with self._db.reader() as session:
            found = session.scalars(query.order_by(InstanceRow.id)).all()
            return [Instance.from_row(row) for row in found]

    def count_by_state(self) -> dict[str, int]:
        """Count the instances by state, those of no state at this moment too."""
        query = sa.select(InstanceRow.state, sa.func.count()).group_by(InstanceRow.state)
        with self._db.reader() as session:
            counted = dict(session.execute(query).tuples().all())
        return {state: counted.get(state, 0) for state in states.STATES}

    def expect(self, uuid: str, generation: int, state: str) -> Instance:
        """Read an instance for a task that believes it to be in this state.

        :raises Superseded: it is not; whoever holds it now goes on.
        """
        instance = self.get(uuid)
        if (instance.generation, instance.state) != (generation, state):
            raise conductor_errors.Superseded(
                f"instance {uuid} is {instance.state} in generation {instance.generation}, "
                f"and not {state} in generation {generation} any more"
            )
        return instance

    def asks_to_stop(self, uuid: str, generation: int) -> bool:
        """Tell whether somebody wants this provisioning to end."""
        instance = self.get(uuid)
        return instance.generation == generation and instance.destroy_requested

    @db_engine.retried
    def add(self, values: Mapping[str, Any]) -> tuple[Instance, bool]:
        """Add an instance, unless the same request did so before.

        :returns: the instance, and whether it is new.
        :raises InstanceDuplicate: its uuid was asked for differently.
        """
        uuid, digest = values["uuid"], values["request_digest"]
        try:
            with self._db.writer() as session:
                row = _find(session, uuid)
                fresh = row is None
                if row is None:
                    row = InstanceRow(**values, created_at=waiting.now())
                    session.add(row)
                    session.flush()
                instance = Instance.from_row(row)
                same = row.request_digest == digest
        except db_errors.DBDuplicateEntry:  # two callers at once, on a database with two writers
            return self._read_again(uuid, digest), False
        if not same:
            raise errors.InstanceDuplicate(uuid)
        if fresh:
            _log(state_log.NEW, instance)
        return instance, fresh

    @db_engine.retried
    def write(
        self, uuid: str, generation: int, found: str | Collection[str], **values: Any
    ) -> None:
        """Write to a row that is still found in this generation and state.

        :raises Superseded: it is not; nothing was written.
        :raises IllegalTransition: the table of states has no such step.
        """
        if "state" in values:
            for old in [found] if isinstance(found, str) else found:
                states.TRANSITIONS.check(old, values["state"])
        with self._db.writer() as session:
            transitions.compare_and_set(
                session,
                InstanceRow,
                uuid=uuid,
                generation=generation,
                state=found,
                values={"updated_at": waiting.now(), **values},
            )
        if "state" in values:
            before = found if isinstance(found, str) else "|".join(found)
            state_log.log_state_change(
                "Instance", uuid, before, values["state"], generation=generation
            )

    @db_engine.retried
    def request_destroy(self, uuid: str) -> tuple[Instance, bool]:
        """Note that somebody wants an instance destroyed.

        One that is being provisioned is told to stop, and destroyed after that.

        :returns: the instance, and whether its destruction is to be submitted now.
        :raises InstanceNotFound: there is none.
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
            instance = Instance.from_row(row)
        if starting:
            _log(before, instance)
        return instance, starting

    @db_engine.retried
    def give_back_again(self, uuid: str, generation: int) -> Instance | None:
        """Have an instance in error destroyed once more that still holds something.

        It ends deleted only if somebody asked for that.

        :param generation: the one that was looked at.
        :returns: the instance; None when it is not what was looked at any more.
        """
        with self._db.writer() as session:
            row = _row(session, uuid, lock=True)
            if (row.generation, row.state) != (generation, states.ERROR) or not holds(row.fault):
                return None
            _begin_destroying(row)
            session.flush()
            instance = Instance.from_row(row)
        _log(states.ERROR, instance)
        return instance

    @db_engine.retried
    def request_retry(
        self, uuid: str, generation: int, changes: Mapping[str, str | None]
    ) -> Instance:
        """Note that somebody wants an instance provisioned anew.

        Nothing of it may be left behind: whoever calls this has looked.

        :param generation: the one that was looked at.
        :param changes: ``node_uuid`` and ``ironic_uuid`` of the next one, and at will
            the ``podm_uuid`` that it is to stand on.
        :raises Superseded: the row is not what was looked at any more.
        """
        with self._db.writer() as session:
            row = _row(session, uuid, lock=True)
            before = row.state
            at_rest = before in states.RETRIED and not row.composed
            if row.generation != generation or not at_rest:
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
            instance = Instance.from_row(row)
        _log(before, instance)
        return instance

    @db_engine.retried
    def settle(self, uuid: str, generation: int, state: str, end: Ending) -> Instance:
        """End a row's transition.

        A destruction that was asked for meanwhile follows at once: the row is
        locked, so that no such wish is lost.

        :raises Superseded: the row has moved on; nothing was written.
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
                # What a configdrive holds is nobody's business any more.
                row.deploy = {key: row.deploy[key] for key in row.deploy if key != "configdrive"}
            row.updated_at = waiting.now()
            session.flush()
            instance = Instance.from_row(row)
        _log(state, instance)
        return instance

    def _read_again(self, uuid: str, digest: str) -> Instance:
        with self._db.reader() as session:
            row = _row(session, uuid)
            if row.request_digest != digest:
                raise errors.InstanceDuplicate(uuid)
            return Instance.from_row(row)


def holds(fault: Mapping[str, Any] | None) -> bool:
    """Tell whether an instance that ended in error with this fault may hold something."""
    return not (fault or {}).get("given_back")


def _begin_destroying(row: InstanceRow) -> None:
    states.TRANSITIONS.check(row.state, states.DESTROYING)
    row.generation += 1
    row.state, row.operation = states.DESTROYING, "destroy"
    row.task = row.task_since = row.conductor = None
    row.updated_at = waiting.now()


def _following(row: InstanceRow, end: Ending) -> tuple[str, dict[str, Any] | None]:
    """Tell the state that follows an ending, and the fault.

    What was destroyed only because provisioning it could not be undone ends in error,
    and says why it is not there: nobody has asked for it to be forgotten.
    """
    if row.state == states.PROVISIONING and row.destroy_requested:
        return states.DESTROYING, end.fault
    if row.state != states.DESTROYING or row.destroy_requested or row.fault is None:
        return end.state, end.fault
    if end.fault is None:
        return states.ERROR, {**row.fault, "given_back": True}
    first = str(row.fault["detail"]).partition(AND_GIVING_BACK)[0]
    both = f"{first}{AND_GIVING_BACK}{end.fault['detail']}"
    return states.ERROR, {**row.fault, "detail": both}


def deadline(instance: Instance, seconds: float) -> datetime.datetime:
    """Tell when the present task of an instance must be done.

    It is counted from when the row came to the task, so that a restart does not
    begin it anew.
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
