# SPDX-License-Identifier: Apache-2.0

"""Strays: objects that no row owns, found by audits."""

from collections.abc import Hashable
from collections.abc import Iterable
import dataclasses
import time


@dataclasses.dataclass(frozen=True)
class Stray:
    """An object with the mark of this installation that no row owns, or a row without its object.

    :ivar kind: ``composed-node``, ``ironic-node``, ``row``.
    :ivar what: describes it to an operator.
    :ivar repaired: whether it certainly belongs to this installation, and is or will be
        released.
    """

    kind: str
    what: str
    repaired: bool


class StrayTracker:
    """Remembers since when objects have been seen without an owner.

    A listing is older than the rows that it is compared with: an object that was
    released in between looks like a stray, once. The memory is lost with the process.

    :param grace: seconds for which an object must have been seen to be a stray.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._since: dict[Hashable, float] = {}

    def older_than_grace(self, suspects: Iterable[Hashable]) -> set[Hashable]:
        """Record the suspects of one audit, and return those seen for the grace period.

        An object that is not among them is forgotten. The first sighting is never enough,
        however short the grace period is.
        """
        now = time.monotonic()
        seen_before = self._since
        self._since = {suspect: seen_before.get(suspect, now) for suspect in suspects}
        return {
            suspect
            for suspect, since in self._since.items()
            if suspect in seen_before and now - since >= self._grace
        }
