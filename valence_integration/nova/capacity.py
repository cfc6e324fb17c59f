# SPDX-License-Identifier: Apache-2.0

"""What pod managers hold, and how much more they could compose.

A snapshot costs four listings (pod managers, flavors, nodes, free systems), however many
compute nodes a process has. :meth:`Capacity.room` is the only place that decides how much
more could be composed: one node for each free system that is large enough. A pod manager
whose systems Valence does not know is assumed to have room until it refuses.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import threading
import time
from typing import Any

from oslo_log import log as logging

from valenceclient import errors
from valenceclient.client import Client
from valenceclient.flavor import Flavor
from valenceclient.node import Node
from valenceclient.podmanager import PodManager
from valenceclient.system import System

LOG = logging.getLogger(__name__)

#: The fields of a node that are used: a listing of thousands stays small.
NODE_FIELDS = ("uuid", "podm_id", "flavor_id", "state")

#: The fields of a free system that are used.
SYSTEM_FIELDS = ("uuid", "podm_id", "cores", "memory_mib")

#: Nodes, or systems, on one page of a listing.
PAGE_SIZE = 1000

#: The status of pod managers that compose nothing now.
OUT_OF_USE = frozenset({"offline", "mismatched"})

#: The flavor of nodes that are composed from properties instead.
NO_FLAVOR = None


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The resources of Valence at one moment.

    :ivar podmanagers: uuid to pod manager.
    :ivar flavors: uuid to flavor.
    :ivar nodes: uuid to node, in every state: each holds hardware.
    :ivar taken_at: monotonic seconds.
    :ivar free_systems: of all pod managers.
    """

    podmanagers: Mapping[str, PodManager]
    flavors: Mapping[str, Flavor]
    nodes: Mapping[str, Node]
    taken_at: float
    free_systems: Sequence[System] = ()

    def nodes_on(self, podm_id: str) -> Iterator[Node]:
        """Yield the nodes of a pod manager."""
        return (node for node in self.nodes.values() if node.podm_id == podm_id)

    def is_usable(self, podm_id: str) -> bool:
        """Return whether a pod manager can be requested to compose."""
        podmanager = self.podmanagers.get(podm_id)
        return (
            podmanager is not None and podmanager.enabled and podmanager.status not in OUT_OF_USE
        )

    def room(self, podm_id: str, flavor_id: str | None) -> int | None:
        """Count the free systems of a pod manager that are large enough for a flavor.

        :returns: None when Valence does not know its systems.
        """
        podmanager = self.podmanagers.get(podm_id)
        if podmanager is None or not (podmanager.usage.get("systems") or {}).get("total"):
            return None
        flavor = self.flavors.get(flavor_id or "")
        properties = flavor.properties if flavor else {}
        return sum(
            1
            for system in self.free_systems
            if system.podm_id == podm_id and _fits(system, properties)
        )


@dataclasses.dataclass
class _Refusal:
    """A pod manager counts as full for a flavor, until one of these conditions ends it.

    :ivar expires_at: monotonic seconds.
    :ivar node_count: nodes on the pod manager; fewer mean that one was released.
    """

    expires_at: float
    node_count: int | None = None


class Capacity:
    """Caches a snapshot of Valence, and remembers which pod managers refused which flavors.

    :param connect: makes the client; called when it is first needed.
    :param max_age: seconds for which a snapshot is valid.
    :param assumed_room: further nodes of a flavor, where the systems are not known.
    :param full_interval: seconds for which a refusal counts.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        max_age: float,
        assumed_room: int,
        full_interval: float,
    ) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._max_age = max_age
        self._assumed_room = assumed_room
        self._full_interval = full_interval
        self._refusals: dict[tuple[str, str | None], _Refusal] = {}
        self._cached: Snapshot | None = None
        self._expired = False
        self._lock = threading.Lock()

    def snapshot(self) -> Snapshot:
        """Return the cached snapshot while it is valid, else a new one.

        When a request fails, the cached snapshot stays. A known pod manager that a listing
        leaves out also stays, until :meth:`is_podmanager_deleted` confirms that it is gone.

        :raises ValenceError: Valence did not answer, and never has.
        """
        with self._lock:
            cached = self._cached
            if cached and not self._expired and time.monotonic() - cached.taken_at < self._max_age:
                return cached
            try:
                self._cached = self._fetch(cached)
            except (errors.ValenceError, OSError) as exc:
                if cached is None:
                    raise
                LOG.warning("Valence is unavailable, the last known inventory stays: %s", exc)
                self._cached = dataclasses.replace(cached, taken_at=time.monotonic())
            self._expired = False
            self._drop_refusals(self._cached)
            return self._cached

    def is_podmanager_deleted(self, podm_id: str) -> bool:
        """Request one pod manager, and return whether Valence answers that it has none.

        :raises ValenceError: Valence did not answer, or refused.
        """
        return _is_absent(lambda: self._get_client().podmanagers.get(podm_id))

    def is_node_deleted(self, node_uuid: str) -> bool:
        """Request one node, and return whether Valence answers that it has none.

        :raises ValenceError: Valence did not answer, or refused.
        """
        return _is_absent(lambda: self._get_client().nodes.get(node_uuid))

    def expire(self) -> None:
        """Make the next snapshot a new one: a node was composed or released."""
        self._expired = True

    def record_refusal(self, podm_id: str, flavor_id: str | None) -> None:
        """Count a pod manager as full for a flavor.

        :param flavor_id: None for nodes that are composed from properties.
        """
        with self._lock:
            expires_at = time.monotonic() + self._full_interval
            self._refusals[podm_id, flavor_id] = _Refusal(expires_at)
        self.expire()

    def room(self, podm_id: str, flavor_id: str | None) -> int:
        """Return how many more nodes of a flavor a pod manager could compose.

        :param flavor_id: None for nodes that are composed from properties.
        """
        if (podm_id, flavor_id) in self._refusals:
            return 0
        room = self._cached.room(podm_id, flavor_id) if self._cached else None
        return self._assumed_room if room is None else room

    def _fetch(self, previous: Snapshot | None) -> Snapshot:
        client = self._get_client()
        podmanagers = {podmanager.uuid: podmanager for podmanager in client.podmanagers.list()}
        for uuid, podmanager in (previous.podmanagers if previous else {}).items():
            if uuid not in podmanagers and not self.is_podmanager_deleted(uuid):
                podmanagers[uuid] = podmanager
        flavors = {flavor.uuid: flavor for flavor in client.flavors.list()}
        listing = client.nodes.list(limit=PAGE_SIZE, fields=NODE_FIELDS)
        nodes = {node.uuid: node for node in listing}
        systems = client.systems.list(state="free", limit=PAGE_SIZE, fields=SYSTEM_FIELDS)
        return Snapshot(podmanagers, flavors, nodes, time.monotonic(), tuple(systems))

    def _drop_refusals(self, snapshot: Snapshot) -> None:
        """Drop refusals that have expired, or whose pod manager released a node since."""
        for (podm_id, flavor_id), refusal in list(self._refusals.items()):
            node_count = sum(1 for _node in snapshot.nodes_on(podm_id))
            if time.monotonic() >= refusal.expires_at or node_count < (refusal.node_count or 0):
                del self._refusals[podm_id, flavor_id]
            else:
                refusal.node_count = node_count

    def _get_client(self) -> Client:
        if self._client is None:
            self._client = self._connect()
        return self._client


def _is_absent(request: Callable[[], object]) -> bool:
    """Return whether Valence itself answers that it does not have a resource.

    :raises ValenceError: it did not: the 404 of a proxy, or of another service, is none.
    """
    try:
        request()
    except errors.NotFound as exc:
        if (exc.code or "").endswith(".not_found"):
            return True
        raise
    return False


def _fits(system: System, properties: Mapping[str, Any]) -> bool:
    """Return whether a system is large enough; a size that is not known counts as enough."""
    sizes = (
        (system.cores, (properties.get("processor") or {}).get("total_cores")),
        (system.memory_mib, (properties.get("memory") or {}).get("capacity_mib")),
    )
    return all(
        actual is None or required is None or actual >= required for actual, required in sizes
    )


def find_flavor_id(snapshot: Snapshot, ident: str | None) -> str | None:
    """Return the uuid of the flavor with this uuid or name, or None."""
    if ident is None or ident in snapshot.flavors:
        return ident
    return next((uuid for uuid, flavor in snapshot.flavors.items() if flavor.name == ident), None)


def sort_by_room(capacity: Capacity, podm_ids: Sequence[str], flavor_id: str | None) -> list[str]:
    """Sort pod managers by their room for a flavor, usable ones first."""
    snapshot = capacity.snapshot()
    node_counts = {podm_id: sum(1 for _node in snapshot.nodes_on(podm_id)) for podm_id in podm_ids}
    return sorted(
        podm_ids,
        key=lambda podm_id: (
            not snapshot.is_usable(podm_id),
            -capacity.room(podm_id, flavor_id),
            node_counts[podm_id],
        ),
    )
