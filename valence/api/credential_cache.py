# SPDX-License-Identifier: Apache-2.0

"""What was found out about credentials, for a while: in this process, and so much of it."""

from collections.abc import Hashable
import hashlib
import secrets
import threading
from typing import Generic
from typing import TypeVar

import cachetools

#: Entries of one memory. Whoever tries more passwords than that is asked about anew.
SIZE = 10_000

T = TypeVar("T")


class Remembered(Generic[T]):
    """A bounded memory whose entries fade; the oldest go first when it is full.

    Keys are kept as digests with a salt of this process: a dump of its memory
    holds no credentials.

    :param seconds: for which an entry is kept; 0 keeps none.
    """

    def __init__(self, seconds: float, size: int = SIZE) -> None:
        self._kept: cachetools.TTLCache[bytes, T] = cachetools.TTLCache(size, seconds)
        self._salt = secrets.token_bytes(16)
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> T | None:
        """Recall what is known; None when nothing is."""
        with self._lock:
            return self._kept.get(self._digest(key))

    def set(self, key: Hashable, value: T, time: float = 0) -> None:
        """Keep something.

        :param time: what caches of memcached's kind are told; ours is always the same.
        """
        with self._lock:
            self._kept[self._digest(key)] = value

    def _digest(self, key: Hashable) -> bytes:
        return hashlib.blake2b(repr(key).encode(), key=self._salt).digest()
