# SPDX-License-Identifier: Apache-2.0

"""Drive a resource of another service to a goal.

The resource is read repeatedly; a table maps each of its states to an action. Work that
was done before (by a process that died, by a request whose response was lost) shows in
the state, so that nothing has to be remembered.
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

from valence_conductor import errors as conductor_errors
from valence_conductor import waiting

LOG = logging.getLogger(__name__)

Resource = TypeVar("Resource")


class Unavailable(conductor_errors.Fault):
    """The service did not respond, or responded that it cannot serve at the moment."""


class Busy(conductor_errors.Fault):
    """The resource is locked by another operation; the request may be repeated."""


class Action(enum.Enum):
    """What to do in a state other than sending a request."""

    WAIT = "wait"
    DONE = "done"


WAIT = Action.WAIT
DONE = Action.DONE


@dataclasses.dataclass(frozen=True)
class Request:
    """Send a request to the service.

    :ivar verb: the service's name for it.
    :ivar once: whether the state stays for a while after the request was accepted, so
        that reading it again does not mean that the request failed.
    """

    verb: str
    once: bool = False


#: state -> action; a state that is not in the table is a failure.
Actions = Mapping[str, Action | Request]


@dataclasses.dataclass(frozen=True)
class WaitPolicy:
    """How long to wait, how often to retry, and when to cancel.

    :ivar deadline: end of the whole wait.
    :ivar interval: seconds between two reads, at most.
    :ivar silence: seconds for which the service may be unavailable.
    :ivar busy: seconds for which the resource may be locked.
    :ivar attempts: how many requests may be sent in one state.
    :ivar cancelled: returns whether the row requests cancellation.
    """

    deadline: datetime.datetime
    interval: float
    silence: float
    busy: float
    attempts: int = 1
    cancelled: Callable[[], bool] | None = None


class Tolerance:
    """Tolerate one kind of fault for a number of seconds on end."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def tolerate(self, fault: conductor_errors.Fault) -> None:
        """Return, or raise the fault when it has lasted too long."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= self._seconds:
            raise fault

    def reset(self) -> None:
        """Record that the fault has ended."""
        self._since = None


class Convergence(Generic[Resource]):
    """Drives one resource to one goal.

    :param what: the service, the goal and the resource; completes "waiting for ...".
    :param read: returns the resource.
    :param state: returns the state of the resource; None to read it again later.
    :param actions: the table.
    :param send: sends the request for a verb; raises Unavailable or Busy where it may be
        repeated.
    :param failed: returns the fault of a resource that cannot reach the goal any more.
    """

    def __init__(
        self,
        what: str,
        *,
        read: Callable[[], Resource],
        state: Callable[[Resource], str | None],
        actions: Actions,
        send: Callable[[Resource, str], None],
        failed: Callable[[Resource], conductor_errors.Fault],
    ) -> None:
        self._what = what
        self._read = read
        self._state = state
        self._actions = actions
        self._send = send
        self._failed = failed
        self._requests: dict[str, int] = {}
        self._last: str | None = None

    def run(self, policy: WaitPolicy) -> Resource:
        """Wait until the resource reaches the goal, and send requests on the way.

        :returns: the resource as it was read last.
        :raises Fault: it failed, timed out or was cancelled, or the service was
            unavailable or the resource locked for too long.
        """
        silence = Tolerance(policy.silence)
        busy = Tolerance(policy.busy)

        def probe() -> Resource | None:
            try:
                resource = self._step(policy.attempts)
            except Unavailable as exc:
                silence.tolerate(exc)
                return None
            except Busy as exc:
                busy.tolerate(exc)
                return None
            silence.reset()
            return resource

        return waiting.wait_until(
            probe,
            deadline=policy.deadline,
            interval=policy.interval,
            what=self._what,
            cancelled=policy.cancelled,
            progress=lambda: self._last,
        )

    def _step(self, attempts: int) -> Resource | None:
        resource = self._read()
        state = self._state(resource)
        if state is None:
            return None
        action = self._actions.get(state)
        if state != self._last and (self._last or action is not DONE):
            LOG.info("Waiting for %s: it is %s", self._what, state)
        self._last = state
        if action is DONE:
            return resource
        if isinstance(action, Request):
            sent = self._requests.get(state, 0)
            if not (action.once and sent):
                if sent >= attempts:
                    raise self._failed(resource)
                self._send(resource, action.verb)
                self._requests[state] = sent + 1
            return None
        if action is None:
            raise self._failed(resource)
        return None
