# SPDX-License-Identifier: Apache-2.0

"""The board of one process: a queue and the threads that empty it."""

from collections.abc import Collection
import queue
import threading
import time

from oslo_log import log as logging

from valence_conductor import errors
from valence_conductor.boards.base import Work
from valence_conductor.job import Job

LOG = logging.getLogger(__name__)


class EmbeddedBoard:
    """A queue in this process, and the threads that empty it.

    Nothing is lost with it: the rows say what is to be done, and the sweep of
    the next start posts it again.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._live: set[Job] = set()
        self._lock = threading.Lock()
        self._halt = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, work: Work | None, ledgers: Collection[str]) -> None:
        """Begin to hand out jobs.

        :raises ValueError: there is nobody else who could do them.
        """
        if work is None:
            raise ValueError("a board in one process needs that process to work")
        self._threads = [
            threading.Thread(target=self._serve, args=(work,), name=f"conductor-{n}", daemon=True)
            for n in range(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def post(self, job: Job) -> None:
        """Take a job, unless it waits or is being done already."""
        with self._lock:
            if job in self._live or self._halt.is_set():
                return
            self._live.add(job)
        self._jobs.put(job)

    def live(self) -> set[Job]:
        """Tell which jobs wait or are being done in this process."""
        with self._lock:
            return set(self._live)

    def stop(self, graceful: float) -> None:
        """Hand out no more, and wait for those who are at work, seconds at the most."""
        self._halt.set()
        for _thread in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + graceful
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _serve(self, work: Work) -> None:
        while (job := self._jobs.get()) is not None:
            following = None
            if not self._halt.is_set():
                following = self._do(job, work)
            with self._lock:
                self._live.discard(job)
            if following is not None:
                self.post(following)

    def _do(self, job: Job, work: Work) -> Job | None:
        try:
            return work(job, self._halt)
        except errors.Abandoned:
            LOG.info("%s was left; the next sweep, or the next start, goes on with it", job.name)
        except Exception:  # the top of a thread: the row still asks for the job
            LOG.exception("%s could not be run; it is tried again at the next sweep", job.name)
        return None
