# SPDX-License-Identifier: Apache-2.0

"""Election of the process that does what only one process should do."""

from collections.abc import Callable
import contextlib
from typing import Any
from typing import Protocol
import urllib.parse

from oslo_log import log as logging
import tooz
from tooz import coordination

from valence_conductor.locks.lock import Lock

LOG = logging.getLogger(__name__)

#: Scheme of a jobboard's URL -> scheme of tooz for a coordinator on the same servers.
COORDINATORS = {"redis": "redis", "zookeeper": "kazoo", "etcd": "etcd3+http"}

#: Name of the lock that the elected sweeper holds.
SWEEPER = b"valence-sweeper"


class Election(Protocol):
    """An election of one leader among several processes."""

    def is_leader(self) -> bool:
        """Return whether this process is the leader; it becomes so if there is none."""

    def close(self) -> None:
        """Resign."""


class AlwaysLeader:
    """The election of the only process."""

    def is_leader(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Do nothing."""


class LockHolderElection:
    """The holder of a lock is the leader; a process that lost it leaves the work to others.

    :param lock: held since the process started.
    :param on_lost: called once, when another process holds the lock.
    """

    def __init__(self, lock: Lock, on_lost: Callable[[], None]) -> None:
        self._lock = lock
        self._on_lost = on_lost
        self._is_over = False

    def is_leader(self) -> bool:
        """Return whether this process still is the leader.

        A lock that was lost, and that no other process holds, is acquired again.

        :raises DBConnectionError: unknown, because the server is unreachable.
        """
        if self._is_over:
            return False
        if self._lock.is_held():
            return True
        if self._lock.acquire():
            return True
        self._is_over = True
        LOG.critical(
            "Lost %s: another process holds it and runs these flows. This process leaves all "
            "jobs to it until it is restarted",
            self._lock.location,
        )
        self._on_lost()
        return False

    def close(self) -> None:
        """Do nothing: the owner of the lock releases it."""


class ToozElection:
    """The leader of the processes that share a jobboard holds a lock of tooz.

    The lock ends with its process, or when its heartbeat stops; the next process that
    calls :meth:`is_leader` acquires it.

    :param jobboard: URL of the jobboard; the lock is on the same servers.
    :param member: name of this process.
    :param lock_name: one for each task that only one process should do.
    """

    def __init__(self, jobboard: str, member: str, lock_name: bytes = SWEEPER) -> None:
        parts = urllib.parse.urlsplit(jobboard)
        self._url = parts._replace(scheme=COORDINATORS[parts.scheme]).geturl()
        self._member = member.encode()
        self._lock_name = lock_name
        self._coordinator: Any = None
        self._lock: Any = None

    def is_leader(self) -> bool:
        """Return whether this process is the leader; it becomes so if there is none."""
        try:
            return self._acquire()
        except Exception as exc:  # every driver of tooz lets through errors of its own
            name = self._lock_name.decode()
            LOG.warning("Election of %s failed, it will be retried: %s", name, exc)
            self.close()
            return False

    def close(self) -> None:
        """Release the lock, and disconnect."""
        coordinator, lock = self._coordinator, self._lock
        self._coordinator = self._lock = None
        with contextlib.suppress(Exception):  # the lock expires anyway
            if lock is not None and lock.acquired:
                lock.release()
        with contextlib.suppress(Exception):
            if coordinator is not None:
                coordinator.stop()

    def _acquire(self) -> bool:
        if self._coordinator is None:
            self._coordinator = coordination.get_coordinator(self._url, self._member)
            self._coordinator.start(start_heart=True)
            self._lock = self._coordinator.get_lock(self._lock_name)
        if self._lock.acquired and not self._is_still_held():
            self.close()
            return False
        return bool(self._lock.acquired or self._lock.acquire(blocking=False))

    def _is_still_held(self) -> bool:
        """Return whether a lock acquired earlier was not lost since.

        With etcd this is unknown. Two processes that sweep find the same jobs, and what
        they do about them is done once.
        """
        try:
            return bool(self._lock.is_still_owner())
        except tooz.NotImplemented:
            return True
