# SPDX-License-Identifier: Apache-2.0

"""The conductor: accepts jobs, runs them, and resumes those of a process that died."""

from collections.abc import Iterable
import functools
import threading

from oslo_config import cfg
from oslo_log import log as logging
from oslo_utils import timeutils

from valence_conductor import conf as conductor_conf
from valence_conductor import errors
from valence_conductor import metrics
from valence_conductor import waiting
from valence_conductor.boards import Board
from valence_conductor.boards import EmbeddedBoard
from valence_conductor.boards import JobboardBoard
from valence_conductor.boards import url
from valence_conductor.db.engine import Database
from valence_conductor.job import Job
from valence_conductor.journal import Journal
from valence_conductor.ledger import Ledger
from valence_conductor.ledger import Rows
from valence_conductor.locks.election import Election
from valence_conductor.locks.election import LockHolderElection
from valence_conductor.locks.election import ToozElection
from valence_conductor.locks.group import LockGroup
from valence_conductor.locks.lock import FileLock
from valence_conductor.locks.lock import Lock
from valence_conductor.locks.lock import ServerLock
from valence_conductor.runner import Runner
from valence_conductor.sweeper import Sweeper

LOG = logging.getLogger(__name__)

#: Name of the lock that the only process has that runs the flows of a database.
FLOWS = "flows"


class Conductor:
    """Runs the jobs that the rows of its ledgers request.

    :param ledgers: the owners of the rows.
    :param journal: stores the flows between their steps.
    :param board: queues and dispatches the jobs.
    :param sweeper: requeues lost jobs.
    :param exporter: serves the metrics of this process.
    :param graceful_timeout: seconds that :meth:`stop` waits for requests in progress.
    :param start_timeout: seconds that :meth:`start` waits for the database of flows.
    :param lock: excludes other processes that would run the same flows, or flows of the
        same rows; None for a process that runs none.
    :param runs_jobs: False for a process that only submits jobs for others to run.
    """

    def __init__(
        self,
        ledgers: Iterable[Ledger],
        journal: Journal,
        board: Board,
        sweeper: Sweeper,
        exporter: metrics.Exporter | None = None,
        *,
        graceful_timeout: float,
        start_timeout: float = 0.0,
        lock: LockGroup | None = None,
        runs_jobs: bool = True,
    ) -> None:
        self._ledgers = {ledger.name: ledger for ledger in ledgers}
        self._journal = journal
        self._board = board
        self._sweeper = sweeper
        self._exporter = exporter
        self._runner = Runner(journal, self._ledgers)
        self._graceful_timeout = graceful_timeout
        self._start_timeout = start_timeout
        self._lock = lock
        self._runs_jobs = runs_jobs

    def start(self) -> None:
        """Resume every flow in progress, and start to run jobs.

        :raises AlreadyRunning: another process runs the flows of this journal.
        :raises Unreachable: the database of flows does not answer, or the jobboard.
        """
        self._journal.reach(self._start_timeout)
        self._ensure_alone()
        self._journal.upgrade()
        self._board.start(self._run if self._runs_jobs else None, self._ledgers)
        if self._runs_jobs:
            self._sweeper.start()
        if self._exporter is not None:
            self._exporter.start()

    def _run(self, job: Job, halt: threading.Event) -> Job | None:
        """Run a job, unless another process may run it.

        :raises AlreadyRunning: the lock was lost, and another process has it.
        """
        self._ensure_alone()
        return self._runner.run(job, halt)

    def _ensure_alone(self) -> None:
        """Acquire the lock, unless it is held.

        :raises AlreadyRunning: another process has it.
        """
        if self._lock is not None and not self._lock.acquire():
            raise errors.AlreadyRunning(
                f"Another process holds {self._lock.location} and runs these flows. Stop it, or "
                f"configure a separate {self._lock.option} for this one. Processes that run the "
                "same flows together need the same [conductor] jobboard and connections."
            )

    def submit(self, job: Job) -> None:
        """Accept a job whose row is committed already.

        It is accepted even if it can be neither stored nor posted now, or if this process
        dies meanwhile: the row requests it, and a sweep finds the row.
        """
        try:
            self._runner.save(job)
            self._board.post(job)
            LOG.info("Submitted job %s", job.name)
        except Exception as exc:  # databases and boards have errors of their own
            LOG.warning("Could not post job %s, the next sweep will requeue it: %s", job.name, exc)

    def check_board(self) -> None:
        """Raise the error of a board on which jobs can be neither posted nor claimed."""
        self._board.live()

    def sweep(self) -> int:
        """Requeue, now, every job that a row requests and no conductor holds.

        :returns: the number of jobs.
        """
        return self._sweeper.sweep()

    def wait(self, job: Job, timeout: float) -> bool:
        """Wait until the row no longer requests this job.

        :param timeout: seconds.
        :returns: False when the time is up.
        """
        ledger = self._ledgers[job.ledger]
        done = waiting.poll(
            lambda: None if ledger.is_pending(job) else True,
            timeutils.StopWatch(timeout).start().leftover,
            interval=waiting.FIRST_PAUSE,
        )
        return done is not None

    def stop(self, graceful: float | None = None) -> None:
        """Leave every flow between two steps; the next start resumes it.

        :param graceful: seconds to wait for the requests in progress.
        """
        if self._exporter is not None:
            self._exporter.stop()
        self._sweeper.stop()
        self._board.stop(self._graceful_timeout if graceful is None else graceful)
        self._journal.close()
        if self._lock is not None:
            self._lock.release()


def from_conf(
    conf: cfg.ConfigOpts,
    ledgers: Iterable[Ledger],
    default_connection: str,
    *,
    runs_jobs: bool = True,
) -> Conductor:
    """Build the conductor that a configuration describes.

    :param default_connection: of the database of flows, when ``[conductor] connection``
        is not set.
    :param runs_jobs: False for a process that leaves its jobs to others, as with
        ``[conductor] workers = 0``. Without a jobboard there are no others, and it runs
        them all the same.
    :raises ValueError: no process would run the jobs.
    """
    conductor_conf.register_opts(conf)
    options = conf[conductor_conf.GROUP]
    if not (options.workers or options.jobboard):
        raise ValueError(
            "[conductor] workers = 0 leaves all jobs to other processes, and without a jobboard "
            "there are none: set workers, or jobboard."
        )
    ledgers = list(ledgers)
    db = Database(options.connection or default_connection)
    journal = Journal(db)
    runs_jobs = bool(runs_jobs and options.workers) or not options.jobboard
    if options.jobboard:
        board, lock, election = _shared(options, ledgers if runs_jobs else [])
    else:
        board, lock, election = _embedded(options, ledgers, db)
    intervals = {"interval": options.sweep_interval, "audit_interval": options.audit_interval}
    exporter = None
    if options.metrics_port is not None:
        exporter = metrics.Exporter(ledgers, options.metrics_host, options.metrics_port)
    return Conductor(
        ledgers,
        journal,
        board,
        Sweeper(ledgers, board, journal, election, **intervals),
        exporter,
        graceful_timeout=options.graceful_timeout,
        start_timeout=options.start_timeout,
        lock=lock,
        runs_jobs=runs_jobs,
    )


def _shared(
    options: cfg.ConfigOpts.GroupAttr, ledgers: Iterable[Ledger]
) -> tuple[Board, LockGroup, Election]:
    """Return the board, lock and election of several processes that share a jobboard.

    :param ledgers: whose jobs this process runs; a process without that jobboard is not to
        run them at the same time.
    """
    board = JobboardBoard(
        url.parse(options.jobboard),
        workers=options.workers,
        lease=options.lease,
        start_timeout=options.start_timeout,
    )
    lock = LockGroup(_row_locks(ledgers, shared=True))
    return board, lock, ToozElection(options.jobboard, board.name)


def _embedded(
    options: cfg.ConfigOpts.GroupAttr, ledgers: Iterable[Ledger], db: Database
) -> tuple[Board, LockGroup, Election]:
    """Return the board, lock and election of a single process.

    :param db: of the flows. A process with other flows for the same rows is excluded as well:
        both would do whatever the rows request.
    """
    board = EmbeddedBoard(options.workers)
    flows = {"[conductor] connection": _lock_in(db, FLOWS)}
    lock = LockGroup({**flows, **_row_locks(ledgers, shared=False)})
    stop = functools.partial(board.stop, options.graceful_timeout)
    return board, lock, LockHolderElection(lock, stop)


def _row_locks(ledgers: Iterable[Ledger], *, shared: bool) -> dict[str, Lock]:
    """Return the locks of the rows of ledgers, by the options that name their databases."""
    locks = {}
    for ledger in ledgers:
        rows: Rows | None = getattr(ledger, "rows", None)
        if rows is not None:
            locks[rows.option] = _lock_in(rows.db, f"rows-{ledger.name}", shared=shared)
    return locks


def _lock_in(db: Database, name: str, *, shared: bool = False) -> Lock:
    """Return the lock of this name in a database; in SQLite it is a file beside it."""
    if not db.is_sqlite:
        return ServerLock(db.engine, name, shared=shared)
    return FileLock(
        f"{db.file}.lock" if name == FLOWS else f"{db.file}.{name}.lock", shared=shared
    )
