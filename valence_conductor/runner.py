# SPDX-License-Identifier: Apache-2.0

"""Do one job: make or resume its flow, run it, and settle its row."""

from collections.abc import Mapping
import threading
import time

from oslo_log import log as logging
from taskflow import engines
from taskflow import states
from taskflow.engines import base as engines_base
from taskflow.listeners import base as listeners
from taskflow.persistence import models
from taskflow.types import failure

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

#: State in which a task begins to run -> in which direction.
BEGINNINGS = {states.RUNNING: "execute", states.REVERTING: "revert"}

#: State in which it is done -> in which direction it ran.
ENDS = {
    states.SUCCESS: "execute",
    states.FAILURE: "execute",
    states.REVERTED: "revert",
    states.REVERT_FAILURE: "revert",
}


class Runner:
    """Runs jobs, one a thread.

    :param ledgers: the owners of rows, by name.
    """

    def __init__(self, journal: Journal, ledgers: Mapping[str, Ledger]) -> None:
        self._journal = journal
        self._ledgers = ledgers

    def save(self, job: Job) -> None:
        """Write the job's flow down, so that it outlives this process."""
        self._journal.open(job, self._ledgers[job.ledger].flow(job))

    def run(self, job: Job, halt: threading.Event) -> Job | None:
        """Do a job to its end, or leave it when ``halt`` is set.

        :returns: the next job that the row asks for, if any.
        :raises Abandoned: it was left; its row still asks for it.
        :raises Exception: the flow could not be run or kept (its database is
            away, say); its row still asks for it.
        """
        ledger, labels = self._ledgers[job.ledger], (job.ledger, job.operation)
        if not ledger.is_pending(job):
            self._journal.forget(job)
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
        with _Scribe(engine, job, ledger):
            try:
                for _state in engine.run_iter():
                    if halt.is_set():
                        engine.suspend()
            except Exception:
                if outcome_of(detail) is None:
                    raise

    def _settle(self, job: Job, ledger: Ledger, outcome: Outcome) -> Job | None:
        try:
            following = ledger.settle(job, outcome)
        except errors.Superseded as exc:
            LOG.warning("%s was settled by somebody else: %s", job.name, exc)
            following = None
        metrics.JOBS.labels(job.ledger, job.operation, str(outcome.result)).inc()
        level = logging.INFO if outcome.result is Result.SUCCESS else logging.WARNING
        LOG.log(level, "%s ended: %s%s", job.name, outcome.result, _because(outcome))
        self._journal.forget(job)
        return following


class _Scribe(listeners.Listener):
    """Tells the ledger which task a job has come to, and Prometheus how long it took."""

    def __init__(self, engine: engines_base.Engine, job: Job, ledger: Ledger) -> None:
        super().__init__(engine)
        self._job = job
        self._ledger = ledger
        self._began: float | None = None

    def _task_receiver(self, state: str, details: Mapping[str, str]) -> None:
        task = details["task_name"]
        if state in BEGINNINGS:
            LOG.debug("%s: %s is %s", self._job.name, task, state)
            self._began = time.monotonic()
            self._ledger.task_started(self._job, task, reverting=BEGINNINGS[state] == "revert")
        elif state in ENDS and self._began is not None:
            seconds, self._began = time.monotonic() - self._began, None
            metrics.TASK_SECONDS.labels(task, ENDS[state]).observe(seconds)


def outcome_of(detail: models.FlowDetail) -> Outcome | None:
    """Tell how a flow ended; None if it did not, or must be run again.

    A flow in FAILURE without a revert that failed is one whose engine broke (its
    database went away): it is resumed, not settled. So is one whose tasks do not
    bear its state out: two processes wrote it at the same time, because one of them
    slept through its lease. A flow that says REVERTED begins anew when it is run.
    """
    atoms = list(detail)
    if detail.state == states.SUCCESS and all(atom.state == states.SUCCESS for atom in atoms):
        return Outcome(Result.SUCCESS)
    if detail.state == states.REVERTED and _is_undone(atoms):
        return _failed(Result.REVERTED, [atom.failure for atom in atoms])
    if detail.state == states.FAILURE:
        reverts = [atom.revert_failure for atom in atoms if atom.state == states.REVERT_FAILURE]
        if reverts:
            return _failed(Result.FAILED, [atom.failure for atom in atoms], reverts)
    return None


def _is_undone(atoms: list[models.AtomDetail]) -> bool:
    """Tell whether something failed, and nothing is done that was not undone."""
    undone = (states.REVERTED, states.PENDING, states.IGNORE)
    failed = any(atom.failure is not None for atom in atoms)
    return failed and all(atom.state in undone for atom in atoms)


def _failed(
    result: Result,
    executed: list[failure.Failure | None],
    reverted: list[failure.Failure | None] | None = None,
) -> Outcome:
    """Describe the first failure, and the failed revert behind it."""
    causes = [cause for cause in executed if cause is not None]
    behind = [cause for cause in reverted or [] if cause is not None]
    first = (causes or behind)[0] if causes or behind else None
    if first is None:
        return Outcome(result)
    reason = _words(first)
    if causes and behind:
        reason = f"{reason} Undoing it failed too: {_words(behind[0])}"
    name = next(iter(first), "")
    args = list(first.exception_args or ())
    details = args[1] if len(args) > 1 and isinstance(args[1], dict) else {}
    return Outcome(result, error=name.rsplit(".", 1)[-1], reason=reason, details=details)


def _words(cause: failure.Failure) -> str:
    """Give the sentence of a failure; a Fault's is its first argument."""
    return str(cause.exception_str)


def _because(outcome: Outcome) -> str:
    return f" ({outcome.error}: {outcome.reason})" if outcome.reason else ""
