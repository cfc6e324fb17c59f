# SPDX-License-Identifier: Apache-2.0

"""The board of a single process."""

from collections.abc import Collection
import queue
import threading
import time

from oslo_log import log as logging

from valence_conductor import errors
from valence_conductor.boards.base import Handler
from valence_conductor.job import Job

LOG = logging.getLogger(__name__)


class EmbeddedBoard:
    """A queue in this process, and the threads that run its jobs.

    Nothing is lost with it: the rows say what is to be done, and the first sweep after
    the next start requeues it.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._live: set[Job] = set()
        self._lock = threading.Lock()
        self._halt = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, handler: Handler | None, ledgers: Collection[str]) -> None:
        """Start to dispatch jobs.

        :raises ValueError: without a handler, because no other process could run the jobs.
        """
        if handler is None:
            raise ValueError("the board of a single process needs a handler")
        self._threads = [
            threading.Thread(
                target=self._work, args=(handler,), name=f"conductor-{n}", daemon=True
            )
            for n in range(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def post(self, job: Job) -> None:
        """Queue a job, unless it is queued or running already."""
        with self._lock:
            if job in self._live or self._halt.is_set():
                return
            self._live.add(job)
        self._jobs.put(job)

    def live(self) -> set[Job]:
        """Return the jobs that are queued or running in this process."""
        with self._lock:
            return set(self._live)

    def stop(self, graceful: float) -> None:
        """Stop dispatching, and wait for running jobs.

        :param graceful: seconds, at most.
        """
        self._halt.set()
        for _thread in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + graceful
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, handler: Handler) -> None:
        while (job := self._jobs.get()) is not None:
            next_job = None
            if not self._halt.is_set():
                next_job = self._run(job, handler)
            with self._lock:
                self._live.discard(job)
            if next_job is not None:
                self.post(next_job)

    def _run(self, job: Job, handler: Handler) -> Job | None:
        try:
            return handler(job, self._halt)
        except errors.Abandoned:
            LOG.info("Abandoned job %s: the next sweep or start resumes it", job.name)
        except Exception:  # the top of a thread: the row still requests the job
            LOG.exception("Job %s could not be run, the next sweep will requeue it", job.name)
        return None
