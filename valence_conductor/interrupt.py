# SPDX-License-Identifier: Apache-2.0

"""The job that a thread runs, and how the thread is interrupted to abandon it."""

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
    """An event that is set when a job must be abandoned: explicitly, or by the time.

    A thread that slept past the end of its lease wakes up without it, even if no other
    thread has set the event yet.

    :param expires_at: seconds of the monotonic clock.
    """

    def __init__(self, expires_at: float) -> None:
        super().__init__()
        self.expires_at = expires_at

    def is_set(self) -> bool:
        """Return whether the job must be abandoned."""
        return super().is_set() or time.monotonic() >= self.expires_at


@contextlib.contextmanager
def until_set(halt: threading.Event) -> Iterator[None]:
    """Run a job in this thread until ``halt`` is set."""
    token = _halt.set(halt)
    try:
        yield
    finally:
        _halt.reset(token)


def in_job() -> bool:
    """Return whether this thread runs a job."""
    return _halt.get() is not None


def pause(seconds: float) -> None:
    """Sleep within a task; wake up early when the job must be abandoned.

    :raises Abandoned: the conductor is stopping, or has lost the job.
    """
    halt = _halt.get() or threading.Event()
    if halt.wait(seconds) or halt.is_set():
        raise errors.Abandoned


def checkpoint() -> None:
    """Abandon the job here if it must be; to be called before every request to a peer.

    :raises Abandoned: the conductor is stopping, or has lost the job.
    """
    pause(0)
