# SPDX-License-Identifier: Apache-2.0

"""Wait with a deadline, failure states, cancellation and backoff."""

from collections.abc import Callable
import datetime
import time
from typing import TypeVar

from oslo_log import log as logging
from oslo_utils import timeutils

from valence_conductor import clock
from valence_conductor import errors
from valence_conductor import interrupt

T = TypeVar("T")

LOG = logging.getLogger(__name__)

#: The first pause, seconds; pauses double until they are :data:`SHORT`.
FIRST_PAUSE = 0.05

#: Seconds that a pause may always last, however short the wait was so far.
SHORT = 0.2

#: Later a pause lasts this share of the time waited so far, up to the interval: what
#: takes long may be noticed late in proportion, and the number of probes grows with the
#: logarithm of the time.
SHARE = 0.05

#: Seconds between two attempts to reach a server.
RETRY_INTERVAL = 2.0


def now() -> datetime.datetime:
    """Return the current time, aware of being UTC."""
    return clock.now()


def deadline_in(seconds: float) -> datetime.datetime:
    """Return a deadline for :func:`wait_until` that is so many seconds away from now."""
    return clock.steady().now() + datetime.timedelta(seconds=seconds)


def poll(
    probe: Callable[[], T | None],
    remaining: Callable[[], float],
    *,
    interval: float,
    first_pause: float = FIRST_PAUSE,
    progress: Callable[[], object] | None = None,
) -> T | None:
    """Call ``probe`` until it returns a result or the time is up; at least once.

    Every other wait of the conductor is built on this one.

    :param probe: returns None as long as there is no result, and raises to end the wait.
    :param remaining: returns the seconds that are left.
    :param interval: seconds between two probes, at most.
    :param first_pause: seconds; ``interval``, for pauses that are all the same.
    :param progress: returns the current stage; when it changes, the pauses are short again.
    :returns: the result; None when the time is up.
    :raises Abandoned: the job of this thread must be abandoned.
    """
    stage, since, pause = progress and progress(), time.monotonic(), first_pause
    while True:
        clock.STEPS.check()
        result = probe()
        if result is not None:
            return result
        left = remaining()
        if left <= 0:
            return None
        if progress is not None and progress() != stage:
            stage, since, pause = progress(), time.monotonic(), first_pause
        interrupt.pause(min(pause, interval, left))
        longest = max(first_pause, SHORT, SHARE * (time.monotonic() - since))
        pause = min(2 * pause, longest)


def wait_until(
    probe: Callable[[], T | None],
    *,
    deadline: datetime.datetime,
    interval: float,
    what: str,
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[], object] | None = None,
) -> T:
    """Wait within a task until ``probe`` returns a result; see :func:`poll`.

    :param deadline: derived from a row, so that it survives a restart, or from
        :func:`deadline_in`. It is compared with the clock at which the task started in this
        process, which runs on when the wall clock is set.
    :param what: completes "Gave up waiting for ...".
    :param cancelled: returns whether the row requests that its flow stop.
    :raises Cancelled: it does.
    :raises TimedOut: the deadline has passed.
    :raises Abandoned: the job of this thread must be abandoned.
    """

    def probe_unless_cancelled() -> T | None:
        if cancelled is not None and cancelled():
            raise errors.Cancelled(f"Stopped waiting for {what}: it was cancelled.")
        return probe()

    steady = clock.steady()
    result = poll(
        probe_unless_cancelled,
        lambda: (deadline - steady.now()).total_seconds(),
        interval=interval,
        progress=progress,
    )
    if result is None:
        raise errors.TimedOut(f"Gave up waiting for {what} at {deadline:%H:%M:%S} UTC.")
    return result


def retry_until_reachable(
    what: str,
    call: Callable[[], object],
    retry_on: tuple[type[Exception], ...],
    *,
    timeout: float,
) -> None:
    """Call a server that may start at the same time as this process, until it answers.

    :param what: the server, without passwords; begins a sentence.
    :param call: sends a request to it.
    :param retry_on: errors of a server that does not answer.
    :param timeout: seconds; 0: call once.
    :raises Unreachable: it did not answer in that time.
    """
    stopwatch = timeutils.StopWatch(timeout).start()
    last: Exception | None = None

    def attempt() -> bool | None:
        nonlocal last
        try:
            call()
        except retry_on as exc:
            last = exc
            if left := stopwatch.leftover():
                LOG.warning(
                    "%s cannot be reached, retrying for %d s more: %s", what, left, reason_of(exc)
                )
            return None
        return True

    reached = poll(
        attempt, stopwatch.leftover, interval=RETRY_INTERVAL, first_pause=RETRY_INTERVAL
    )
    if last is not None and not reached:
        raise errors.Unreachable(
            f"{what} cannot be reached: {reason_of(last)}. Check that it runs, and that the "
            "configuration names it."
        ) from last


def reason_of(exc: BaseException) -> str:
    """Return the first line of the original error: libraries wrap it in their own."""
    words = ""
    cause: BaseException | None = exc
    while cause is not None:
        words = str(cause).strip() or words or type(cause).__name__
        cause = cause.__cause__
    return words.splitlines()[0].rstrip(".")
