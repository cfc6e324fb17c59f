# SPDX-License-Identifier: Apache-2.0

"""A log of requests: all of them are counted, the last ones are kept."""

import collections
from typing import Any

MAX_ENTRIES = 10000


class Journal:
    """Requests under ``/redfish``; those to the control endpoint are not counted."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Reset the counts, and drop the entries."""
        self._total = 0
        self._by_method: collections.Counter[str] = collections.Counter()
        self._last: collections.deque[tuple[int, str, str, int | None, str | None]] = (
            collections.deque(maxlen=MAX_ENTRIES)
        )

    def add(
        self, method: str, target: str, status: int | None, machine: str | None = None
    ) -> None:
        """Record one request; the status is None when no response was sent.

        :param machine: the id of the system that it was about when it arrived.
        """
        self._total += 1
        self._by_method[method] += 1
        self._last.append((self._total, method, target, status, machine))

    def show(self) -> dict[str, Any]:
        """Return the counts, and the last requests, oldest first."""
        return {
            "total": self._total,
            "by_method": dict(self._by_method),
            "requests": [
                {
                    "seq": seq,
                    "method": method,
                    "path": target,
                    "status": status,
                    "machine": machine,
                }
                for seq, method, target, status, machine in self._last
            ],
        }
