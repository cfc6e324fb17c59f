# SPDX-License-Identifier: Apache-2.0

"""What a collection lists, and whether that is all: absence needs a complete answer."""

import collections
from collections.abc import Sequence
import contextlib
from typing import Any

from valence import errors
from valence.podmanagers import odata
from valence.podmanagers.redfish import fields

#: Characters of a path in an error.
MAX_PATH = 200

#: Where a page has the number of members: by DSP0266, and as OData has it.
COUNTS = ("Members@odata.count", "@odata.count")

#: A collection that lists each member more often than this has no end.
MAX_REPEATS = 10


class Listing:
    """The members of a collection, page by page, each once.

    :param base: URL of the pod manager.
    :param path: of the collection.
    :ivar missing_page: the path of a page that does not exist, though the page before links
        to it: its members were removed meanwhile, or moved to an earlier page.
    :ivar first_page: its first page, which has the actions of the collection.
    """

    def __init__(self, base: str, path: str) -> None:
        self._base = base
        self._path = path
        self._members: dict[str, tuple[str, odata.JSON]] = {}
        self._occurrences: collections.Counter[str] = collections.Counter()
        self._counts: set[int] = set()
        self._is_counted_by_page = True
        self._entries = self._links = self._nulls = 0
        self.missing_page: str | None = None
        self.first_page: odata.JSON | None = None

    def add(self, page: odata.JSON) -> None:
        """Add the entries of a page.

        :raises PodManagerFailed: it is no page of a collection, or one of too many.
        """
        entries = self._entries_of(page)
        self.first_page = page if self.first_page is None else self.first_page
        count = count_of(page)
        if count is not None:
            self._counts.add(count)
            # Wrong, and done: the number of members on the page.
            self._is_counted_by_page &= count == len(entries)
        self._entries += len(entries)
        earlier = set(self._members)
        for entry in entries:
            self._add(entry, earlier)
        if self._entries > MAX_REPEATS * (len(self._members) + MAX_REPEATS):
            raise incomplete(self._base, self._path, "lists the same members again and again")

    def _add(self, entry: Any, earlier: set[str]) -> None:
        path = odata.member_path(self._path, entry)
        key = odata.normal_path(path)
        if not path or key == odata.normal_path(self._path):
            self._nulls += entry is None
            return
        self._occurrences[key] += 1
        # What an earlier page listed was moved, and its place may hide another.
        self._links += key not in earlier
        self._members.setdefault(key, (path, odata.mapping(entry)))

    @property
    def members(self) -> Sequence[tuple[str, odata.JSON]]:
        """Path of each member, and what the collection has of it, in its order."""
        return list(self._members.values())

    @property
    def paths(self) -> Sequence[str]:
        """The paths of the members."""
        return [path for path, _ in self._members.values()]

    @property
    def is_short(self) -> bool:
        """Whether the collection counts more than it lists, or has changed meanwhile."""
        if self.missing_page is not None:
            return True
        if not self._counts or self._is_counted_by_page:
            return False
        return len(self._counts) > 1 or self._listed < max(self._counts)

    @property
    def problem(self) -> str | None:
        """Why the listing may be incomplete, in words that follow its path; None: it is not."""
        if self.missing_page is not None:
            return f"links to {self.missing_page[:MAX_PATH]}, which does not exist"
        least, most = min(self._counts, default=None), max(self._counts, default=None)
        if self.is_short and least != most:
            return f"counts {least} members on one page, and {most} on another"
        if self.is_short:
            return f"counts {most} members, and lists {self._listed}"
        if self._no_links:
            return f"has {self._no_links} members without a link"
        return None

    def require_complete(self) -> None:
        """Raise unless the listing is complete: what it lacks is absent.

        :raises PodManagerFailed: it is not, or may not be.
        """
        if self.problem:
            raise incomplete(self._base, self._path, self.problem)

    @property
    def _listed(self) -> int:
        """The number of entries, without those that an earlier page had already.

        Where a service lists every member equally often, all of them count.
        """
        is_even = len(set(self._occurrences.values())) < 2
        return self._entries - (0 if is_even else self._occurrences.total() - self._links)

    @property
    def _no_links(self) -> int:
        """The number of entries that may be members, and are no links."""
        number = self._entries - self._occurrences.total()
        if not self._counts:
            return number - self._nulls
        missing = max(self._counts) - self._links
        return number if self._is_counted_by_page else max(0, min(number, missing))

    def _entries_of(self, page: odata.JSON) -> Sequence[Any]:
        entries = odata.value_of(page, "Members")
        if entries is None and count_of(page) == 0:
            return []  # what services in Go have for an empty list
        if not isinstance(entries, list):
            raise incomplete(self._base, self._path, "has no list of Members")
        return entries


def count_of(page: odata.JSON) -> int | None:
    """Return how many members a collection counts on a page; None: no number."""
    values = (odata.value_of(page, name) for name in COUNTS)
    count = next((value for value in values if value is not None), None)
    with contextlib.suppress(ValueError):
        return None if count is None else fields.number(count)
    return None


def incomplete(base: str, path: str, problem: str) -> errors.PodManagerFailed:
    """Return the error for a collection that is not, or may not be, complete."""
    return errors.PodManagerFailed(
        f"{path[:MAX_PATH]} of the pod manager at {base} {problem}. It is not taken for a "
        "complete collection, and what is known of its members is kept. See the log of the "
        "pod manager, and try again."
    )
