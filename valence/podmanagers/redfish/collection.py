# SPDX-License-Identifier: Apache-2.0

"""Reading collections: page by page, and with their members where the service can do that.

A collection that cannot be all there is, is an error, and never an empty one.
"""

from collections.abc import Iterator
from typing import Protocol

from oslo_log import log

from valence import errors
from valence.podmanagers.redfish import odata

LOG = log.getLogger(__name__)

#: Pages of one collection; a service with more of them has no end.
PAGES = 10_000

#: What a service may say of ``$expand`` (ServiceRoot.ProtocolFeaturesSupported), best first:
#: all that is no link elsewhere; everything.
EXPANSIONS = (("NoLinks", "."), ("ExpandAll", "*"))


class Client(Protocol):
    """What reads resources.

    :ivar base: URL of the pod manager.
    """

    @property
    def base(self) -> str: ...

    def get(self, path: str) -> odata.JSON:
        """Read a resource."""


class Collections:
    """Read the collections of one pod manager. Safe to use from many threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._expansion: str | None = None
        self._unexpanded: set[str] = set()

    def learn(self, root: odata.JSON) -> None:
        """Learn from the service's root whether it gives members with a collection."""
        self._expansion = expansion(root)
        self._unexpanded.clear()

    def first(self, path: str, *, expanded: bool = False) -> odata.JSON:
        """Read a collection, or its first page.

        :param expanded: with its members, if the service can do that.
        :raises PodManagerNodeGone: it is not there.
        """
        kind = path.rpartition("/")[2]
        if expanded and self._expansion is not None and kind not in self._unexpanded:
            try:
                return self._client.get(f"{path}?{self._expansion}")
            except (
                errors.PodManagerRefused,
                errors.PodManagerNodeGone,
                errors.PodManagerFailed,
            ) as exc:
                # What it says of itself need not hold for all that it has.
                LOG.info("%s is read without $expand from now on: %s", kind, exc)
                self._unexpanded.add(kind)
        return self._client.get(path)

    def page(self, path: str) -> odata.JSON:
        """Read a page: without it, nothing can be said of any member.

        :raises PodManagerFailed: it is not there.
        """
        try:
            return self._client.get(path)
        except errors.PodManagerNodeGone as exc:
            raise self._untrustworthy(path, "is not there, though it is advertised") from exc

    def walk(
        self, path: str, collection: odata.JSON, *, whole: bool = False
    ) -> Iterator[tuple[str, odata.JSON]]:
        """Walk over a collection: (path, what the collection says of the member).

        :param collection: it, or its first page.
        :param whole: whether one that lists fewer members than it has is of no use.
        :raises PodManagerFailed: it cannot be all there is.
        """
        seen, count = 0, 0
        pages = {path}
        at = path
        while True:
            members = self.members(path, collection)
            count = odata.number(collection.get("Members@odata.count")) or count
            seen += len(members)
            yield from members
            at = odata.page_of(collection.get("Members@odata.nextLink"), at) or ""
            if not at:
                break
            if at in pages:
                raise self._untrustworthy(path, f"leads back from its pages to {at}")
            if len(pages) >= PAGES:
                raise self._untrustworthy(path, f"has no end after {PAGES} pages")
            pages.add(at)
            collection = self.page(at)
        if seen < count and (whole or not seen):
            listed = f"says that it has {count} members, and lists {seen or 'none'}"
            raise self._untrustworthy(path, listed)

    def members(self, path: str, collection: odata.JSON) -> list[tuple[str, odata.JSON]]:
        """List the members of one page.

        :raises PodManagerFailed: it has no list of them.
        """
        members = collection.get("Members")
        if not isinstance(members, list):
            raise self._untrustworthy(path, "has no list of Members")
        found = [(odata.member_path(path, member), odata.mapping(member)) for member in members]
        return [(where, member) for where, member in found if where]

    def _untrustworthy(self, path: str, what: str) -> errors.PodManagerFailed:
        return errors.PodManagerFailed(
            f"{path} of the pod manager at {self._client.base} {what}. That cannot be taken for "
            "an empty collection; see the log of the pod manager, and try again."
        )


def expansion(root: odata.JSON) -> str | None:
    """Give the query that brings the members of a collection; None: the service has none."""
    features = odata.mapping(root, "ProtocolFeaturesSupported", "ExpandQuery")
    levels = "($levels=1)" if features.get("Levels") is True else ""
    for feature, sign in EXPANSIONS:
        if features.get(feature) is True:
            return f"$expand={sign}{levels}"
    return None
