# SPDX-License-Identifier: Apache-2.0

"""Waiting for a node: when each operation has succeeded or failed, and when to give up."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import time

from valenceclient import errors
from valenceclient.fault import Fault
from valenceclient.node import Node

#: Seconds of failed polls in a row after which a wait gives up: long enough for a
#: restart of the service, and short enough to report an outage long before the deadline.
OUTAGE_LIMIT = 120.0

_FIRST_PAUSE = 0.2
_GROWTH = 1.5

OnProgress = Callable[[Node], object]


@dataclasses.dataclass(frozen=True)
class Goal:
    """When an operation has succeeded, and when it cannot succeed any more.

    :ivar deletes: the operation succeeds when the node is not found; for other
        operations that is a failure.
    """

    operation: str
    succeeded: Callable[[Node], bool]
    failed: Callable[[Node], bool]
    deletes: bool = False


#: States from which a node does not become composed.
_LOST = ("error", "missing", "releasing")

GOALS: Mapping[str, Goal] = {
    goal.operation: goal
    for goal in (
        Goal(
            "compose",
            succeeded=lambda node: node.state == "composed",
            failed=lambda node: node.state in _LOST,
        ),
        Goal(
            "register",
            # managed_by is set before Ironic is called: after a failure that could
            # not be undone, only the fault shows the failure.
            succeeded=lambda node: (
                node.state == "composed"
                and node.managed_by is not None
                and _operation_of(node.fault) != "register"
            ),
            failed=lambda node: node.state in (*_LOST, "composed"),
        ),
        Goal(
            "unregister",
            succeeded=lambda node: node.state == "composed" and node.managed_by is None,
            failed=lambda node: node.state in (*_LOST, "composed"),
        ),
        Goal(
            "release",
            succeeded=lambda node: False,
            # A deletion cancels a compose, which may end in error before the
            # release begins.
            failed=lambda node: node.state == "error" and _operation_of(node.fault) != "compose",
            deletes=True,
        ),
    )
}

#: For a wait without a known operation: no operation is running any more.
SETTLED = Goal(
    "",
    succeeded=lambda node: node.state == "composed",
    failed=lambda node: node.state in ("error", "missing"),
)

#: transient state -> the operation that sets it.
OPERATIONS: Mapping[str, str] = {
    "composing": "compose",
    "registering": "register",
    "unregistering": "unregister",
    "releasing": "release",
}


class Wait:
    """One wait for one node; its deadline counts from the construction.

    :param timeout: seconds.
    :param interval: the longest pause between two polls, seconds.
    :param on_progress: called at each change of state or task.
    :raises ValueError: the timeout is not positive.
    """

    def __init__(
        self, timeout: float, interval: float, on_progress: OnProgress | None = None
    ) -> None:
        if timeout <= 0:
            raise ValueError("timeout must be a positive number of seconds")
        self.timeout = timeout
        self.deadline = time.monotonic() + timeout
        self._interval = interval
        self._on_progress = on_progress
        self._progress: tuple[str, str | None] | None = None
        self._outage_start: float | None = None

    def until(self, goal: Goal, node: Node, poll: Callable[[float], Node]) -> Node:
        """Poll until the goal is reached and return the node as of the last poll.

        :param node: as of now, before the first poll.
        :param poll: reads the node again; takes the deadline (of time.monotonic()).
        :raises NodeFailed: the goal cannot be reached any more.
        :raises WaitTimeout: the deadline has passed.
        :raises APIError, ConnectFailed: every poll of OUTAGE_LIMIT seconds failed;
            this is the last error.
        """
        pause = min(_FIRST_PAUSE, self._interval)
        while True:
            self._report(node)
            if goal.succeeded(node):
                return node
            if goal.failed(node):
                raise errors.NodeFailed(node, _fault(node, goal), goal.operation)
            remaining = self.deadline - time.monotonic()
            if remaining <= 0:
                raise errors.WaitTimeout(node, self.timeout, goal.operation)
            time.sleep(min(pause, remaining))
            pause = min(pause * _GROWTH, self._interval)
            try:
                node = poll(self.deadline)
                self._outage_start = None
            except errors.NotFound as exc:
                if goal.deletes:
                    return node
                raise errors.NodeFailed(node, _cancelled(goal), goal.operation) from exc
            except (errors.ConnectFailed, errors.Unavailable) as exc:
                self._check_outage(exc)

    def _report(self, node: Node) -> None:
        if self._on_progress and self._progress != (node.state, node.task):
            self._on_progress(node)
        self._progress = (node.state, node.task)

    def _check_outage(self, exc: errors.ValenceError) -> None:
        """Raise the error of a failed poll if all polls of OUTAGE_LIMIT seconds failed."""
        now = time.monotonic()
        self._outage_start = self._outage_start or now
        if now - self._outage_start >= OUTAGE_LIMIT:
            raise exc


def _operation_of(fault: Fault | None) -> str | None:
    return fault.operation if fault else None


def _fault(node: Node, goal: Goal) -> Fault:
    if node.state == "releasing":
        return _cancelled(goal)
    return node.fault or Fault(
        code=None,
        detail="Valence recorded no fault. Check the node, then the log of the service.",
        operation=goal.operation,
    )


def _cancelled(goal: Goal) -> Fault:
    return Fault(
        code="valence.node.cancelled",
        detail=f"The node was deleted while waiting for it to {goal.operation or 'settle'}.",
        operation=goal.operation,
    )
