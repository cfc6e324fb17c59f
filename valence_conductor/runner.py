# SPDX-License-Identifier: Apache-2.0

"""Run one job: build or resume its flow, run it, and settle its row."""

from collections.abc import Mapping
import dataclasses
import threading
import time

from oslo_log import log as logging
from taskflow import engines
from taskflow import states
from taskflow.engines import base as engines_base
from taskflow.listeners import base as listeners
from taskflow.persistence import models
from taskflow.types import failure

from valence_conductor import clock
from valence_conductor import errors
from valence_conductor import interrupt
from valence_conductor import metrics
from valence_conductor.job import Job
from valence_conductor.job import Outcome
from valence_conductor.job import Result
from valence_conductor.journal import Journal
from valence_conductor.journal import META_SYMBOLS
from valence_conductor.ledger import Ledger

LOG = logging.getLogger(__name__)

#: State in which a task starts -> its direction.
START_STATES = {states.RUNNING: "execute", states.REVERTING: "revert"}

#: State in which a task ends -> its direction.
END_STATES = {
    states.SUCCESS: "execute",
    states.FAILURE: "execute",
    states.REVERTED: "revert",
    states.REVERT_FAILURE: "revert",
}


class Runner:
    """Runs jobs, one in each thread.

    :param ledgers: the owners of rows, by name.
    """

    def __init__(self, journal: Journal, ledgers: Mapping[str, Ledger]) -> None:
        self._journal = journal
        self._ledgers = ledgers
        self._clocks: dict[Job, _TaskClock] = {}

    def save(self, job: Job) -> None:
        """Store the job's flow, so that it outlives this process."""
        self._journal.open(job, self._ledgers[job.ledger].flow(job))

    def run(self, job: Job, halt: threading.Event) -> Job | None:
        """Run a job to its end, or abandon it when ``halt`` is set.

        :returns: the next job that the row requests, if any.
        :raises Abandoned: the job was abandoned; its row still requests it.
        :raises Exception: the flow could not be run or stored (because its database is
            unreachable, for example); its row still requests the job.
        """
        ledger, labels = self._ledgers[job.ledger], (job.ledger, job.operation)
        if not ledger.is_pending(job):
            self._forget(job)
            return None
        detail = self._journal.open(job, ledger.flow(job))
        outcome = outcome_of(detail)
        if outcome is None:
            if detail.state is not None:
                metrics.RESUMES.labels(*labels).inc()
            with interrupt.until_set(halt), metrics.RUNNING.labels(*labels).track_inprogress():
                self._run_flow(job, ledger, detail, halt)
            outcome = outcome_of(detail)
            if outcome is None:
                raise errors.Abandoned
        return self._settle(job, ledger, outcome)

    def _run_flow(
        self, job: Job, ledger: Ledger, detail: models.FlowDetail, halt: threading.Event
    ) -> None:
        engine = engines.load_from_detail(detail, backend=self._journal.backend, engine="serial")
        engine.compile()
        symbols = {**detail.meta[META_SYMBOLS], **ledger.task_arguments(job)}
        engine.storage.inject(symbols, transient=True)
        task_clock = self._clocks.setdefault(job, _TaskClock())
        with clock.kept(), _TaskListener(engine, job, ledger, task_clock):
            try:
                for _state in engine.run_iter():
                    if halt.is_set():
                        engine.suspend()
            except Exception:
                if outcome_of(detail) is None:
                    raise

    def _settle(self, job: Job, ledger: Ledger, outcome: Outcome) -> Job | None:
        try:
            next_job = ledger.settle(job, outcome)
        except errors.Superseded as exc:
            LOG.warning("Job %s was settled by another process: %s", job.name, exc)
            next_job = None
        metrics.JOBS.labels(job.ledger, job.operation, str(outcome.result)).inc()
        level = logging.INFO if outcome.result is Result.SUCCESS else logging.WARNING
        LOG.log(level, "Job %s ended: %s%s", job.name, outcome.result, _cause(outcome))
        self._forget(job)
        return next_job

    def _forget(self, job: Job) -> None:
        self._clocks.pop(job, None)
        self._journal.forget(job)


@dataclasses.dataclass
class _TaskClock:
    """The clock of the task that a job was at when it last ran in this process.

    A job that is abandoned, and resumed by the same process, continues with it.
    """

    label: tuple[str, bool] | None = None
    steady: clock.SteadyClock | None = None

    def start(self, task: str, reverting: bool) -> None:
        """Start the clock for the waits of a task, unless it was started for it before."""
        if self.label != (task, reverting) or self.steady is None:
            self.label, self.steady = (task, reverting), clock.SteadyClock()
        clock.start(self.steady)


class _TaskListener(listeners.Listener):
    """Reports the start of every task to the ledger, and its duration to Prometheus."""

    def __init__(
        self, engine: engines_base.Engine, job: Job, ledger: Ledger, task_clock: _TaskClock
    ) -> None:
        super().__init__(engine)
        self._job = job
        self._ledger = ledger
        self._clock = task_clock
        self._started: float | None = None

    def _task_receiver(self, state: str, details: Mapping[str, str]) -> None:
        task = details["task_name"]
        if state in START_STATES:
            LOG.debug("Job %s: task %s is %s", self._job.name, task, state)
            self._started = time.monotonic()
            reverting = START_STATES[state] == "revert"
            self._clock.start(task, reverting)
            self._ledger.task_started(self._job, task, reverting=reverting)
        elif state in END_STATES and self._started is not None:
            seconds, self._started = time.monotonic() - self._started, None
            metrics.TASK_SECONDS.labels(task, END_STATES[state]).observe(seconds)


def outcome_of(detail: models.FlowDetail) -> Outcome | None:
    """Return how a flow ended; None if it has not ended, or must be run again.

    A flow in FAILURE without a failed revert is one whose engine broke (its database
    became unreachable): it is resumed, not settled. So is a flow whose state contradicts
    those of its tasks: two processes wrote it at the same time, because one of them slept
    past the end of its lease. A flow in REVERTED starts from the beginning when it is run.
    """
    atoms = list(detail)
    if detail.state == states.SUCCESS and all(atom.state == states.SUCCESS for atom in atoms):
        return Outcome(Result.SUCCESS)
    if detail.state == states.REVERTED and _is_reverted(atoms):
        return _failed(Result.REVERTED, [atom.failure for atom in atoms])
    if detail.state == states.FAILURE:
        reverts = [atom.revert_failure for atom in atoms if atom.state == states.REVERT_FAILURE]
        if reverts:
            return _failed(Result.FAILED, [atom.failure for atom in atoms], reverts)
    return None


def _is_reverted(atoms: list[models.AtomDetail]) -> bool:
    """Return whether a task failed, and every task that ran was reverted."""
    reverted = (states.REVERTED, states.PENDING, states.IGNORE)
    has_failure = any(atom.failure is not None for atom in atoms)
    return has_failure and all(atom.state in reverted for atom in atoms)


def _failed(
    result: Result,
    failures: list[failure.Failure | None],
    revert_failures: list[failure.Failure | None] | None = None,
) -> Outcome:
    """Return the outcome for the first failure, and the first failed revert after it."""
    causes = [cause for cause in failures if cause is not None]
    revert_causes = [cause for cause in revert_failures or [] if cause is not None]
    first = next(iter(causes or revert_causes), None)
    if first is None:
        return Outcome(result)
    revert_reason = _message(revert_causes[0]) if causes and revert_causes else None
    name = next(iter(first), "")
    args = list(first.exception_args or ())
    details = args[1] if len(args) > 1 and isinstance(args[1], dict) else {}
    return Outcome(
        result,
        error=name.rsplit(".", 1)[-1],
        reason=_message(first),
        revert_reason=revert_reason,
        details=details,
    )


def _message(cause: failure.Failure) -> str:
    """Return the message of a failure; that of a Fault is its reason."""
    return str(cause.exception_str)


def _cause(outcome: Outcome) -> str:
    if not outcome.reason:
        return ""
    undoing = f"; reverting it failed: {outcome.revert_reason}" if outcome.revert_reason else ""
    return f" ({outcome.error}: {outcome.reason}{undoing})"
