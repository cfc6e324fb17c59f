# SPDX-License-Identifier: Apache-2.0

"""A circuit breaker: a pod manager that does not respond is not sent every request.

Closed: requests are sent. Open: none is, for a delay that doubles. Half open: one
probe checks whether the pod manager responds, and all other requests fail as if open.

No library: pybreaker and purgatory have no probes by jobs, which would wait for the
response anyway, and neither they nor any other gives a request a total deadline.
"""

from collections.abc import Callable
import enum
import random
import threading
import time

#: Consecutive failures that open it. One that took until its deadline is enough.
FAILURES = 3

#: Seconds of the first and of the longest delay.
FIRST_DELAY = 1.0
LONGEST_DELAY = 15.0

#: Seconds between two probes by a job, which can do nothing but wait.
JOB_DELAY = 0.2

#: Share by which a delay varies, so that processes do not probe in step.
JITTER = 0.2


class Permission(enum.Enum):
    """What a caller may do."""

    SEND = "send"
    PROBE = "probe"
    WAIT = "wait"


class Breaker:
    """The circuit breaker of one pod manager. Thread-safe.

    :ivar reason: why it opened.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._delay = 0.0
        self._opened_at: float | None = None
        self._probing = False
        self.reason = ""

    @property
    def is_closed(self) -> bool:
        """Whether requests are sent."""
        return self._opened_at is None

    def request_permission(self, *, in_job: bool = False) -> Permission:
        """Return what the caller may do; after PROBE it must report the outcome.

        :param in_job: the caller is a job: it would wait for the response anyway, and
            fails if it learns too late that the pod manager responds again.
        """
        with self._lock:
            if self._opened_at is None:
                return Permission.SEND
            delay = min(self._delay, JOB_DELAY) if in_job else self._delay
            if self._probing or self._clock() < self._opened_at + delay:
                return Permission.WAIT
            self._probing = True
            return Permission.PROBE

    def record_response(self) -> None:
        """Close after a response, whatever its status."""
        with self._lock:
            self._failures, self._delay, self._opened_at, self._probing = 0, 0.0, None, False

    def record_failure(self, reason: str, *, timed_out: bool = False) -> None:
        """Count a request without a response, and open after too many of them.

        :param timed_out: it took until its deadline.
        """
        with self._lock:
            if self._opened_at is not None:
                return
            self._failures += 1
            if timed_out or self._failures >= FAILURES:
                self._open(reason)

    def record_failed_probe(self, reason: str) -> None:
        """Open again, for a longer delay, after a probe without a response."""
        with self._lock:
            self._probing = False
            self._open(reason)

    def _open(self, reason: str) -> None:
        delay = min(2 * self._delay, LONGEST_DELAY) if self._delay else FIRST_DELAY
        self._delay = delay * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
        self._opened_at, self.reason = self._clock(), reason
