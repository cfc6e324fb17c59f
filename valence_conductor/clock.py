# SPDX-License-Identifier: Apache-2.0

"""Time within a process, where the wall clock may be set while operations run."""

from collections.abc import Iterator
import contextlib
import contextvars
import dataclasses
import datetime
import threading
import time

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: Seconds by which the wall clock must differ from what was expected to have been set: NTP
#: slews it by less between two checks.
STEP = 2.0

#: Seconds that reading both clocks may take; after a longer pause they cannot be compared.
READ_TIME = 0.1


def now() -> datetime.datetime:
    """Return the current time, aware of being UTC."""
    return datetime.datetime.now(datetime.UTC)


@dataclasses.dataclass(frozen=True)
class SteadyClock:
    """A clock that starts with the wall clock, and is not set while it runs.

    A deadline that was derived from a row keeps its distance on it when the wall clock is
    set, or when a virtual machine is resumed.

    :ivar started_at: time on the wall clock.
    :ivar started: the same moment, seconds of the monotonic clock.
    """

    started_at: datetime.datetime = dataclasses.field(default_factory=lambda: now())
    started: float = dataclasses.field(default_factory=lambda: time.monotonic())

    def now(self) -> datetime.datetime:
        """Return the current time of this clock."""
        return self.started_at + datetime.timedelta(seconds=time.monotonic() - self.started)


_of_task: contextvars.ContextVar[SteadyClock | None] = contextvars.ContextVar(
    "valence_conductor_clock", default=None
)


def start(clock: SteadyClock) -> None:
    """Use a clock for the waits of this thread from now on: a task starts."""
    _of_task.set(clock)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Restore the clock of this thread at the end of the block."""
    token = _of_task.set(_of_task.get())
    try:
        yield
    finally:
        _of_task.reset(token)


def steady() -> SteadyClock:
    """Return the clock of the task that this thread runs; outside a task, one that starts now."""
    return _of_task.get() or SteadyClock()


class StepWatch:
    """Notices that the wall clock was set, and logs it once. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset: float | None = None

    def check(self) -> None:
        """Compare the wall clock with the monotonic one; to be called from time to time."""
        with self._lock:
            before = time.monotonic()
            offset = now().timestamp() - before
            if time.monotonic() - before > READ_TIME:
                return
            expected, self._offset = self._offset, offset
        step = 0.0 if expected is None else offset - expected
        if abs(step) >= STEP:
            LOG.warning(
                "The clock was set %s by %.0f s, or this host was suspended. Operations that are "
                "running keep their deadlines; those that another process resumes are measured "
                "by the clock. Check the time service of this host",
                "forward" if step > 0 else "back",
                abs(step),
            )


#: Of this process.
STEPS = StepWatch()
