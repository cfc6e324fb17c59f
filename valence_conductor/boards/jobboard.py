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
from valence_conductor import waiting
from valence_conductor.boards import notifier
from valence_conductor.boards import url
from valence_conductor.boards.base import Handler
from valence_conductor.job import Job

LOG = logging.getLogger(__name__)

#: Seconds after which an idle conductor polls the board even without a notification.
POLL_INTERVAL = 0.5

#: How often a lease is renewed in its lifetime.
RENEWALS = 4


@dataclasses.dataclass
class _Claim:
    """A job that this process has claimed, and the event that ends its run."""

    posted: jobs_base.Job
    job: Job
    halt: interrupt.Lease


class JobboardBoard:
    """Jobs on Redis, ZooKeeper or etcd, claimed by the processes that run them.

    A claim is a lease: a thread renews it, and a process that cannot renew it in time
    abandons the job before another process may claim it.

    :param conf: of the jobboard, for TaskFlow's backends: ``board``, ``host``, ``port``, ...
    :param workers: how many jobs of each ledger to run at the same time. A job of one
        ledger may wait for a job of another (an instance for its node): if they shared
        their workers, the waiting ones could occupy all of them.
    :param lease: seconds that a claim lasts unless it is renewed. ZooKeeper ends a claim
        with its session instead.
    :param start_timeout: seconds to wait for the servers at the start.
    """

    def __init__(
        self, conf: dict[str, Any], *, workers: int, lease: int, start_timeout: float = 0.0
    ) -> None:
        self.name = f"{ids.process_name()}:{uuidutils.generate_uuid()[:8]}"
        self._location = f"The jobboard in {conf['board']} at {url.hosts(conf)}"
        self._board = backends.fetch("valence", conf)
        self._notifier = notifier.NOTIFIERS.get(conf["board"], notifier.Notifier)(self._board)
        self._claims_expire = conf["board"] != "zookeeper"
        self._workers = workers
        self._lease = lease
        self._start_timeout = start_timeout
        self._claims: dict[str, _Claim] = {}
        #: Jobs that this process has claimed, or may have, and does not run: to be released.
        self._unreleased: dict[str, jobs_base.Job] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._executor: futurist.ThreadPoolExecutor | None = None
        self._handler: Handler | None = None
        self._ledgers: frozenset[str] = frozenset()

    def start(self, handler: Handler | None, ledgers: Collection[str]) -> None:
        """Connect, and start to claim jobs unless ``handler`` is None.

        :raises Unreachable: the servers do not answer.
        """
        self._ledgers = frozenset(ledgers)
        waiting.retry_until_reachable(
            self._location,
            self._board.connect,
            (taskflow_exceptions.TaskFlowException,),
            timeout=self._start_timeout,
        )
        if handler is None:
            return
        self._handler = handler
        self._executor = futurist.ThreadPoolExecutor(self._workers * len(self._ledgers))
        self._notifier.listen()
        self._threads = [
            threading.Thread(target=self._dispatch, name="dispatcher", daemon=True),
            threading.Thread(target=self._renew, name="leases", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def post(self, job: Job) -> None:
        """Post a job, unless the board has it already.

        Two processes may post it at the same moment: the process that claims the second
        posting finds the first one claimed, and drops the second.
        """
        if job not in self.live():
            self._board.post(job.name, details={"job": dataclasses.asdict(job)})
            self._notifier.notify()

    def live(self) -> set[Job]:
        """Return the jobs on the board, claimed or not."""
        return {_job(posted) for posted in self._board.iterjobs(ensure_fresh=True)}

    def stop(self, graceful: float) -> None:
        """Stop claiming, abandon every job between two tasks, and release its claim.

        :param graceful: seconds, at most.
        """
        self._stopping.set()
        self._notifier.stop()
        with self._lock:
            claims = list(self._claims.values())
        for claim in claims:
            claim.halt.set()
        deadline = time.monotonic() + graceful
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        waiting.poll(
            lambda: None if self._claims else True,
            lambda: deadline - time.monotonic(),
            interval=0.02,
        )
        if self._executor is not None:
            self._executor.shutdown(wait=False)
        with contextlib.suppress(Exception):  # the server may be stopping as well
            self._board.close()

    def _dispatch(self) -> None:
        """Claim jobs while workers are free."""
        while not self._stopping.is_set():
            has_claimed = False
            try:
                self._retry_releases()
                for posted in self._unclaimed():
                    has_claimed = self._claim(posted) or has_claimed
            except Exception as exc:  # the top of a thread, and each backend has its own errors
                LOG.warning("The jobboard does not answer, it will be retried: %s", exc)
            if not has_claimed:
                self._notifier.wait(POLL_INTERVAL)

    def _unclaimed(self) -> Iterator[jobs_base.Job]:
        free = self._free_workers()
        if not any(free.values()):
            return
        for posted in self._board.iterjobs(only_unclaimed=True, ensure_fresh=True):
            if free.get(_job(posted).ledger):
                yield posted
                free = self._free_workers()
            if self._stopping.is_set() or not any(free.values()):
                return

    def _free_workers(self) -> dict[str, int]:
        """Count the free workers of each ledger."""
        with self._lock:
            busy = collections.Counter(claim.job.ledger for claim in self._claims.values())
        return {ledger: self._workers - busy[ledger] for ledger in self._ledgers}

    def _claim(self, posted: jobs_base.Job) -> bool:
        """Claim a job and run it in a thread; return False if another process has it."""
        claimed_at = time.monotonic()
        job = _job(posted)
        try:
            if not self._try_claim(posted):
                return False
            if self._is_claimed_elsewhere(job, posted):
                LOG.info("Dropped the second posting of job %s: it is running already", job.name)
                self._board.consume(posted, self.name)
                return False
        except Exception:
            self._release_later(posted)  # it may be claimed, though the response was lost
            raise
        claim = _Claim(posted, job, interrupt.Lease(claimed_at + self._lease))
        with self._lock:
            self._claims[posted.uuid] = claim
            self._unreleased.pop(posted.uuid, None)
        if self._stopping.is_set():
            claim.halt.set()  # stop() may have listed the claims before
        assert self._executor is not None
        self._executor.submit(self._run, claim)
        return True

    def _try_claim(self, posted: jobs_base.Job) -> bool:
        """Claim a job; return False if another process was faster."""
        try:
            if self._claims_expire:
                self._board.claim(posted, self.name, expiry=self._lease)
            else:
                self._board.claim(posted, self.name)
        except (taskflow_exceptions.UnclaimableJob, taskflow_exceptions.NotFound):
            return False
        return True

    def _is_claimed_elsewhere(self, job: Job, own: jobs_base.Job) -> bool:
        """Return whether another posting of the same job is claimed."""
        others = (p for p in self._board.iterjobs(ensure_fresh=True) if p.uuid != own.uuid)
        return any(self._owner(p) for p in others if _job(p) == job)

    def _owner(self, posted: jobs_base.Job) -> str | None:
        """Return the process that has claimed a job, if any."""
        try:
            owner: str | None = self._board.find_owner(posted)
        except TypeError:  # TaskFlow's Redis backend decodes an owner that is None
            return None
        return owner

    def _run(self, claim: _Claim) -> None:
        """Run a job, then remove it from the board, or release its claim."""
        assert self._handler is not None
        try:
            next_job = self._handler(claim.job, claim.halt)
            if next_job is not None:
                self.post(next_job)
            with contextlib.suppress(taskflow_exceptions.NotFound):  # the board was emptied
                self._board.consume(claim.posted, self.name)
        except errors.Abandoned:
            LOG.info("Abandoned job %s: another process resumes it", claim.job.name)
            self._release(claim.posted)
        except taskflow_exceptions.JobFailure as exc:
            LOG.warning("Job %s: the jobboard failed at its end: %s", claim.job.name, exc)
            self._release_later(claim.posted)
        except Exception:  # the top of a thread: the row still requests the job
            LOG.exception("Job %s could not be run, it will be retried", claim.job.name)
            claim.halt.wait(self._lease / RENEWALS)
            self._release(claim.posted)
        finally:
            with self._lock:
                if self._claims.get(claim.posted.uuid) is claim:  # not a later claim of it
                    del self._claims[claim.posted.uuid]
            self._notifier.wake()  # a worker is free

    def _release(self, posted: jobs_base.Job) -> None:
        """Release a claim, so that others can claim the job; retry later if that fails."""
        try:
            if self._owner(posted) == self.name:
                self._board.abandon(posted, self.name)
                self._notifier.notify()
        except Exception as exc:  # each backend has its own errors
            LOG.debug("The claim of job %s cannot be released yet: %s", posted.name, exc)
            self._release_later(posted)
        else:
            with self._lock:
                self._unreleased.pop(posted.uuid, None)

    def _release_later(self, posted: jobs_base.Job) -> None:
        """Remember to release a claim.

        Otherwise no other process could run the job while this one lives: a lease expires,
        but a claim in ZooKeeper ends with its session, which is renewed all the time.
        """
        with self._lock:
            self._unreleased[posted.uuid] = posted

    def _retry_releases(self) -> None:
        """Retry failed releases; only the claiming thread does, lest it claim meanwhile."""
        with self._lock:
            unreleased = list(self._unreleased.values())
        for posted in unreleased:
            self._release(posted)

    def _renew(self) -> None:
        """Renew every lease in time, and abandon the jobs of lost ones."""
        while not self._stopping.wait(self._lease / RENEWALS):
            with self._lock:
                claims = list(self._claims.values())
            for claim in claims:
                if not self._renew_one(claim):
                    LOG.warning("Abandoning job %s: its claim was lost", claim.job.name)
                    claim.halt.set()

    def _renew_one(self, claim: _Claim) -> bool:
        """Renew a lease; return False when another process has it, or may have it."""
        renewed_at = time.monotonic()
        try:
            # extend_expiry() alone would extend the claim of any other owner as well.
            if self._owner(claim.posted) != self.name:
                return claim.posted.uuid not in self._claims
            if self._claims_expire and not claim.posted.extend_expiry(self._lease):
                return False
        except Exception as exc:  # each backend has its own errors; the time decides
            LOG.warning("The lease of job %s could not be renewed: %s", claim.job.name, exc)
            return time.monotonic() < claim.halt.expires_at - self._lease / RENEWALS
        claim.halt.expires_at = renewed_at + self._lease
        return True


def _job(posted: jobs_base.Job) -> Job:
    return Job(**posted.details["job"])
