# SPDX-License-Identifier: Apache-2.0

"""The job that a thread is at work on, and how it is told to leave it."""

from collections.abc import Iterator
import contextlib
import contextvars
import threading
import time

from valence_conductor import errors

_halt: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar(
    "valence_conductor_halt", default=None
)


class Lease(threading.Event):
    """Set when a job must be left: by somebody, or by the time until when it may be done.

    Whoever slept through the end of a lease wakes up without it, also if nobody has
    come to say so yet.

    :param good_until: seconds of the monotonic clock.
    """

    def __init__(self, good_until: float) -> None:
        super().__init__()
        self.good_until = good_until

    def is_set(self) -> bool:
        """Tell whether the job must be left."""
        return super().is_set() or time.monotonic() >= self.good_until


@contextlib.contextmanager
def until_set(halt: threading.Event) -> Iterator[None]:
    """Work in this thread until ``halt`` is set."""
    token = _halt.set(halt)
    try:
        yield
    finally:
        _halt.reset(token)


def in_job() -> bool:
    """Tell whether this thread is at work on a job."""
    return _halt.get() is not None


def pause(seconds: float) -> None:
    """Sleep within a task, and wake up to leave when the process must.

    :raises Abandoned: the conductor is being stopped, or has lost the job.
    """
    halt = _halt.get() or threading.Event()
    if halt.wait(seconds) or halt.is_set():
        raise errors.Abandoned


def checkpoint() -> None:
    """Leave here if the process must; to be called before anything is asked of anybody.

    :raises Abandoned: the conductor is being stopped, or has lost the job.
    """
    pause(0)
