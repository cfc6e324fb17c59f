# SPDX-License-Identifier: Apache-2.0

"""A ledger of toys: the smallest owner of rows that a conductor can work for."""

from collections.abc import Iterable
from collections.abc import Mapping
import datetime
import json
import pathlib
import threading
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from taskflow import task
from taskflow.patterns import linear_flow

from tests.servers import databases
from valence_conductor import errors
from valence_conductor import waiting
from valence_conductor.db import transitions
from valence_conductor.db.engine import Database
from valence_conductor.job import FlowSpec
from valence_conductor.job import Job
from valence_conductor.job import Outcome
from valence_conductor.job import Result
from valence_conductor.ledger import Rows
from valence_conductor.strays import Stray

STATES = transitions.Transitions(
    {"building": {"built", "error", "broken"}, "built": {"scrapping"}, "scrapping": {"gone"}}
)

BUILD = {Result.SUCCESS: "built", Result.REVERTED: "error", Result.FAILED: "broken"}

#: Seconds that a task waits for the file ``go``: longer than any test may take.
WAIT = 3600


class Base(orm.DeclarativeBase):
    """The tables of this module."""


class Toy(Base):
    """A row with the columns that compare_and_set needs."""

    __tablename__ = "toys"
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    generation: orm.Mapped[int] = orm.mapped_column(default=1)
    state: orm.Mapped[str] = orm.mapped_column(sa.String(16), default="building")
    task: orm.Mapped[str | None] = orm.mapped_column(sa.String(64))
    reason: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    details: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    scrap_requested: orm.Mapped[bool] = orm.mapped_column(default=False)
    since: orm.Mapped[datetime.datetime] = orm.mapped_column(default=waiting.now)


class Toys:
    """The ledger. Its tasks append a line to ``diary`` for everything that they do.

    :param script: task (or ``undo <task>``) -> what it does; see :class:`Step`.
    :ivar started: the tasks that started in this process, and whether to be reverted.
    """

    name = "toys"
    rows: Rows | None = None

    def __init__(self, folder: pathlib.Path, script: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.db = Database(databases.url(folder, "toys"))
        Base.metadata.create_all(self.db.engine)
        self.script = dict(script or {})
        self.started: list[tuple[str, bool]] = []

    def add(self, uuid: str) -> Job:
        """Add a row, and return the job that it requests."""
        with self.db.writer() as session:
            session.add(Toy(uuid=uuid))
        return Job(self.name, uuid, 1, "build")

    def read(self, uuid: str) -> Toy:
        """Return a row."""
        with self.db.reader() as session:
            return session.get_one(Toy, uuid)

    def record(self, line: str) -> None:
        """Append a line to the diary."""
        with (self.folder / "diary").open("a") as diary:
            diary.write(line + "\n")

    def diary(self) -> list[str]:
        """Return the lines of the diary."""
        path = self.folder / "diary"
        return path.read_text().splitlines() if path.exists() else []

    def request_scrap(self, uuid: str) -> None:
        """Request that a toy be scrapped; a build in progress is cancelled."""
        with self.db.writer() as session:
            session.execute(sa.update(Toy).where(Toy.uuid == uuid).values(scrap_requested=True))

    # The methods that a conductor calls.

    def pending(self) -> Iterable[Job]:
        operations = {"building": "build", "scrapping": "scrap"}
        with self.db.reader() as session:
            rows = session.scalars(sa.select(Toy).where(Toy.state.in_(operations))).all()
        return [Job(self.name, t.uuid, t.generation, operations[t.state]) for t in rows]

    def is_pending(self, job: Job) -> bool:
        return job in self.pending()

    def flow(self, job: Job) -> FlowSpec:
        return FlowSpec(f"tests.unit.conductor.toy.{job.operation}", {"toy_uuid": job.uuid})

    def task_arguments(self, job: Job) -> Mapping[str, Any]:
        return {"toys": self}

    def task_started(self, job: Job, task: str, reverting: bool) -> None:
        self.started.append((task, reverting))
        with self.db.writer() as session:
            session.execute(sa.update(Toy).where(Toy.uuid == job.uuid).values(task=task))

    def settle(self, job: Job, outcome: Outcome) -> Job | None:
        state = "gone" if job.operation == "scrap" else BUILD[outcome.result]
        row = self.read(job.uuid)
        scrap = job.operation == "build" and row.scrap_requested
        with self.db.writer() as session:
            transitions.compare_and_set(
                session,
                Toy,
                uuid=job.uuid,
                generation=job.generation,
                state={"build": "building", "scrap": "scrapping"}[job.operation],
                values={
                    "state": "scrapping" if scrap else state,
                    "reason": outcome.reason,
                    "details": json.dumps(
                        {"error": outcome.error, **outcome.details}
                        | ({"revert": outcome.revert_reason} if outcome.revert_reason else {})
                    ),
                },
            )
        return Job(self.name, job.uuid, job.generation, "scrap") if scrap else None

    def count_by_state(self) -> Mapping[str, int]:
        with self.db.reader() as session:
            counts = session.execute(sa.select(Toy.state, sa.func.count()).group_by(Toy.state))
            return dict(counts.tuples().all())

    def audit(self) -> Iterable[Stray]:
        path = self.folder / "strays"
        for line in path.read_text().splitlines() if path.exists() else []:
            yield Stray("toy", line, repaired=line.startswith("own"))


class Step(task.Task):
    """A task that does what the script names: ok, fail, bug, wait; its revert: hang, fail."""

    def execute(self, toy_uuid: str, toys: Toys) -> str:
        toys.record(f"{self.name} begins")
        action = toys.script.get(self.name, "ok")
        if action == "fail":
            raise errors.Fault("No wheels are left.", {"code": "wheels"})
        if action == "bug":
            raise ZeroDivisionError("a bug")
        if action == "wait":
            deadline = toys.read(toy_uuid).since + datetime.timedelta(seconds=WAIT)
            waiting.wait_until(
                lambda: True if (toys.folder / "go").exists() else None,
                deadline=deadline.replace(tzinfo=datetime.UTC),
                interval=0.1,
                what="the paint to dry",
                cancelled=lambda: toys.read(toy_uuid).scrap_requested,
            )
        toys.record(f"{self.name} ends")
        return self.name

    def revert(self, toy_uuid: str, toys: Toys, **_kwargs: Any) -> None:
        toys.record(f"{self.name} is undone")
        action = toys.script.get(f"undo {self.name}")
        if action == "hang":
            threading.Event().wait()
        if action == "fail":
            raise errors.Fault("The glue holds.")


def build(colour: str = "red") -> linear_flow.Flow:
    """Saw, then glue, then paint."""
    return linear_flow.Flow("build").add(Step(name="saw"), Step(name="glue"), Step(name="paint"))


def scrap() -> linear_flow.Flow:
    """Burn the toy."""
    return linear_flow.Flow("scrap").add(Step(name="burn"))
