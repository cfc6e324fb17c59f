# SPDX-License-Identifier: Apache-2.0

"""Waiting that has a deadline, failure states, and an end when asked."""

from collections.abc import Callable
import datetime
import time
from typing import TypeVar

from valence_conductor import errors
from valence_conductor import interrupt

T = TypeVar("T")

#: The first pause, seconds; pauses double until they are :data:`SHORT`.
FIRST_PAUSE = 0.05

#: Seconds that may always lie between two questions, however short the wait.
SHORT = 0.2

#: Later a pause lasts so much of what was waited already, up to the interval asked for:
#: what takes long may be noticed late in proportion, and the number of questions grows
#: with the logarithm of the time.
SHARE = 0.05


def now() -> datetime.datetime:
    """Tell the time, in UTC and aware of it."""
    return datetime.datetime.now(datetime.UTC)


def wait_until(
    probe: Callable[[], T | None],
    *,
    deadline: datetime.datetime,
    interval: float,
    what: str,
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[], object] | None = None,
) -> T:
    """Ask ``probe`` again and again until it answers something.

    :param probe: returns None as long as there is nothing yet, and raises when
        it finds a failure state.
    :param deadline: taken from a row, so that it survives a restart.
    :param interval: seconds between two questions, at the most.
    :param what: completes "gave up waiting for ...".
    :param cancelled: says whether the row asks to stop.
    :param progress: tells how far it has come; when that changes, another wait
        begins, with short pauses.
    :raises Cancelled: it does.
    :raises TimedOut: the deadline has passed.
    :raises Abandoned: this process must leave the work.
    """
    stage, since, pause = progress and progress(), time.monotonic(), FIRST_PAUSE
    while True:
        if cancelled is not None and cancelled():
            raise errors.Cancelled(f"Stopped waiting for {what}: it was cancelled.")
        answer = probe()
        if answer is not None:
            return answer
        left = (deadline - now()).total_seconds()
        if left <= 0:
            raise errors.TimedOut(f"Gave up waiting for {what} at {deadline:%H:%M:%S} UTC.")
        if progress is not None and progress() != stage:
            stage, since, pause = progress(), time.monotonic(), FIRST_PAUSE
        interrupt.pause(min(pause, interval, left))
        pause = min(2 * pause, max(SHORT, SHARE * (time.monotonic() - since)))
