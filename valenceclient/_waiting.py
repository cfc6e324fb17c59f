# SPDX-License-Identifier: Apache-2.0

"""Waiting for a node: what each operation hopes for, and when to give up."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import time
from typing import TYPE_CHECKING

from valenceclient import errors
from valenceclient.fault import Fault

if TYPE_CHECKING:
    from valenceclient.node import Node

#: Seconds without any usable answer after which a wait gives up: a restart of
#: the service is survived, its absence is told long before the deadline.
PATIENCE = 120.0

_FIRST_PAUSE = 0.2
_GROWTH = 1.5

OnProgress = Callable[["Node"], object]


@dataclasses.dataclass(frozen=True)
class Goal:
    """What to wait for. A node that is gone reaches the goal or misses it."""

    operation: str
    reached: Callable[["Node"], bool]
    missed: Callable[["Node"], bool]
    gone: bool = False


#: A node on its way out, or without hardware, never becomes what was hoped for.
_LOST = ("error", "missing", "releasing")

GOALS: Mapping[str, Goal] = {
    goal.operation: goal
    for goal in (
        Goal(
            "compose",
            reached=lambda node: node.state == "composed",
            missed=lambda node: node.state in _LOST,
        ),
        Goal(
            "register",
            # Managed from before Ironic is asked: when that failed, and could
            # not be undone, the fault alone tells.
            reached=lambda node: (
                node.state == "composed"
                and node.managed_by is not None
                and _operation_of(node.fault) != "register"
            ),
            missed=lambda node: node.state in (*_LOST, "composed"),
        ),
        Goal(
            "unregister",
            reached=lambda node: node.state == "composed" and node.managed_by is None,
            missed=lambda node: node.state in (*_LOST, "composed"),
        ),
        Goal(
            "release",
            reached=lambda node: False,
            # A deletion cancels a compose, which may end in error before the
            # release begins.
            missed=lambda node: node.state == "error" and _operation_of(node.fault) != "compose",
            gone=True,
        ),
    )
}

#: Whatever goes on: until it is over.
SETTLE = Goal(
    "",
    reached=lambda node: node.state == "composed",
    missed=lambda node: node.state in ("error", "missing"),
)

#: A state on the way -> the operation that brought the node there.
OPERATIONS: Mapping[str, str] = {
    "composing": "compose",
    "registering": "register",
    "unregistering": "unregister",
    "releasing": "release",
}


class Wait:
    """One wait for one node, with its deadline."""

    def __init__(
        self, timeout: float, interval: float, on_progress: OnProgress | None = None
    ) -> None:
        if timeout <= 0:
            raise ValueError("timeout is a positive number of seconds")
        self.timeout = timeout
        self.deadline = time.monotonic() + timeout
        self._interval = interval
        self._on_progress = on_progress
        self._told: tuple[str, str | None] | None = None
        self._silent_since: float | None = None

    def until(self, goal: Goal, node: "Node", poll: Callable[[float], "Node"]) -> "Node":
        """Poll until the goal is reached and return the node as last seen.

        ``poll`` takes the deadline (of time.monotonic()). Raises NodeFailed
        when the goal cannot be reached any more, WaitTimeout at the deadline,
        and the last APIError or ConnectFailed after PATIENCE.
        """
        pause = min(_FIRST_PAUSE, self._interval)
        while True:
            self._tell(node)
            if goal.reached(node):
                return node
            if goal.missed(node):
                raise errors.NodeFailed(node, _fault(node, goal), goal.operation)
            remaining = self.deadline - time.monotonic()
            if remaining <= 0:
                raise errors.WaitTimeout(node, self.timeout, goal.operation)
            time.sleep(min(pause, remaining))
            pause = min(pause * _GROWTH, self._interval)
            try:
                node = poll(self.deadline)
                self._silent_since = None
            except errors.NotFound as exc:
                if goal.gone:
                    return node
                raise errors.NodeFailed(node, _vanished(goal), goal.operation) from exc
            except (errors.ConnectFailed, errors.Unavailable) as exc:
                self._endure(exc)

    def _tell(self, node: "Node") -> None:
        if self._on_progress and self._told != (node.state, node.task):
            self._on_progress(node)
        self._told = (node.state, node.task)

    def _endure(self, exc: errors.ValenceError) -> None:
        """Let a failed poll pass, unless they have all failed for too long."""
        now = time.monotonic()
        self._silent_since = self._silent_since or now
        if now - self._silent_since >= PATIENCE:
            raise exc


def _operation_of(fault: Fault | None) -> str | None:
    return fault.operation if fault else None


def _fault(node: "Node", goal: Goal) -> Fault:
    if node.state == "releasing":
        return _vanished(goal)
    return node.fault or Fault(
        code=None,
        detail="Valence recorded no fault. Look at the node, then at the service's log.",
        operation=goal.operation,
    )


def _vanished(goal: Goal) -> Fault:
    return Fault(
        code="valence.node.cancelled",
        detail=f"The node was deleted while waiting for it to {goal.operation or 'settle'}.",
        operation=goal.operation,
    )
