# SPDX-License-Identifier: Apache-2.0

"""The collection of composed nodes: where it is, what it lists, and its action Allocate.

What is cached (its path, the target of the action) costs one request each to read, and is read
again when it turns out to be wrong.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import threading
from typing import Any
from typing import TypeVar

from oslo_log import log

from valence import errors
from valence.podmanagers import messages
from valence.podmanagers import odata
from valence.podmanagers.http import failures
from valence.podmanagers.http.connection import Connection
from valence.podmanagers.http.exchange import Response
from valence.podmanagers.limitation import Limitation
from valence.podmanagers.redfish import fields
from valence.podmanagers.redfish import task
from valence.podmanagers.redfish.fields import Field
from valence.podmanagers.redfish.listing import incomplete
from valence.podmanagers.redfish.listing import Listing
from valence.podmanagers.redfish.reader import Reader
from valence.podmanagers.rsd import requirements as rsd_requirements
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting

LOG = log.getLogger(__name__)

T = TypeVar("T")

#: What RSD adds to the service root: 2.3 and later; older services; 2.1 and 2.2.
OEM = ("Oem/Intel_RackScale/", "Oem/Intel:RackScale/", "")
ROOT = {
    "nodes": Field(*(f"{prefix}Nodes" for prefix in OEM), convert=fields.link_path),
    "api_version": Field(*(f"{prefix}ApiVersion" for prefix in OEM)),
}


@dataclasses.dataclass(frozen=True)
class Root:
    """What is cached of the service root.

    :ivar nodes: path of the composed nodes.
    """

    nodes: str
    api_version: str | None
    resource: odata.JSON


class NodeCollection:
    """The collection of composed nodes of one pod manager. Thread-safe."""

    def __init__(self, client: Connection, reader: Reader) -> None:
        self._client = client
        self._reader = reader
        self._lock = threading.RLock()
        self._cached_root: Root | None = None
        self._allocate_target: str | None = None

    def root(self) -> Root:
        """Return what is cached of the service root; the first time, read it."""
        with self._lock:  # during the request, so that many threads send one
            if self._cached_root is None:
                self._cached_root = self._read_root()
            return self._cached_root

    def forget(self) -> None:
        """Read everything that is cached again when it is needed next."""
        with self._lock:
            self._cached_root = None
            self._allocate_target = None

    def renew(self, resource: odata.JSON) -> None:
        """Replace what is cached of a service root that was just read, if it has changed."""
        with self._lock:
            if self._cached_root is not None and self._cached_root.resource != resource:
                self.forget()

    def _read_root(self) -> Root:
        resource = self._reader.read_root()
        root = fields.read(resource, ROOT, self._reader.bad_values)
        if root["nodes"] is None:
            raise errors.PodManagerFailed(
                f"The service at {self._client.base} is no RSD pod manager: its root names no "
                "Nodes, neither itself nor under Oem.Intel_RackScale. Check the URL, or the "
                "driver."
            )
        return Root(resource=resource, **root)

    def read(self) -> odata.JSON:
        """Read the collection of nodes, or its first page."""
        page = self._at_path(self._reader.get)
        self._allocate_target = odata.action_target(page, "Allocate")
        return page

    def learn(self, page: odata.JSON) -> None:
        """Learn the actions from the first page; read it if it lacks them, as an expanded one may.

        :raises PodManagerNodeGone: it does not exist.
        """
        self._allocate_target = odata.action_target(page, "Allocate")
        if self._allocate_target is None:
            self.read()

    def listing(self, *, expanded: bool = False) -> Listing:
        """Read the whole collection of nodes, as far as it lists them."""
        levels = 1 if expanded else 0
        return self._at_path(lambda path: self._reader.listing(path, levels=levels))

    def _at_path(self, read: Callable[[str], T]) -> T:
        """Read something at the path of the nodes, which is read again when it is not there."""
        try:
            return read(self.root().nodes)
        except errors.PodManagerNodeGone:
            self.forget()
        path = self.root().nodes
        try:
            return read(path)
        except errors.PodManagerNodeGone as exc:
            problem = "does not exist, though it is advertised"
            raise incomplete(self._client.base, path, problem) from exc

    def find(self, name: str) -> str | None:
        """Return the path of the newest node with this Redfish Name; None: there is none."""
        listing = self.listing(expanded=True)
        for path, member in reversed(listing.members):
            if member.get("Name", name) != name:
                continue
            try:
                if "Name" in member or self._client.get(path).get("Name") == name:
                    return path
            except errors.PodManagerNodeGone:
                continue
        listing.require_complete()
        return None

    def limitations(self, root: Root) -> list[Limitation]:
        """Return what cannot be composed, once the collection of nodes was read."""
        limitations = rsd_requirements.limitations(root.api_version)
        if self._allocate_target is None:
            limitations.append(rsd_requirements.NO_ALLOCATE)
        return limitations

    def allocate(
        self,
        name: str,
        description: str,
        properties: Mapping[str, Any],
        cancelled: Callable[[], bool] | None = None,
    ) -> str:
        """Allocate a node from the pool: one POST, never repeated.

        Nothing was allocated if the details of an error have ``sent: false``; they have
        ``accepted: true`` if it may still be.
        """
        with failures.before_sending():
            version = self.root().api_version
            body = rsd_requirements.allocation(name, description, properties, version)
        try:
            response = self._post_allocate(body)
            path = self._allocated_path(name, response, cancelled)
        except errors.PodManagerRefused as exc:
            raise errors.PodManagerRefused(
                f"The pod manager at {self._client.base} cannot allocate such a node. Require "
                "less, delete other nodes, or choose another pod manager.",
                reason=exc.own_words,
                answered=exc.details.get("answered"),
            ) from exc
        if path is None:
            raise errors.PodManagerFailed(
                f"The pod manager at {self._client.base} answered {response.status} to Allocate, "
                f"but has no node named {name!r}. See its log, and compose again.",
                reason=messages.reason(response.body),
            )
        LOG.info("Allocated node %s at %s on %s", name, path, self._client.base)
        return path

    def _post_allocate(self, body: dict[str, Any]) -> Response:
        with failures.before_sending():
            target = self._find_allocate_target()
        try:
            return self._client.post(target, body)
        except errors.PodManagerNodeGone:
            # The pod manager was upgraded: nothing was allocated.
            self.forget()
        with failures.before_sending():
            target = self._find_allocate_target()
        try:
            return self._client.post(target, body)
        except errors.PodManagerNodeGone as exc:
            raise errors.PodManagerFailed(
                f"The pod manager at {self._client.base} offers Allocate at {target}, and "
                "answers 404 there. See the log of the pod manager.",
                reason=exc.own_words,
                sent=False,
            ) from exc

    def _find_allocate_target(self) -> str:
        with self._lock:
            if self._allocate_target is None:
                self.read()
            if self._allocate_target is None:
                raise errors.PodManagerFailed(self._no_allocate())
            return self._allocate_target

    def _no_allocate(self) -> str:
        return (
            f"{self.root().nodes} of the pod manager at {self._client.base} does not offer the "
            "action Allocate: it cannot compose nodes."
        )

    def _allocated_path(
        self, name: str, response: Response, cancelled: Callable[[], bool] | None
    ) -> str | None:
        """Return the path of the node that was allocated, once it is; None: there is none.

        :raises PodManagerFailed: it takes longer than ``allocate_timeout``.
        """
        timeout = self._client.options.allocate_timeout
        path = self._node_in(response)
        try:
            if path is None and task.is_accepted(response):
                result = task.follow(self._client, response, within=timeout, cancelled=cancelled)
                path = self._node_in(result) if result else None
                if path is None and result is None and not task.monitors(response):
                    path = self._wait_for_node(name, timeout, cancelled)
        except conductor_errors.TimedOut as exc:
            raise errors.PodManagerFailed(
                f"The pod manager at {self._client.base} accepted to allocate node {name}, and "
                f"has not done so in {timeout:g} s. What it allocates later is released by an "
                "audit. See the log of the pod manager, or set [podmanagers] allocate_timeout.",
                accepted=True,
            ) from exc
        return path or self.find(name)

    def _wait_for_node(
        self, name: str, timeout: float, cancelled: Callable[[], bool] | None
    ) -> str:
        """Wait for a node of which nothing but its name is known."""
        return waiting.wait_until(
            lambda: self.find(name),
            deadline=waiting.deadline_in(timeout),
            interval=self._client.options.poll_interval,
            what=f"node {name} on the pod manager at {self._client.base}",
            cancelled=cancelled,
        )

    def _node_in(self, response: Response) -> str | None:
        """Return the path of the node that a response has; None: it has none."""
        references = (response.location, odata.path_of(response.body))
        return next(filter(None, map(self._node_path, references)), None)

    def _node_path(self, reference: str | None) -> str | None:
        """Return the path of a node; None for a reference to anything else, such as a task.

        :raises PodManagerFailed: the reference leads to another host.
        """
        if reference is None:
            return None
        path = self._client.local(reference)
        parent, _, name = odata.normal_path(path).rpartition("/")
        return path if name and odata.same_path(parent, self.root().nodes) else None
