# SPDX-License-Identifier: Apache-2.0

"""A TaskFlow jobboard: jobs for any number of processes on any number of machines."""

import collections
from collections.abc import Collection
from collections.abc import Iterator
import contextlib
import dataclasses
import threading
import time
from typing import Any

import futurist
from oslo_log import log as logging
from oslo_utils import uuidutils
from taskflow import exceptions as taskflow_exceptions
from taskflow.jobs import backends
from taskflow.jobs import base as jobs_base

from valence_conductor import errors
from valence_conductor import ids
from valence_conductor import interrupt
from valence_conductor import reaching
from valence_conductor.boards import notifier
from valence_conductor.boards import url
from valence_conductor.boards.base import Work
from valence_conductor.job import Job

LOG = logging.getLogger(__name__)

#: How often an idle conductor looks at the board even if no bell rings, seconds.
IDLE = 0.5

#: A lease is renewed this many times in its life.
RENEWALS = 4


@dataclasses.dataclass
class _Claim:
    """A job that this process does, and until when it may."""

    posted: jobs_base.Job
    job: Job
    halt: interrupt.Lease


class JobboardBoard:
    """Jobs on Redis, ZooKeeper or etcd, claimed by who does them.

    A claim is a lease: a thread renews it, and a process that cannot renew it in
    time leaves the job before somebody else may take it.

    :param conf: of the jobboard, as TaskFlow's backends take it: ``board``,
        ``host``, ``port``, ...
    :param workers: how many jobs of each ledger to do at the same time. A job of
        one may wait for a job of another (an instance for its node): if they
        shared their places, those who wait could take all of them.
    :param lease: seconds that a claim lasts unless it is renewed. ZooKeeper ends
        a claim with its session instead.
    :param start_timeout: seconds to wait for the servers at the start.
    """

    def __init__(
        self, conf: dict[str, Any], *, workers: int, lease: int, start_timeout: float = 0.0
    ) -> None:
        self.name = f"{ids.process_name()}:{uuidutils.generate_uuid()[:8]}"
        self._where = f"The jobboard in {conf['board']} at {url.hosts(conf)}"
        self._board = backends.fetch("valence", conf)
        self._bell = notifier.NOTIFIERS.get(conf["board"], notifier.Notifier)(self._board)
        self._leases = conf["board"] != "zookeeper"
        self._workers = workers
        self._lease = lease
        self._start_timeout = start_timeout
        self._claims: dict[str, _Claim] = {}
        #: What this process has claimed, may have claimed, and does not do.
        self._owed: dict[str, jobs_base.Job] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._executor: futurist.ThreadPoolExecutor | None = None
        self._work: Work | None = None
        self._ledgers: frozenset[str] = frozenset()

    def start(self, work: Work | None, ledgers: Collection[str]) -> None:
        """Connect, and begin to claim jobs unless ``work`` is None.

        :raises Unreachable: the servers do not answer.
        """
        self._ledgers = frozenset(ledgers)
        away = (taskflow_exceptions.TaskFlowException,)
        reaching.retry_until_reachable(self._where, self._board.connect, away, self._start_timeout)
        if work is None:
            return
        self._work = work
        self._executor = futurist.ThreadPoolExecutor(self._workers * len(self._ledgers))
        self._bell.listen()
        self._threads = [
            threading.Thread(target=self._dispatch, name="dispatcher", daemon=True),
            threading.Thread(target=self._renew, name="leases", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def post(self, job: Job) -> None:
        """Take a job, unless the board has it already.

        Two processes may post it at the same moment: whoever claims the second
        one finds the first claimed, and drops it.
        """
        if job not in self.live():
            self._board.post(job.name, details={"job": dataclasses.asdict(job)})
            self._bell.ring()

    def live(self) -> set[Job]:
        """Tell which jobs are on the board, claimed or not."""
        return {_job(posted) for posted in self._board.iterjobs(ensure_fresh=True)}

    def stop(self, graceful: float) -> None:
        """Claim no more, leave every job between two tasks, and give it back."""
        self._stopping.set()
        self._bell.stop()
        with self._lock:
            claims = list(self._claims.values())
        for claim in claims:
            claim.halt.set()
        deadline = time.monotonic() + graceful
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        while self._claims and time.monotonic() < deadline:
            time.sleep(0.02)
        if self._executor is not None:
            self._executor.shutdown(wait=False)
        with contextlib.suppress(Exception):  # we are leaving, and so may be the server
            self._board.close()

    def _dispatch(self) -> None:
        """Claim jobs as long as there is somebody free to do them."""
        while not self._stopping.is_set():
            claimed = False
            try:
                self._give_back_what_is_owed()
                for posted in self._unclaimed():
                    claimed = self._claim(posted) or claimed
            except Exception as exc:  # the top of a thread, and each backend has its own errors
                LOG.warning("The jobboard does not answer, it is asked again: %s", exc)
            if not claimed:
                self._bell.wait(IDLE)

    def _unclaimed(self) -> Iterator[jobs_base.Job]:
        free = self._free()
        if not any(free.values()):
            return
        for posted in self._board.iterjobs(only_unclaimed=True, ensure_fresh=True):
            if free.get(_job(posted).ledger):
                yield posted
                free = self._free()
            if self._stopping.is_set() or not any(free.values()):
                return

    def _free(self) -> dict[str, int]:
        """Count the free places of each ledger."""
        with self._lock:
            taken = collections.Counter(claim.job.ledger for claim in self._claims.values())
        return {ledger: self._workers - taken[ledger] for ledger in self._ledgers}

    def _claim(self, posted: jobs_base.Job) -> bool:
        """Try to become the one who does a job."""
        began = time.monotonic()
        job = _job(posted)
        try:
            if not self._is_mine_now(posted):
                return False
            if self._is_done_elsewhere(job, posted):
                LOG.info("%s is being done already, its second posting is dropped", job.name)
                self._board.consume(posted, self.name)
                return False
        except Exception:
            self._owe(posted)  # it may be ours, though the board could not say so
            raise
        claim = _Claim(posted, job, interrupt.Lease(began + self._lease))
        with self._lock:
            self._claims[posted.uuid] = claim
            self._owed.pop(posted.uuid, None)
        if self._stopping.is_set():
            claim.halt.set()  # stop() may not have seen this one
        assert self._executor is not None
        self._executor.submit(self._serve, claim)
        return True

    def _is_mine_now(self, posted: jobs_base.Job) -> bool:
        """Claim a job; False if somebody else was faster."""
        try:
            if self._leases:
                self._board.claim(posted, self.name, expiry=self._lease)
            else:
                self._board.claim(posted, self.name)
        except (taskflow_exceptions.UnclaimableJob, taskflow_exceptions.NotFound):
            return False
        return True

    def _is_done_elsewhere(self, job: Job, mine: jobs_base.Job) -> bool:
        """Tell whether another posting of the same job is claimed by somebody."""
        others = (p for p in self._board.iterjobs(ensure_fresh=True) if p.uuid != mine.uuid)
        return any(self._owner(p) for p in others if _job(p) == job)

    def _owner(self, posted: jobs_base.Job) -> str | None:
        """Tell who has claimed a job; None if nobody has."""
        try:
            owner: str | None = self._board.find_owner(posted)
        except TypeError:  # TaskFlow's Redis backend decodes the owner that is not there
            return None
        return owner

    def _serve(self, claim: _Claim) -> None:
        """Do a job, then take it off the board, or put it back."""
        assert self._work is not None
        try:
            following = self._work(claim.job, claim.halt)
            if following is not None:
                self.post(following)
            with contextlib.suppress(taskflow_exceptions.NotFound):  # the board was emptied
                self._board.consume(claim.posted, self.name)
        except errors.Abandoned:
            LOG.info("%s was left, somebody else goes on with it", claim.job.name)
            self._give_back(claim.posted)
        except taskflow_exceptions.JobFailure as exc:
            LOG.warning("%s: the jobboard failed at its end: %s", claim.job.name, exc)
            self._owe(claim.posted)
        except Exception:  # the top of a thread: the row still asks for the job
            LOG.exception("%s could not be run, it is tried again", claim.job.name)
            claim.halt.wait(self._lease / RENEWALS)
            self._give_back(claim.posted)
        finally:
            with self._lock:
                if self._claims.get(claim.posted.uuid) is claim:  # not claimed anew meanwhile
                    del self._claims[claim.posted.uuid]
            self._bell.wake()  # there is a place for another

    def _give_back(self, posted: jobs_base.Job) -> None:
        """Let others claim a job; if the board does not take it back now, then later."""
        try:
            if self._owner(posted) == self.name:
                self._board.abandon(posted, self.name)
                self._bell.ring()
        except Exception as exc:  # each backend has its own errors
            LOG.debug("%s cannot be given back yet: %s", posted.name, exc)
            self._owe(posted)
        else:
            with self._lock:
                self._owed.pop(posted.uuid, None)

    def _owe(self, posted: jobs_base.Job) -> None:
        """Remember to give a job back.

        Nobody else would do it while this process lives: a lease ends by itself, but
        ZooKeeper has claims that end with their session, which is renewed as ever.
        """
        with self._lock:
            self._owed[posted.uuid] = posted

    def _give_back_what_is_owed(self) -> None:
        """Try again; only the thread that claims does, lest it be claimed anew meanwhile."""
        with self._lock:
            owed = list(self._owed.values())
        for posted in owed:
            self._give_back(posted)

    def _renew(self) -> None:
        """Renew every lease in time, and leave the job of one that is lost."""
        while not self._stopping.wait(self._lease / RENEWALS):
            with self._lock:
                claims = list(self._claims.values())
            for claim in claims:
                if not self._renew_one(claim):
                    LOG.warning("%s: the claim was lost, the job is left", claim.job.name)
                    claim.halt.set()

    def _renew_one(self, claim: _Claim) -> bool:
        """Renew a lease; False when it is, or may be, somebody else's by now."""
        began = time.monotonic()
        try:
            # Extending alone would extend whosesoever claim it is by now.
            if self._owner(claim.posted) != self.name:
                return claim.posted.uuid not in self._claims
            if self._leases and not claim.posted.extend_expiry(self._lease):
                return False
        except Exception as exc:  # each backend has its own errors, and time decides
            LOG.warning("%s: the lease could not be renewed: %s", claim.job.name, exc)
            return time.monotonic() < claim.halt.good_until - self._lease / RENEWALS
        claim.halt.good_until = began + self._lease
        return True


def _job(posted: jobs_base.Job) -> Job:
    return Job(**posted.details["job"])
