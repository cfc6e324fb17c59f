# SPDX-License-Identifier: Apache-2.0

"""The locks that a conductor holds while it runs: of its flows, and of the rows they change."""

from collections.abc import Mapping

from oslo_log import log as logging

from valence_conductor.locks.lock import Lock

LOG = logging.getLogger(__name__)


class LockGroup:
    """Several locks that are held together, or not at all.

    :param locks: option that names what a lock protects -> the lock.
    :ivar location: of the locks; after a failed :meth:`acquire`, of the one that another
        holder has.
    :ivar option: which option names what that lock protects.
    """

    def __init__(self, locks: Mapping[str, Lock]) -> None:
        self._locks = dict(locks)
        self._were_held = False
        self.location = ", ".join(lock.location for lock in self._locks.values())
        self.option = ", ".join(self._locks)

    def acquire(self) -> bool:
        """Acquire every lock that is not held; return False when another holder has one."""
        for option, lock in self._locks.items():
            if lock.is_held():
                continue
            if not lock.acquire():
                self.location, self.option = lock.location, option
                self.release()
                return False
            if self._were_held:
                LOG.warning("Lost %s and acquired it again", lock.location)
        self._were_held = True
        return True

    def is_held(self) -> bool:
        """Return whether every lock is held, according to its keeper."""
        return all(lock.is_held() for lock in self._locks.values())

    def release(self) -> None:
        """Release every lock that is held."""
        for lock in self._locks.values():
            lock.release()
