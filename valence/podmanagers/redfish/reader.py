# SPDX-License-Identifier: Apache-2.0

"""Read resources and collections of one pod manager in as few requests as it allows.

Where the service offers ``$expand`` (DSP0266, 7.3), a collection comes with its members.
A collection that cannot be complete is an error, never an empty or a shorter one.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from concurrent import futures
import contextlib
import contextvars
import threading
import time
from typing import Any
from typing import Protocol
from typing import TypeVar

from oslo_log import log

from valence import errors
from valence.podmanagers import odata
from valence.podmanagers.redfish import fields
from valence.podmanagers.redfish.expand import EXPAND_FALLBACKS
from valence.podmanagers.redfish.expand import Expansion
from valence.podmanagers.redfish.listing import count_of
from valence.podmanagers.redfish.listing import incomplete
from valence.podmanagers.redfish.listing import Listing
from valence.podmanagers.redfish.listing import MAX_PATH
from valence_conductor import interrupt

LOG = log.getLogger(__name__)

T = TypeVar("T")
U = TypeVar("U")

#: Pages of one collection; a service with more of them has no end.
MAX_PAGES = 10_000

#: How often a collection that may be incomplete is read.
READS = 3

#: Where a page has the link to the next one: by DSP0266, and as OData has it.
NEXT_LINKS = ("Members@odata.nextLink", "@odata.nextLink")

#: What a link has, and every resource: an expanded member that has no more is not expanded.
LINK = frozenset({"@odata.id", "@odata.type", "@odata.etag", "Id", "Name", "Description"})

#: Concurrent requests of one snapshot: some of the connections are left to other callers.
AT_ONCE = 8

#: Errors of one resource or collection, which show nothing about others.
LOCAL_ERRORS = (
    errors.PodManagerNodeGone,
    errors.PodManagerFailed,
    errors.PodManagerRefused,
)


class Client(Protocol):
    """What sends requests.

    :ivar base: URL of the pod manager.
    :ivar root: path of the service root.
    """

    @property
    def base(self) -> str: ...

    @property
    def root(self) -> str: ...

    def get(self, path: str) -> odata.JSON:
        """Read a resource."""


class Reader:
    """Read the service root and collections of one pod manager. Thread-safe.

    :ivar expansion: what the service does of ``$expand``; nothing before :meth:`read_root`.
    :ivar bad_values: where bad values of fields are reported.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.expansion = Expansion()
        self.bad_values = fields.BadValues(client.base)

    def get(self, path: str) -> odata.JSON:
        """Read a resource."""
        return self.client.get(path)

    def read_root(self) -> odata.JSON:
        """Read the service root, and what it offers of ``$expand``.

        :raises PodManagerFailed: there is no Redfish service.
        """
        try:
            root = self._get_root()
        except errors.PodManagerNodeGone as exc:
            raise errors.PodManagerFailed(
                f"There is no Redfish service at {self.client.base}{self.client.root}. Check the "
                "URL.",
                reason=exc.own_words,
            ) from exc
        self.expansion.learn(root)
        return root

    def listing(self, path: str, *, levels: int = 0) -> Listing:
        """Read a collection with all its pages.

        :param levels: how deep to expand, if the service can; 0: only links to its members.
        :raises PodManagerNodeGone: it does not exist.
        :raises PodManagerFailed: it is no collection, or a page cannot be read.
        """
        try:
            expand = self.expansion.of(path) if levels else None
            if expand is None:
                return self._read(path)
            return self._read_expanded(path, f"{path}?{expand.query(levels)}")
        except errors.PodManagerRefused as exc:
            problem = f"cannot be read ({exc.detail})"
            raise incomplete(self.client.base, path, problem) from exc

    def count(self, path: str, page: odata.JSON) -> int:
        """Return the number of members that a collection counts, or else lists on a page.

        :raises PodManagerFailed: it has no list of them.
        """
        listing = Listing(self.client.base, path)
        listing.add(page)
        return count_of(page) or len(listing.members)

    def _read(self, path: str) -> Listing:
        """Read a collection without ``$expand``.

        One that may be incomplete, because members came or went while its pages were read, is
        read :data:`READS` times.
        """
        for _ in range(READS):
            listing = self._walk(path, self.get(path))
            if not listing.is_short:
                break
        return listing

    def _read_expanded(self, path: str, query: str) -> Listing:
        """Read a collection with ``$expand``, or without if it is not complete with it."""
        try:
            listing = self._walk(path, self._get_first(path, query))
            listing.require_complete()
            return listing
        except tuple(EXPAND_FALLBACKS) as exc:
            try:
                listing = self._read(path)
            except errors.PodManagerNodeGone as gone:
                if isinstance(exc, errors.PodManagerFailed):
                    raise exc from gone  # with $expand it exists
                raise
            # Only now is it certain that the query was the reason.
            if listing.problem is None:
                self.expansion.suspend(path, exc)
            return listing

    def _walk(self, path: str, page: odata.JSON) -> Listing:
        """Return what a collection lists, from its first page on.

        :raises PodManagerFailed: it is no collection, or has no end.
        """
        listing = Listing(self.client.base, path)
        requested = {path}
        page_path = path
        while True:
            listing.add(page)
            next_link = next(
                (link for key in NEXT_LINKS if (link := odata.value_of(page, key)) is not None),
                None,
            )
            if next_link is None or next_link == "":
                break
            page_path = odata.page_of(next_link, page_path) or ""
            problem = (
                "has a link to its next page that cannot be read"
                if not page_path
                else f"has pages that lead back to {page_path[:MAX_PATH]}"
                if page_path in requested
                else f"has no end after {MAX_PAGES} pages"
                if len(requested) >= MAX_PAGES
                else None
            )
            if problem:
                raise incomplete(self.client.base, path, problem)
            requested.add(page_path)
            try:
                page = self._get_next(path, page_path)
            except errors.PodManagerNodeGone:
                listing.missing_page = page_path
                break
        return listing

    def _get_root(self) -> odata.JSON:
        path = self.client.root
        try:
            return self.get(path)
        except errors.PodManagerNodeGone as exc:
            # Some services have it without the slash of DSP0266.
            with contextlib.suppress(errors.PodManagerNodeGone):
                return self.get(path.rstrip("/"))
            raise exc

    def _get_first(self, _collection: str, query: str) -> odata.JSON:
        return self.get(query)

    def _get_next(self, _collection: str, page_path: str) -> odata.JSON:
        return self.get(page_path)


class Snapshot(Reader):
    """Read each of many resources once, several at a time. Thread-safe.

    What came with an expanded collection is not requested again.

    :ivar unread: normal paths of what could not be read.
    :ivar partial: whether nothing can be concluded about what is not listed.
    :ivar gone: normal paths of what is linked and does not exist (404, 410).
    :ivar collections: normal path of a collection without which there is no inventory -> its
        first page.
    :ivar requests: how many were sent.
    :ivar latency: of the fastest of them, in seconds.
    """

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader.client)
        self.expansion = reader.expansion
        self.bad_values = reader.bad_values
        self._resources: dict[str, odata.JSON] = {}
        self._expanded: set[str] = set()
        self._lock = threading.Lock()
        self.unread: set[str] = set()
        self.gone: set[str] = set()
        self.collections: dict[str, odata.JSON] = {}
        self.partial = False
        self.requests = 0
        self.latency: float | None = None

    def map(self, function: Callable[[T], U], items: Iterable[T]) -> list[U]:
        """Return the results of a function for each item, called several at a time."""
        arguments = list(items)
        if len(arguments) < 2:
            return [function(argument) for argument in arguments]
        with futures.ThreadPoolExecutor(max_workers=min(AT_ONCE, len(arguments))) as pool:
            # In a copy of the context, in which a job that is interrupted shows.
            results = [
                pool.submit(contextvars.copy_context().run, function, argument)
                for argument in arguments
            ]
            try:
                return [result.result() for result in results]
            finally:
                for result in results:
                    result.cancel()

    def resource(self, path: str) -> odata.JSON | None:
        """Read a resource; None: it is listed, and cannot be read.

        One that does not exist is in :attr:`gone`: the link to it dangles, and no later
        reading is any better. Any other is in :attr:`unread`.

        :raises PodManagerUnreachable: the pod manager does not respond any more.
        :raises PodManagerUnauthorized: it does not accept the credentials any more.
        """
        key = odata.normal_path(path)
        cached = self._resources.get(key)
        if cached is not None:
            return cached
        try:
            resource = self.get(path)
        except errors.PodManagerNodeGone:
            self._record_gone(path)
            return None
        except LOCAL_ERRORS as exc:
            self._record_unread(path, exc)
            return None
        self._resources[key] = resource
        return resource

    def is_settled(self, path: str) -> bool:
        """Return whether a resource was read, or certainly does not exist."""
        key = odata.normal_path(path)
        return key in self._resources or key in self.gone

    def list_members(self, link: Any, *, levels: int = 1) -> Sequence[str] | None:
        """List the paths of a collection's members; None: it cannot be read.

        :param link: to the collection; where there is no link, or one that dangles, there are
            no members.
        :param levels: how deep to expand, if the service can.
        """
        path = odata.path_of(link)
        if path is None:
            return []
        try:
            listing = self._list(path, levels)
            listing.require_complete()
            return listing.paths
        except errors.PodManagerNodeGone:
            self._record_gone(path)
            return []
        except LOCAL_ERRORS as exc:
            self._record_unread(path, exc)
            return None

    def list_required_members(self, link: Any, *, levels: int = 1) -> Sequence[str]:
        """List the paths of the members of a collection without which there is no inventory.

        An entry that is no link hides no other; but then the snapshot is :attr:`partial`.

        :raises PodManagerFailed: it cannot be read, or is shorter than it counts.
        """
        path = odata.path_of(link)
        if path is None:
            return []
        try:
            listing = self._list(path, levels)
        except errors.PodManagerNodeGone as exc:
            problem = f"cannot be read ({exc.detail})"
            raise incomplete(self.client.base, path, problem) from exc
        if listing.is_short:
            listing.require_complete()
        elif listing.problem:
            self.partial = True
            self._record_unread(path, incomplete(self.client.base, path, listing.problem))
        self.collections[odata.normal_path(path)] = listing.first_page or {}
        return listing.paths

    def get(self, path: str) -> odata.JSON:
        """Read a resource, whether it was read before or not."""
        interrupt.checkpoint()
        started = time.monotonic()
        try:
            return self.client.get(path)
        finally:
            duration = time.monotonic() - started
            with self._lock:
                self.requests += 1
                self.latency = duration if self.latency is None else min(duration, self.latency)

    def _list(self, path: str, levels: int) -> Listing:
        page = self._resources.get(odata.normal_path(path), {})
        if odata.value_of(page, "Members") is not None:
            # It came with an expanded one, perhaps not whole.
            with contextlib.suppress(*LOCAL_ERRORS):
                listing = self._walk(path, page)
                if listing.problem is None:
                    return listing
        return self.listing(path, levels=levels)

    def _get_first(self, collection: str, query: str) -> odata.JSON:
        page = self.get(query)
        self._expanded.add(odata.normal_path(collection))
        self._keep(page)
        return page

    def _get_next(self, collection: str, page_path: str) -> odata.JSON:
        page = self.get(page_path)
        # Otherwise a member may be less than the resource.
        if odata.normal_path(collection) in self._expanded:
            self._keep(page)
        return page

    def _keep(self, value: Any) -> None:
        """Cache every resource inside a value."""
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, dict):
                path = odata.path_of(inner)
                # A link, an object such as Status, or less than a resource, is none.
                if path is not None and "@odata.type" in inner and not inner.keys() <= LINK:
                    key = odata.normal_path(path)
                    self._resources[key] = inner
                    if "Members" in inner:
                        self._expanded.add(key)
                self._keep(inner)
            elif isinstance(inner, list):
                self._keep(inner)

    def _record_unread(self, path: str, error: errors.ValenceError) -> None:
        LOG.info("%s cannot be read, and what is known of it is kept: %s", path, error)
        self.unread.add(odata.normal_path(path))

    def _record_gone(self, path: str) -> None:
        self.gone.add(odata.normal_path(path))
        if self.bad_values.is_new("gone", path):
            LOG.warning(
                "%s on %s is linked and does not exist: it counts as absent (reported once)",
                path,
                self.client.base,
            )
