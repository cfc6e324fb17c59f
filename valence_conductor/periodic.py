# SPDX-License-Identifier: Apache-2.0

"""Periodic work that only the leader of several processes does."""

from collections.abc import Callable
import random
import threading

from oslo_log import log as logging

from valence_conductor import clock
from valence_conductor.locks.election import Election

LOG = logging.getLogger(__name__)

#: Seconds that stop() waits for the work in progress.
STOP_TIMEOUT = 1.0


class ElectedPeriodic:
    """A thread that calls a function periodically while this process is the leader.

    :param name: of the thread, and of the work in log lines.
    :param work: called at once after the start, and then periodically.
    :param election: of the leader; closed when the thread ends.
    :param interval: seconds between two calls.
    :param jitter: share of the interval by which it varies, so that processes that were
        started together do not all send their requests at the same moment.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], object],
        election: Election,
        interval: float,
        *,
        jitter: float = 0.0,
    ) -> None:
        self._name = name
        self._work = work
        self._election = election
        self._interval = interval
        self._jitter = jitter
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and resign; do not wait long for servers that are unreachable."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT)

    def _run(self) -> None:
        while not self._stopping.is_set():
            clock.STEPS.check()
            try:
                if self._election.is_leader():
                    self._work()
            except Exception:  # the top of a thread: the next run may succeed
                LOG.exception("The %s failed; its next run is in %s s", self._name, self._interval)
            variation = random.uniform(-self._jitter, self._jitter)  # noqa: S311
            self._stopping.wait(self._interval * (1 + variation))
        self._election.close()
