# SPDX-License-Identifier: Apache-2.0

"""Bring something that another service keeps to where it is wanted.

It is read again and again; a table says for each state what to do about it.
Whatever was done before (by a process that died, by a request whose answer was
lost) shows in the state, so that nothing has to be remembered.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import datetime
import enum
import time
from typing import Generic
from typing import TypeVar

from oslo_log import log as logging

from valence_conductor import errors
from valence_conductor import waiting

LOG = logging.getLogger(__name__)

Seen = TypeVar("Seen")


class Silent(errors.Fault):
    """The service gave no answer, or one that says it cannot at the moment."""


class Busy(errors.Fault):
    """The service is doing something else with the thing, and asks to come back."""


class Rest(enum.Enum):
    """What to do in a state besides asking for something."""

    WAIT = "wait"
    DONE = "done"


WAIT = Rest.WAIT
DONE = Rest.DONE


@dataclasses.dataclass(frozen=True)
class Ask:
    """Ask the service for something.

    :ivar verb: what the service calls it.
    :ivar once: whether the state stays for a while after the request is taken,
        so that meeting it again does not mean that the request failed.
    """

    verb: str
    once: bool = False


#: state -> what to do; a state that is not there is a failure.
Moves = Mapping[str, Rest | Ask]


@dataclasses.dataclass(frozen=True)
class Pace:
    """How long to go on, and when to stop.

    :ivar deadline: end of all waiting.
    :ivar interval: seconds between two looks, at the most.
    :ivar silence: seconds for which the service may be silent.
    :ivar busy: seconds for which the thing may be busy.
    :ivar attempts: how often one state may be left by asking.
    :ivar cancelled: says whether the row asks to stop.
    """

    deadline: datetime.datetime
    interval: float
    silence: float
    busy: float
    attempts: int = 1
    cancelled: Callable[[], bool] | None = None


class Patience:
    """Endure one kind of trouble for so many seconds on end."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def endure(self, trouble: errors.Fault) -> None:
        """Let the trouble pass, or raise it when it has lasted too long."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= self._seconds:
            raise trouble

    def over(self) -> None:
        """Note that the trouble is over."""
        self._since = None


class Pursuit(Generic[Seen]):
    """One thing on its way to one goal.

    :param what: names the thing and the goal, for people: completes "waiting for ...".
    :param read: looks at the thing.
    :param state: tells the state of what was seen; None for "ask again later".
    :param moves: the table.
    :param ask: asks for a verb; raises Silent or Busy where it may be repeated.
    :param failed: makes the fault of a thing that cannot reach the goal any more.
    """

    def __init__(
        self,
        what: str,
        *,
        read: Callable[[], Seen],
        state: Callable[[Seen], str | None],
        moves: Moves,
        ask: Callable[[Seen, str], None],
        failed: Callable[[Seen], errors.Fault],
    ) -> None:
        self._what = what
        self._read = read
        self._state = state
        self._moves = moves
        self._ask = ask
        self._failed = failed
        self._asked: dict[str, int] = {}
        self._last: str | None = None

    def run(self, pace: Pace) -> Seen:
        """Go on until the goal is reached.

        :returns: the thing as it was seen last.
        :raises Fault: it failed, timed out or was cancelled, or the service was
            silent or busy for too long.
        """
        silence = Patience(pace.silence)
        busy = Patience(pace.busy)

        def step() -> Seen | None:
            try:
                seen = self._step(pace.attempts)
            except Silent as exc:
                silence.endure(exc)
                return None
            except Busy as exc:
                busy.endure(exc)
                return None
            silence.over()
            return seen

        return waiting.wait_until(
            step,
            deadline=pace.deadline,
            interval=pace.interval,
            what=self._what,
            cancelled=pace.cancelled,
            progress=lambda: self._last,
        )

    def _step(self, attempts: int) -> Seen | None:
        seen = self._read()
        state = self._state(seen)
        if state is None:
            return None
        move = self._moves.get(state)
        if state != self._last and (self._last or move is not DONE):
            LOG.info("%s: %s", self._what, state)
        self._last = state
        if move is DONE:
            return seen
        if isinstance(move, Ask):
            asked = self._asked.get(state, 0)
            if not (move.once and asked):
                self._leave(seen, state, move, asked < attempts)
            return None
        if move is None:
            raise self._failed(seen)
        return None

    def _leave(self, seen: Seen, state: str, move: Ask, may: bool) -> None:
        if not may:
            raise self._failed(seen)
        self._ask(seen, move.verb)
        self._asked[state] = self._asked.get(state, 0) + 1
