# SPDX-License-Identifier: Apache-2.0

"""Read many resources of one pod manager in as few requests as it allows.

Where the service says that it knows ``$expand`` (DSP0266, 7.3), a collection
comes with its members, and so many levels of what is in them; what came that way
is not asked for again. Everything else is read one by one, several at a time.
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
from typing import TypeVar

from oslo_log import log

from valence import errors
from valence.podmanagers.http.connection import Connection
from valence.podmanagers.redfish import collection
from valence.podmanagers.redfish import odata
from valence_conductor import interrupt

LOG = log.getLogger(__name__)

T = TypeVar("T")
U = TypeVar("U")

#: Requests to one pod manager at a time: some of the connections are left to others.
AT_ONCE = 8

#: Troubles of one resource that say nothing of the others.
SINGLE = (
    errors.PodManagerNodeGone,
    errors.PodManagerFailed,
    errors.PodManagerRefused,
)


class Reader:
    """Read resources, and remember for as long as one reading lasts.

    Safe to use from many threads.

    :param root: the service's root, which says whether it knows ``$expand``.
    :ivar unread: paths that could not be read.
    """

    def __init__(self, client: Connection, root: odata.JSON) -> None:
        self._client = client
        self._collections = collection.Collections(self)
        self._expand, self._levels = expansion(root)
        self._found: dict[str, odata.JSON] = {}
        self._lock = threading.Lock()
        self.unread: set[str] = set()
        self.requests = 0
        self.latency: float | None = None

    @property
    def base(self) -> str:
        """URL of the pod manager."""
        return self._client.base

    @property
    def expands(self) -> bool:
        """Whether members come with their collection."""
        return self._levels > 0

    @property
    def leaves_links(self) -> bool:
        """Whether what ``Links`` lead to stays away: chassis name each other there."""
        return self._expand == "."

    def each(self, function: Callable[[T], U], things: Iterable[T]) -> list[U]:
        """Do something for each of many things, several at a time."""
        todo = list(things)
        if len(todo) < 2:
            return [function(thing) for thing in todo]
        with futures.ThreadPoolExecutor(max_workers=min(AT_ONCE, len(todo))) as pool:
            # The threads must know as well when this one has to leave its work.
            asked = [
                pool.submit(contextvars.copy_context().run, function, thing) for thing in todo
            ]
            try:
                return [one.result() for one in asked]
            finally:
                for one in asked:
                    one.cancel()

    def read(self, path: str) -> odata.JSON | None:
        """Read a resource; None: it is listed, and cannot be read.

        :raises PodManagerUnreachable: the pod manager does not answer any more.
        :raises PodManagerUnauthorized: it lets us in no more.
        """
        known = self._found.get(path)
        if known is not None:
            return known
        try:
            resource = self._get(path)
        except SINGLE as exc:
            LOG.info("%s cannot be read, and is left as it is known: %s", path, exc)
            self.unread.add(path)
            return None
        self._found[path] = resource
        return resource

    def members(self, link: Any, levels: int = 1) -> list[str] | None:
        """List the paths of a collection's members, and read as much as comes with them.

        :param link: to the collection; what is no link has no members.
        :param levels: how deep to expand, where the service can.
        :returns: None when the collection cannot be read.
        """
        path = odata.path_of(link)
        if path is None:
            return []
        try:
            return list(self._walk(path, levels))
        except SINGLE as exc:
            LOG.info("%s cannot be read: %s", path, exc)
            self.unread.add(path)
            return None

    def listing(self, link: Any, levels: int = 1) -> list[str]:
        """List a collection without which nothing can be said.

        :raises PodManagerFailed: it cannot be read, or cannot be all there is.
        """
        path = odata.path_of(link)
        if path is None:
            return []
        try:
            return list(self._walk(path, levels))
        except (errors.PodManagerNodeGone, errors.PodManagerRefused) as exc:
            raise self._untrustworthy(path, f"cannot be read ({exc.detail})") from exc

    def get(self, path: str) -> odata.JSON:
        """Read a page, and remember what came with it."""
        page = self._get(path)
        self._keep(page)
        return page

    def _walk(self, path: str, levels: int) -> Iterator[str]:
        first = self._found.get(path) or self._first_page(path, levels)
        return (where for where, _ in self._collections.walk(path, first, whole=True))

    def _first_page(self, path: str, levels: int) -> odata.JSON:
        wanted = min(levels, self._levels)
        if wanted:
            depth = f"($levels={wanted})" if wanted > 1 else ""
            try:
                return self.get(f"{path}?$expand={self._expand}{depth}")
            except (errors.PodManagerRefused, errors.PodManagerFailed) as exc:
                LOG.info("%s cannot be expanded, whatever the service says: %s", path, exc)
                self._levels = 0
        return self._get(path)

    def _keep(self, resource: Any) -> None:
        """Remember everything that came inside a resource."""
        for value in resource.values() if isinstance(resource, dict) else resource:
            if isinstance(value, dict):
                path = odata.path_of(value)
                # A link and nothing else, or the likes of Status, is no resource.
                if path is not None and "@odata.type" in value and len(value) > 2:
                    self._found[path] = value
                self._keep(value)
            elif isinstance(value, list):
                self._keep(value)

    def _get(self, path: str) -> odata.JSON:
        interrupt.checkpoint()
        with self._clocked():
            resource: odata.JSON = self._client.get(path)
        return resource

    @contextlib.contextmanager
    def _clocked(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - began
            with self._lock:
                self.requests += 1
                self.latency = took if self.latency is None else min(took, self.latency)

    def _untrustworthy(self, path: str, what: str) -> errors.PodManagerFailed:
        return errors.PodManagerFailed(
            f"{path} of the pod manager at {self._client.base} {what}. What is known of it is "
            "kept; see the log of the pod manager."
        )


def expansion(root: odata.JSON) -> tuple[str, int]:
    """Tell what a service calls expanding what is below, and how many levels; 0: none."""
    features = odata.mapping(root, "ProtocolFeaturesSupported", "ExpandQuery")
    sign = "." if features.get("NoLinks") else "*"
    if sign == "*" and not features.get("ExpandAll"):
        return sign, 0
    deepest = odata.number(features.get("MaxLevels")) if features.get("Levels") else 1
    return sign, max(1, deepest or 1)
