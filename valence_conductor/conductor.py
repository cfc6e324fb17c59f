# SPDX-License-Identifier: Apache-2.0

"""The conductor: takes jobs, does them, and does again what a dead one left."""

from collections.abc import Iterable
import functools
import threading
import time

from oslo_config import cfg
from oslo_log import log as logging

from valence_conductor import conf as conductor_conf
from valence_conductor import errors
from valence_conductor import metrics
from valence_conductor.boards import Board
from valence_conductor.boards import EmbeddedBoard
from valence_conductor.boards import JobboardBoard
from valence_conductor.boards import url
from valence_conductor.db.engine import Database
from valence_conductor.job import Job
from valence_conductor.journal import Journal
from valence_conductor.ledger import Ledger
from valence_conductor.locks import election
from valence_conductor.locks.lock import FileLock
from valence_conductor.locks.lock import Lock
from valence_conductor.locks.lock import ServerLock
from valence_conductor.runner import Runner
from valence_conductor.sweeper import Election
from valence_conductor.sweeper import Sweeper

LOG = logging.getLogger(__name__)


class Conductor:
    """Does the jobs that the rows of its ledgers ask for.

    :param ledgers: the owners of the rows.
    :param journal: keeps the flows between their steps.
    :param board: hands out the jobs.
    :param sweeper: posts again what was lost.
    :param exporter: serves the metrics of this process.
    :param start_timeout: seconds to wait for the database of flows at the start.
    :param lock: what only one process may hold; None where several
        may work on the same journal.
    :param works: False for a process that only submits, for others to do.
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
        lock: Lock | None = None,
        works: bool = True,
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
        self._works = works

    def start(self) -> None:
        """Resume everything that is under way, and begin to take jobs.

        :raises AlreadyRunning: another process runs the flows of this journal.
        :raises Unreachable: the database of flows is away, or the jobboard.
        """
        self._journal.reach(self._start_timeout)
        if self._lock is not None and not self._lock.acquire():
            raise errors.AlreadyRunning(
                f"Another process holds {self._lock.location} and runs these flows. Stop it, "
                "or give this one its own [conductor] connection."
            )
        self._journal.upgrade()
        self._board.start(self._run if self._works else None, self._ledgers)
        if self._works:
            self._sweeper.start()
        if self._exporter is not None:
            self._exporter.start()

    def _run(self, job: Job, halt: threading.Event) -> Job | None:
        """Do a job, unless another process may be at it.

        :raises Abandoned: the lock was lost; a sweep takes it again, or tells who has it.
        """
        if self._lock is not None and not self._lock.is_held():
            raise errors.Abandoned
        return self._runner.run(job, halt)

    def submit(self, job: Job) -> None:
        """Take a job whose row is committed already.

        It is taken even if it can be neither written down nor posted now, or if
        this process dies meanwhile: the row asks for it, and a sweep finds it.
        """
        LOG.info("%s begins", job.name)
        try:
            self._runner.save(job)
            self._board.post(job)
        except Exception as exc:  # databases and boards have errors of their own
            LOG.warning("%s could not be posted, it is at the next sweep: %s", job.name, exc)

    def check_board(self) -> None:
        """See whether jobs can be posted and taken.

        :raises Exception: of the board, when it is away.
        """
        self._board.live()

    def sweep(self) -> int:
        """Post every job that a row asks for and that nobody has, now.

        :returns: how many there were.
        """
        return self._sweeper.sweep()

    def wait(self, job: Job, timeout: float) -> bool:
        """Wait until the row asks for this job no longer.

        :param timeout: seconds.
        :returns: whether it came to that.
        """
        ledger = self._ledgers[job.ledger]
        deadline = time.monotonic() + timeout
        while ledger.is_pending(job):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def stop(self, graceful: float | None = None) -> None:
        """Leave every flow between two steps; the next start goes on with it.

        :param graceful: seconds given to the requests under way.
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
    works: bool = True,
) -> Conductor:
    """Make the conductor that a configuration asks for.

    :param default_connection: where flows are kept when ``[conductor]
        connection`` does not say.
    :param works: False for a process that leaves the work to others; without a
        jobboard there are no others, and it works all the same. ``[conductor]
        workers = 0`` asks for the same.
    :raises ValueError: there are neither workers here nor others.
    """
    conductor_conf.register_opts(conf)
    options = conf[conductor_conf.GROUP]
    if not (options.workers or options.jobboard):
        raise ValueError(
            "[conductor] workers = 0 leaves the work to others, and without a jobboard there are "
            "none: set workers, or jobboard."
        )
    ledgers = list(ledgers)
    db = Database(options.connection or default_connection)
    board: Board
    office: Election
    lock: Lock | None
    if options.jobboard:
        jobboard_conf = url.parse(options.jobboard)
        board = JobboardBoard(
            jobboard_conf,
            workers=options.workers,
            lease=options.lease,
            start_timeout=options.start_timeout,
        )
        office = election.ToozElection(options.jobboard, board.name)
        lock = None
    else:
        board = EmbeddedBoard(options.workers)
        lock = FileLock(f"{db.url.database}.lock") if db.is_sqlite else ServerLock(db.engine)
        office = election.LockHolderElection(
            lock, functools.partial(board.stop, options.graceful_timeout)
        )
    journal = Journal(db)
    return Conductor(
        ledgers,
        journal,
        board,
        Sweeper(
            ledgers,
            board,
            journal,
            office,
            interval=options.sweep_interval,
            audit_interval=options.audit_interval,
        ),
        metrics.Exporter(ledgers, options.metrics_host, options.metrics_port)
        if options.metrics_port is not None
        else None,
        graceful_timeout=options.graceful_timeout,
        start_timeout=options.start_timeout,
        lock=lock,
        works=bool(works and options.workers) or not options.jobboard,
    )
