# SPDX-License-Identifier: Apache-2.0

"""What looked like a stray at one audit is believed to be one at a later audit."""

from collections.abc import Hashable
from collections.abc import Iterable
import time


class StrayTracker:
    """Since when things have been seen that no row seems to own.

    A listing is older than the rows that it is compared with: what was given back
    between the two looks like a stray, once. Kept in memory only: a process that
    begins, begins anew.

    :param grace: seconds for which a thing must have been seen.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._since: dict[Hashable, float] = {}

    def older_than_grace(self, seen: Iterable[Hashable]) -> set[Hashable]:
        """Note what one audit sees, and tell which of it was seen long enough.

        What is not seen now is forgotten. With no grace at all, the first
        sighting is enough.
        """
        now = time.monotonic()
        self._since = {thing: self._since.get(thing, now) for thing in seen}
        return {thing for thing, since in self._since.items() if now - since >= self._grace}
