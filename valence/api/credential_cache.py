# SPDX-License-Identifier: Apache-2.0

"""A bounded cache, in this process, of the results of checking credentials."""

from collections.abc import Hashable
import hashlib
import secrets
import threading
from typing import Generic
from typing import TypeVar

import cachetools

#: Entries of one cache. A client that tries more passwords than that evicts older entries,
#: which are then checked again.
SIZE = 10_000

T = TypeVar("T")


class CredentialCache(Generic[T]):
    """A bounded cache whose entries expire; the oldest are evicted first when it is full.

    Keys are stored as digests with a salt of this process, so that a dump of its memory
    contains no credentials. It has the interface of a memcached client, which
    keystonemiddleware expects of a token cache.

    :param seconds: lifetime of an entry; 0 stores none.
    """

    def __init__(self, seconds: float, size: int = SIZE) -> None:
        self._entries: cachetools.TTLCache[bytes, T] = cachetools.TTLCache(size, seconds)
        self._salt = secrets.token_bytes(16)
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> T | None:
        """Return the value of a key; None if there is none, or if it has expired."""
        with self._lock:
            return self._entries.get(self._digest(key))

    def set(self, key: Hashable, value: T, time: float = 0) -> None:
        """Store a value.

        :param time: ignored: the lifetime is that of the cache.
        """
        with self._lock:
            self._entries[self._digest(key)] = value

    def _digest(self, key: Hashable) -> bytes:
        return hashlib.blake2b(repr(key).encode(), key=self._salt).digest()
