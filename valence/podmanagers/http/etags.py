# SPDX-License-Identifier: Apache-2.0

"""The entity tags of resources as they were last read (DSP0266, "ETags")."""

import threading

import cachetools

from valence.podmanagers import odata

#: Resources whose entity tags are kept.
MAX_ETAGS = 1000


class EntityTags:
    """The entity tags of one pod manager, those that were used last. Thread-safe."""

    def __init__(self) -> None:
        self._tags: cachetools.LRUCache[str, str] = cachetools.LRUCache(MAX_ETAGS)
        self._lock = threading.Lock()

    def get(self, path: str) -> str | None:
        """Return the entity tag of a resource; None: it had none, or was not read."""
        with self._lock:
            return self._tags.get(odata.normal_path(path))

    def keep(self, path: str, etag: str | None) -> None:
        """Keep the entity tag of a resource that was just read; None: it has none."""
        key = odata.normal_path(path)
        with self._lock:
            self._tags.pop(key, None)
            if etag is not None:
                self._tags[key] = etag
