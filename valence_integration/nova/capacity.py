# SPDX-License-Identifier: Apache-2.0

"""What pod managers hold, and what they could still compose.

One look is four listings (pod managers, flavors, nodes, free systems), however many
compute nodes a process has. :meth:`Capacity.room` is the one place that says how much
more could be composed: a node for each free system that is large enough. A pod manager
whose systems Valence does not know is taken to have room until it refuses.
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

#: Fields of a node that are looked at: a listing of thousands stays small.
NODE_FIELDS = ("uuid", "podm_id", "flavor_id", "state")

#: Fields of a free system that are looked at.
SYSTEM_FIELDS = ("uuid", "podm_id", "cores", "memory_mib")

#: Nodes, or systems, on one page of the listing.
PAGE = 1000

#: What is composed from properties, and not from a flavor of Valence's.
NO_FLAVOR = None


@dataclasses.dataclass(frozen=True)
class Look:
    """What Valence said at one moment.

    :ivar pods: uuid to pod manager.
    :ivar flavors: uuid to flavor.
    :ivar nodes: uuid to node, whatever its state: it holds hardware.
    :ivar at: monotonic seconds.
    :ivar free: the free systems of all of them.
    """

    pods: Mapping[str, PodManager]
    flavors: Mapping[str, Flavor]
    nodes: Mapping[str, Node]
    at: float
    free: Sequence[System] = ()

    def on(self, pod: str) -> Iterator[Node]:
        """Yield the nodes of a pod manager."""
        return (node for node in self.nodes.values() if node.podm_id == pod)

    def is_well(self, pod: str) -> bool:
        """Tell whether a pod manager may be asked to compose."""
        known = self.pods.get(pod)
        return known is not None and known.enabled and known.status != "offline"

    def room(self, pod: str, flavor: str | None) -> int | None:
        """Count the free systems of a pod manager that are large enough for a flavor.

        :returns: None when Valence does not know its systems.
        """
        known = self.pods.get(pod)
        if known is None or not (known.usage.get("systems") or {}).get("total"):
            return None
        known_flavor = self.flavors.get(flavor or "")
        asked = known_flavor.properties if known_flavor else {}
        return sum(1 for system in self.free if system.podm_id == pod and _fits(system, asked))


@dataclasses.dataclass
class _Full:
    """A refusal: the pod manager is full for the flavor until one of these says otherwise."""

    until: float
    nodes: int | None = None


class Capacity:
    """Looks at Valence, and remembers who refused what.

    :param connect: makes the client; called when it is first needed.
    :param max_age: seconds for which one look is good.
    :param assumed_room: more nodes of a flavor, where nothing is known.
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
        self._full: dict[tuple[str, str | None], _Full] = {}
        self._last: Look | None = None
        self._expired = False
        self._lock = threading.Lock()

    def look(self) -> Look:
        """Look at everything, or return the last look while it is good.

        A failing answer leaves what is known, and so does an empty one for the pod
        managers that are known: see :meth:`is_gone`.

        :raises ValenceError: Valence did not answer, and never has.
        """
        with self._lock:
            last = self._last
            if last and not self._expired and time.monotonic() - last.at < self._max_age:
                return last
            try:
                self._last = self._read(last)
            except (errors.ValenceError, OSError) as exc:
                if last is None:
                    raise
                LOG.warning("Valence does not answer, the last known inventory stays: %s", exc)
                self._last = dataclasses.replace(last, at=time.monotonic())
            self._expired = False
            self._heed(self._last)
            return self._last

    def is_gone(self, pod: str) -> bool:
        """Ask Valence by name whether it knows a pod manager no more.

        :raises ValenceError: it does not say.
        """
        try:
            self._service().podmanagers.get(pod)
        except errors.NotFound:
            return True
        return False

    def is_released(self, node: str) -> bool:
        """Ask Valence by name whether it knows a node no more.

        :raises ValenceError: it does not say.
        """
        try:
            self._service().nodes.get(node)
        except errors.NotFound:
            return True
        return False

    def expire(self) -> None:
        """Have the next look be a new one: something was composed or given back."""
        self._expired = True

    def note_refusal(self, pod: str, flavor: str | None) -> None:
        """Take a pod manager to be full for a flavor.

        :param flavor: uuid; None for nodes that are composed from properties.
        """
        with self._lock:
            self._full[pod, flavor] = _Full(time.monotonic() + self._full_interval)
        self.expire()

    def room(self, pod: str, flavor: str | None) -> int:
        """Say how many more nodes of a flavor a pod manager could compose.

        :param flavor: uuid; None for nodes that are composed from properties.
        """
        if (pod, flavor) in self._full:
            return 0
        room = self._last.room(pod, flavor) if self._last else None
        return self._assumed_room if room is None else room

    def _read(self, last: Look | None) -> Look:
        valence = self._service()
        pods = {pod.uuid: pod for pod in valence.podmanagers.list()}
        for uuid, pod in (last.pods if last else {}).items():
            if uuid not in pods and not self.is_gone(uuid):
                pods[uuid] = pod
        flavors = {flavor.uuid: flavor for flavor in valence.flavors.list()}
        listed = valence.nodes.list(limit=PAGE, fields=NODE_FIELDS)
        nodes = {node.uuid: node for node in listed}
        free = tuple(valence.systems.list(state="free", limit=PAGE, fields=SYSTEM_FIELDS))
        return Look(pods, flavors, nodes, time.monotonic(), free)

    def _heed(self, look: Look) -> None:
        """Forget refusals that are old, or whose pod manager got something back since."""
        for (pod, flavor), full in list(self._full.items()):
            held = sum(1 for _node in look.on(pod))
            if time.monotonic() >= full.until or held < (full.nodes or 0):
                del self._full[pod, flavor]
            else:
                full.nodes = held

    def _service(self) -> Client:
        if self._client is None:
            self._client = self._connect()
        return self._client


def _fits(system: System, asked: Mapping[str, Any]) -> bool:
    """Tell whether a system is as large as what is asked for; what is not known may be."""
    wanted = (
        (system.cores, (asked.get("processor") or {}).get("total_cores")),
        (system.memory_mib, (asked.get("memory") or {}).get("capacity_mib")),
    )
    return all(has is None or want is None or has >= want for has, want in wanted)


def flavor_uuid(look: Look, ident: str | None) -> str | None:
    """Tell the uuid of a flavor that is named by it or by its name; None when unknown."""
    if ident is None or ident in look.flavors:
        return ident
    return next((uuid for uuid, flavor in look.flavors.items() if flavor.name == ident), None)


def by_room(capacity: Capacity, pods: Sequence[str], flavor: str | None) -> list[str]:
    """Sort pod managers by their room for a flavor, those that are well first."""
    look = capacity.look()
    held = {pod: sum(1 for _node in look.on(pod)) for pod in pods}
    return sorted(
        pods, key=lambda pod: (not look.is_well(pod), -capacity.room(pod, flavor), held[pod])
    )
