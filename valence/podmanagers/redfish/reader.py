# SPDX-License-Identifier: Apache-2.0

"""Read resources and collections of one pod manager in as few requests as it allows.

Where the service offers ``$expand`` (DSP0266, 7.3), a collection comes with its members.
A collection that cannot be complete is an error, never an empty or a shorter one.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
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
from valence_conductor import interrupt

LOG = log.getLogger(__name__)

T = TypeVar("T")
U = TypeVar("U")

#: Pages of one collection; a service with more of them has no end.
MAX_PAGES = 10_000

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

    def first_page(self, path: str, *, levels: int = 0) -> odata.JSON:
        """Read a collection, or its first page.

        :param levels: how deep to expand, if the service can; 0: only links to its members.
        :raises PodManagerNodeGone: it does not exist.
        """
        expand = self.expansion.of(path) if levels else None
        if expand is None:
            return self.get(path)
        try:
            return self._get_expanded(f"{path}?{expand.query(levels)}")
        except tuple(EXPAND_FALLBACKS) as exc:
            page = self.get(path)
            # Only now is it certain that the query was the reason.
            self.expansion.suspend(path, exc)
            return page

    def walk(
        self, path: str, page: odata.JSON, *, complete: bool = False
    ) -> Iterator[tuple[str, odata.JSON]]:
        """Iterate over a collection: (path of a member, what the collection has of it).

        :param page: its first page.
        :param complete: whether fewer members than it counts are an error; none at all
            always are.
        :raises PodManagerFailed: it cannot be complete.
        """
        listed, count = 0, 0
        pages = {path}
        page_path = path
        while True:
            members = self.members(path, page)
            count = _count(page) or count
            listed += len(members)
            yield from members
            next_link = page.get("Members@odata.nextLink")
            if next_link is None or next_link == "":
                break
            page_path = odata.page_of(next_link, page_path) or ""
            if not page_path:
                raise self._untrustworthy(path, "has a link to its next page that cannot be read")
            if page_path in pages:
                raise self._untrustworthy(path, f"has pages that lead back to {page_path}")
            if len(pages) >= MAX_PAGES:
                raise self._untrustworthy(path, f"has no end after {MAX_PAGES} pages")
            pages.add(page_path)
            page = self._next_page(path, page_path)
        if listed < count and (complete or not listed):
            raise self._untrustworthy(path, f"counts {count} members, and lists {listed}")

    def members(self, path: str, page: odata.JSON) -> list[tuple[str, odata.JSON]]:
        """List the members of one page, as :meth:`walk` does.

        :raises PodManagerFailed: it has no list of them.
        """
        members = page.get("Members")
        if not isinstance(members, list):
            raise self._untrustworthy(path, "has no list of Members")
        pairs = [(odata.member_path(path, member), odata.mapping(member)) for member in members]
        return [(member_path, member) for member_path, member in pairs if member_path]

    def count(self, path: str, page: odata.JSON) -> int:
        """Return the number of members that a collection counts, or else lists on a page."""
        return _count(page) or len(self.members(path, page))

    def required_page(self, path: str) -> odata.JSON:
        """Read a page without which nothing can be concluded about any member.

        :raises PodManagerFailed: it does not exist.
        """
        try:
            return self.get(path)
        except errors.PodManagerNodeGone as exc:
            raise self._untrustworthy(path, "does not exist, though it is advertised") from exc

    def _get_root(self) -> odata.JSON:
        path = self.client.root
        try:
            return self.get(path)
        except errors.PodManagerNodeGone as exc:
            # Some services have it without the slash of DSP0266.
            with contextlib.suppress(errors.PodManagerNodeGone):
                return self.get(path.rstrip("/"))
            raise exc

    def _next_page(self, _collection: str, page_path: str) -> odata.JSON:
        return self.required_page(page_path)

    def _get_expanded(self, path: str) -> odata.JSON:
        return self.get(path)

    def _untrustworthy(self, path: str, problem: str) -> errors.PodManagerFailed:
        return errors.PodManagerFailed(
            f"{path} of the pod manager at {self.client.base} {problem}. It is not taken for a "
            "complete collection, and what is known of its members is kept. See the log of the "
            "pod manager, and try again."
        )


def _count(page: odata.JSON) -> int | None:
    with contextlib.suppress(ValueError):
        return fields.number(page.get("Members@odata.count", ""))
    return None


class Snapshot(Reader):
    """Read each of many resources once, several at a time. Thread-safe.

    What came with an expanded collection is not requested again.

    :ivar unread: paths that could not be read.
    :ivar requests: how many were sent.
    :ivar latency: of the fastest of them, in seconds.
    """

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader.client)
        self.expansion = reader.expansion
        self.bad_values = reader.bad_values
        self._resources: dict[str, odata.JSON] = {}
        self._expanded: set[str] = set()
        #: normal path -> the path as it was first given; a service may write it in many ways.
        self._spellings: dict[str, str] = {}
        self._lock = threading.Lock()
        self.unread: set[str] = set()
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

        :raises PodManagerUnreachable: the pod manager does not respond any more.
        :raises PodManagerUnauthorized: it does not accept the credentials any more.
        """
        cached = self._resources.get(path)
        if cached is not None:
            return cached
        try:
            resource = self.get(path)
        except LOCAL_ERRORS as exc:
            self._record_unread(path, exc)
            return None
        self._resources[path] = resource
        return resource

    def list_members(self, link: Any, *, levels: int = 1) -> list[str] | None:
        """List the paths of a collection's members; None: it cannot be read.

        :param link: to the collection; where there is no link, there are no members.
        :param levels: how deep to expand, if the service can.
        """
        path = odata.path_of(link)
        try:
            return self._list(path, levels) if path else []
        except LOCAL_ERRORS as exc:
            self._record_unread(path or "", exc)
            return None

    def list_required_members(self, link: Any, *, levels: int = 1) -> list[str]:
        """List the paths of the members of a collection without which there is no inventory.

        :raises PodManagerFailed: it cannot be read, or cannot be complete.
        """
        path = odata.path_of(link)
        try:
            return self._list(path, levels) if path else []
        except (errors.PodManagerNodeGone, errors.PodManagerRefused) as exc:
            raise self._untrustworthy(path or "", f"cannot be read ({exc.detail})") from exc

    def get(self, path: str) -> odata.JSON:
        """Read a resource, whether it was read before or not."""
        interrupt.checkpoint()
        started = time.monotonic()
        try:
            resource = self.client.get(path)
            odata.unify(resource, self._spellings)
            return resource
        finally:
            duration = time.monotonic() - started
            with self._lock:
                self.requests += 1
                self.latency = duration if self.latency is None else min(duration, self.latency)

    def _list(self, path: str, levels: int) -> list[str]:
        page = self._resources.get(path, {})
        if "Members" not in page:
            page = self.first_page(path, levels=levels)
        return [member_path for member_path, _ in self.walk(path, page, complete=True)]

    def _get_expanded(self, path: str) -> odata.JSON:
        page = self.get(path)
        self._expanded.add(path.partition("?")[0])
        self._keep(page)
        return page

    def _next_page(self, collection: str, page_path: str) -> odata.JSON:
        page = self.required_page(page_path)
        # Otherwise a member may be less than the resource.
        if collection in self._expanded:
            self._keep(page)
        return page

    def _keep(self, value: Any) -> None:
        """Cache every resource inside a value."""
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, dict):
                path = odata.path_of(inner)
                # A link alone, or an object such as Status, is no resource.
                if path is not None and "@odata.type" in inner and len(inner) > 2:
                    self._resources[path] = inner
                    if "Members" in inner:
                        self._expanded.add(path)
                self._keep(inner)
            elif isinstance(inner, list):
                self._keep(inner)

    def _record_unread(self, path: str, error: errors.ValenceError) -> None:
        LOG.info("%s cannot be read, and what is known of it is kept: %s", path, error)
        self.unread.add(path)
