# SPDX-License-Identifier: Apache-2.0

"""Who of several processes does what only one should do."""

from collections.abc import Callable
import contextlib
from typing import Any
import urllib.parse

from oslo_log import log as logging
import tooz
from tooz import coordination

from valence_conductor.locks.lock import Lock

LOG = logging.getLogger(__name__)

#: Scheme of a jobboard's URL -> what tooz calls a coordinator on the same servers.
COORDINATORS = {"redis": "redis", "zookeeper": "kazoo", "etcd": "etcd3+http"}

#: Name of the lock that the one who is elected to sweep holds.
OFFICE = b"valence-sweeper"


class AlwaysLeader:
    """There is only one process, and it is elected."""

    def is_leader(self) -> bool:
        """Tell whether this process is the one."""
        return True

    def close(self) -> None:
        """Stand for nothing any more."""


class LockHolderElection:
    """The one who holds a lock is elected; one that lost it leaves the work to others.

    :param lock: held when the process began to work.
    :param lost: called when somebody else has the lock, once.
    """

    def __init__(self, lock: Lock, lost: Callable[[], None]) -> None:
        self._lock = lock
        self._lost = lost
        self._is_over = False

    def is_leader(self) -> bool:
        """Tell whether this process still is the one; a lock that nobody took is taken again.

        :raises DBConnectionError: nobody can tell, the server is away.
        """
        if self._is_over:
            return False
        if self._lock.is_held():
            return True
        if self._lock.acquire():
            LOG.warning("%s was lost, and is held again", self._lock.location)
            return True
        self._is_over = True
        LOG.critical(
            "%s was lost, and another process holds it and runs these flows. This one leaves all "
            "work to it until it is started anew",
            self._lock.location,
        )
        self._lost()
        return False

    def close(self) -> None:
        """Leave the lock to whoever took it."""


class ToozElection:
    """One of the processes that share a jobboard holds a lock of tooz.

    The lock ends with the process, or when its heartbeat stops; whoever asks
    next has it then.

    :param jobboard: URL of the jobboard; the lock lies on the same servers.
    :param member: name of this process.
    :param office: name of the lock: one for each thing that only one should do.
    """

    def __init__(self, jobboard: str, member: str, office: bytes = OFFICE) -> None:
        parts = urllib.parse.urlsplit(jobboard)
        self._url = parts._replace(scheme=COORDINATORS[parts.scheme]).geturl()
        self._member = member.encode()
        self._office = office
        self._coordinator: Any = None
        self._lock: Any = None

    def is_leader(self) -> bool:
        """Tell whether this process is the one; it becomes so if nobody is."""
        try:
            return self._ask()
        except Exception as exc:  # each of tooz's drivers lets through errors of its own
            LOG.warning(
                "Nobody can be elected %s, it is tried again: %s", self._office.decode(), exc
            )
            self.close()
            return False

    def close(self) -> None:
        """Give the office back, and leave."""
        coordinator, self._coordinator, lock, self._lock = (
            self._coordinator,
            None,
            self._lock,
            None,
        )
        with contextlib.suppress(Exception):  # the lock ends by itself
            if lock is not None and lock.acquired:
                lock.release()
        with contextlib.suppress(Exception):
            if coordinator is not None:
                coordinator.stop()

    def _ask(self) -> bool:
        if self._coordinator is None:
            self._coordinator = coordination.get_coordinator(self._url, self._member)
            self._coordinator.start(start_heart=True)
            self._lock = self._coordinator.get_lock(self._office)
        if self._lock.acquired and not self._still_held():
            self.close()
            return False
        return bool(self._lock.acquired or self._lock.acquire(blocking=False))

    def _still_held(self) -> bool:
        """Make sure that a lock held since long was not lost meanwhile.

        With etcd nobody can tell. Two who sweep find the same, and what they do
        about it is done once.
        """
        try:
            return bool(self._lock.is_still_owner())
        except tooz.NotImplemented:
            return True
