# SPDX-License-Identifier: Apache-2.0

"""How a pod manager is, as far as its answers tell, and who is told when that is news."""

from collections.abc import Callable
import threading
import time

from valence import errors

#: Seconds after which the same is told again: another process may have seen something else.
AGAIN = 30.0

#: Seconds without trouble after which one that answers, though not well, is well again.
CONVALESCENCE = 30.0

#: What a request that failed tells of the pod manager itself.
SIGNS: dict[type[errors.ValenceError], str] = {
    errors.PodManagerUnreachable: "offline",
    errors.PodManagerUnauthorized: "degraded",
    errors.PodManagerFailed: "degraded",
}

#: Statuses of one that is there, and has too much to do.
BUSY = frozenset({408, 429, 503})


def status_of(trouble: errors.ValenceError | None) -> str | None:
    """Tell how a pod manager is that answered so; None: this says nothing of it."""
    if trouble is None:
        return "online"
    if trouble.details.get("asked") is False:
        return None
    if trouble.details.get("answered") in BUSY:
        return "degraded"
    return SIGNS.get(type(trouble), "online")


class Health:
    """Take note of every answer of one pod manager, and tell what is news.

    Safe to use from many threads.

    :param tell: takes the trouble, or None when all is well.
    """

    def __init__(
        self,
        tell: Callable[[errors.ValenceError | None], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._status: str | None = None
        self._told_at = 0.0
        self._troubled_at: float | None = None

    def see(self, trouble: errors.ValenceError | None) -> None:
        """Note that a request was answered well, or with this trouble."""
        status = status_of(trouble)
        with self._lock:
            if status is None or not self._is_news(status):
                return
        self._tell(trouble if status != "online" else None)

    def _is_news(self, status: str) -> bool:
        now = self._clock()
        if status != "online":
            self._troubled_at = now
        recently = self._troubled_at is not None and now < self._troubled_at + CONVALESCENCE
        if status == "online" and self._status == "degraded" and recently:
            # One thing of many that it has may be broken: it is not well in between.
            return False
        if status == self._status and now < self._told_at + AGAIN:
            return False
        self._status, self._told_at = status, now
        return True
