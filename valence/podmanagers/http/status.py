# SPDX-License-Identifier: Apache-2.0

"""The status of a pod manager as its responses show it, and notifications of its changes."""

from collections.abc import Callable
import threading
import time

from valence import errors

#: Called with None when the pod manager responds, or with the error when not.
Listener = Callable[[errors.ValenceError | None], None]

#: Seconds after which the same status is reported again: another process may have seen another.
REPEAT_AFTER = 30.0

#: Seconds without an error after which a degraded pod manager is online again.
RECOVERY = 30.0

#: The status that an error shows; any other error comes from one that is online.
STATUSES: dict[type[errors.ValenceError], str] = {
    errors.PodManagerUnreachable: "offline",
    errors.PodManagerUnauthorized: "degraded",
    errors.PodManagerFailed: "degraded",
}

#: HTTP statuses of a pod manager that runs and is overloaded.
OVERLOADED = frozenset({408, 429, 503})


def status_of(error: errors.ValenceError | None) -> str | None:
    """Return the status that a response shows; None: the error shows none.

    :param error: None for a response without an error.
    """
    if error is None:
        return "online"
    if error.details.get("asked") is False:
        return None
    if error.details.get("answered") in OVERLOADED:
        return "degraded"
    return STATUSES.get(type(error), "online")


class StatusTracker:
    """Follow the status of one pod manager, and notify a listener of changes. Thread-safe."""

    def __init__(self, listener: Listener, clock: Callable[[], float] = time.monotonic) -> None:
        self._listener = listener
        self._clock = clock
        self._lock = threading.Lock()
        self._status: str | None = None
        self._reported_at = 0.0
        self._failed_at: float | None = None

    def record(self, error: errors.ValenceError | None) -> None:
        """Record the outcome of a request."""
        status = status_of(error)
        with self._lock:
            if status is None or not self._is_due(status):
                return
        self._listener(error if status != "online" else None)

    def _is_due(self, status: str) -> bool:
        now = self._clock()
        if status != "online":
            self._failed_at = now
        recovering = self._failed_at is not None and now < self._failed_at + RECOVERY
        if status == "online" and self._status == "degraded" and recovering:
            # One of many resources may be broken: the status must not flap with each read.
            return False
        if status == self._status and now < self._reported_at + REPEAT_AFTER:
            return False
        self._status, self._reported_at = status, now
        return True
