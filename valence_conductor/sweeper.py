# SPDX-License-Identifier: Apache-2.0

"""The sweeper: requeues jobs that no conductor holds, and audits for strays."""

from collections.abc import Collection
import time

from oslo_log import log as logging

from valence_conductor import metrics
from valence_conductor.boards import Board
from valence_conductor.journal import Journal
from valence_conductor.ledger import Ledger
from valence_conductor.locks.election import Election
from valence_conductor.periodic import ElectedPeriodic
from valence_conductor.strays import Stray

LOG = logging.getLogger(__name__)

#: Share of the interval by which it varies.
JITTER = 0.1


class Sweeper:
    """Requeues what a process that died, or a board that was lost, left undone.

    :param journal: flows whose jobs are done are deleted from it.
    :param election: every conductor has a sweeper; that of the leader sweeps.
    :param interval: seconds between two sweeps, plus or minus a tenth.
    :param audit_interval: seconds between two audits for strays.
    """

    def __init__(
        self,
        ledgers: Collection[Ledger],
        board: Board,
        journal: Journal,
        election: Election,
        *,
        interval: float,
        audit_interval: float,
    ) -> None:
        self._ledgers = ledgers
        self._board = board
        self._journal = journal
        self._audit_interval = audit_interval
        self._last_audit = time.monotonic()
        self._periodic = ElectedPeriodic("sweeper", self._run, election, interval, jitter=JITTER)

    def start(self) -> None:
        """Start to sweep periodically."""
        self._periodic.start()

    def stop(self) -> None:
        """Stop sweeping, and resign; do not wait long for servers that are unreachable."""
        self._periodic.stop()

    def sweep(self) -> int:
        """Requeue every job that a row requests and no conductor holds.

        :returns: the number of jobs.
        """
        pending = [job for ledger in self._ledgers for job in ledger.pending()]
        live = self._board.live() if pending else set()
        missing = [job for job in pending if job not in live]
        for job in missing:
            self._board.post(job)
            LOG.info("Requeued job %s: its row is pending and no conductor holds it", job.name)
        return len(missing)

    def tidy(self) -> None:
        """Delete the flows of jobs that are done.

        A row is committed before its flow is stored, and settled before the flow is
        deleted: a process that died in between left a flow that no job uses.
        """
        ledgers = {ledger.name: ledger for ledger in self._ledgers}
        for job in list(self._journal.jobs()):
            ledger = ledgers.get(job.ledger)
            if ledger is not None and not ledger.is_pending(job):
                self._journal.forget(job)
                LOG.info("Deleted the flow of job %s: its row is not pending", job.name)

    def audit(self) -> list[Stray]:
        """Find the strays of every ledger, log and count them.

        :returns: the strays.
        """
        strays: list[Stray] = []
        for ledger in self._ledgers:
            for stray in self._strays_of(ledger):
                action = "it is released" if stray.repaired else "it is left alone, check it"
                LOG.warning("Stray %s: %s; %s", stray.kind, stray.what, action)
                metrics.STRAYS.labels(ledger.name, stray.kind, str(stray.repaired).lower()).inc()
                strays.append(stray)
        return strays

    def _strays_of(self, ledger: Ledger) -> list[Stray]:
        """Audit one ledger; its failure does not keep the others from their audits."""
        try:
            return list(ledger.audit())
        except Exception:  # databases have errors of their own, and so have peers
            LOG.exception("The audit of %s failed; it will be retried", ledger.name)
            return []

    def _run(self) -> None:
        self.sweep()
        self.tidy()
        if time.monotonic() - self._last_audit >= self._audit_interval:
            self._last_audit = time.monotonic()
            self.audit()
