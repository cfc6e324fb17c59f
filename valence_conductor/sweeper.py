# SPDX-License-Identifier: Apache-2.0

"""The sweeper: finds rows that ask for work which nobody does."""

from collections.abc import Collection
import random
import threading
import time
from typing import Protocol

from oslo_log import log as logging

from valence_conductor import metrics
from valence_conductor.boards import Board
from valence_conductor.journal import Journal
from valence_conductor.ledger import Ledger
from valence_conductor.ledger import Stray

LOG = logging.getLogger(__name__)


class Election(Protocol):
    """What one of several processes is elected to."""

    def is_leader(self) -> bool:
        """Tell whether this process is the one; it becomes so if nobody is."""

    def close(self) -> None:
        """Give the office back."""


class Sweeper:
    """Posts again what a process that died, or a board that was lost, left undone.

    :param journal: what it remembers of jobs that are done is forgotten.
    :param office: every conductor has a sweeper; the one who is elected sweeps.
    :param interval: seconds between two sweeps, give or take a tenth.
    :param audit_interval: seconds between two looks for what no row owns.
    """

    def __init__(
        self,
        ledgers: Collection[Ledger],
        board: Board,
        journal: Journal,
        office: Election,
        *,
        interval: float,
        audit_interval: float,
    ) -> None:
        self._ledgers = ledgers
        self._board = board
        self._journal = journal
        self._office = office
        self._interval = interval
        self._audit_interval = audit_interval
        self._audited = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sweeper", daemon=True)

    def start(self) -> None:
        """Sweep from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Sweep no more, and leave the office; do not wait long for servers that are away."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(1)

    def sweep(self) -> int:
        """Post every job that a row asks for and that nobody has.

        :returns: how many there were.
        """
        jobs = [job for ledger in self._ledgers for job in ledger.pending()]
        live = self._board.live() if jobs else set()
        lost = [job for job in jobs if job not in live]
        for job in lost:
            LOG.info("%s is asked for by its row and done by nobody: posted", job.name)
            self._board.post(job)
        return len(lost)

    def tidy(self) -> None:
        """Forget flows whose rows do not ask for them any more.

        A row is committed before its flow is written down, and settled before the
        flow is forgotten: who died in between left a flow that nobody looks for.
        """
        ledgers = {ledger.name: ledger for ledger in self._ledgers}
        for job in list(self._journal.jobs()):
            ledger = ledgers.get(job.ledger)
            if ledger is not None and not ledger.is_pending(job):
                LOG.info("%s is done, its flow is forgotten", job.name)
                self._journal.forget(job)

    def audit(self) -> list[Stray]:
        """Have every ledger look for what no row owns.

        :returns: what was found.
        """
        found: list[Stray] = []
        for ledger in self._ledgers:
            for stray in self._strays_of(ledger):
                done = "is given back" if stray.repaired else "is left alone: look at it"
                LOG.warning("Stray %s: %s; it %s", stray.kind, stray.what, done)
                metrics.STRAYS.labels(ledger.name, stray.kind, str(stray.repaired).lower()).inc()
                found.append(stray)
        return found

    def _strays_of(self, ledger: Ledger) -> list[Stray]:
        """Have one ledger look; that it cannot does not keep the others from it."""
        try:
            return list(ledger.audit())
        except Exception:  # databases have errors of their own, and so have peers
            LOG.exception("The audit of %s failed; the next one is in time", ledger.name)
            return []

    def _serve(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                if self._office.is_leader():
                    self.sweep()
                    self.tidy()
                    self._audit_now_and_then()
            except Exception:  # the top of a thread: the next sweep may find the database back
                LOG.exception("A sweep failed; the next one is in %s s", self._interval)
            # Together they would all ask at the same moment.
            pause = self._interval * random.uniform(0.9, 1.1)  # noqa: S311
        self._office.close()

    def _audit_now_and_then(self) -> None:
        if time.monotonic() - self._audited >= self._audit_interval:
            self._audited = time.monotonic()
            self.audit()
