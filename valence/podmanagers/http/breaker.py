# SPDX-License-Identifier: Apache-2.0

"""A circuit breaker: whoever does not answer is not asked by everybody all the time.

Closed: everybody asks. Open: nobody does, for a while that doubles. Half open:
one asks whether there is an answer, and the others go on as if it were open.
"""

from collections.abc import Callable
import enum
import random
import threading
import time

#: Failures in a row that open it. One is enough that took until its deadline.
FAILURES = 3

#: Seconds of the first pause, and of the longest.
FIRST = 1.0
LONGEST = 15.0

#: Seconds between two probes for jobs that have nothing better to do than to wait.
PATIENT = 0.2

#: Parts of a pause that it may be longer or shorter, so that processes do not march in step.
JITTER = 0.2


class Leave(enum.Enum):
    """What somebody who comes to the breaker may do."""

    ASK = "ask"
    PROBE = "probe"
    WAIT = "wait"


class Breaker:
    """The breaker of one pod manager. Safe to use from many threads.

    :ivar reason: why it opened.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = 0.0
        self._opened_at: float | None = None
        self._probing = False
        self.reason = ""

    @property
    def is_closed(self) -> bool:
        """Whether everybody may ask."""
        return self._opened_at is None

    def come(self, patient: bool = False) -> Leave:
        """Ask what may be done now; whoever gets PROBE must tell what came of it.

        :param patient: for a job that would wait for the answer anyway, and that
            fails if it is noticed too late.
        """
        with self._lock:
            if self._opened_at is None:
                return Leave.ASK
            pause = min(self._pause, PATIENT) if patient else self._pause
            if self._probing or self._clock() < self._opened_at + pause:
                return Leave.WAIT
            self._probing = True
            return Leave.PROBE

    def answered(self) -> None:
        """Note an answer, whatever it says: close."""
        with self._lock:
            self._failures, self._pause, self._opened_at, self._probing = 0, 0.0, None, False

    def silent(self, reason: str, *, slow: bool = False) -> None:
        """Note a request that was not answered; open if it is one too many.

        :param slow: it took until its deadline to know that.
        """
        with self._lock:
            if self._opened_at is not None:
                return
            self._failures += 1
            if slow or self._failures >= FAILURES:
                self._open(reason)

    def still_silent(self, reason: str) -> None:
        """Note that there was no answer to a probe."""
        with self._lock:
            self._probing = False
            self._open(reason)

    def _open(self, reason: str) -> None:
        pause = min(2 * self._pause, LONGEST) if self._pause else FIRST
        self._pause = pause * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
        self._opened_at, self.reason = self._clock(), reason
