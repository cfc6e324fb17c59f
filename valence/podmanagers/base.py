# SPDX-License-Identifier: Apache-2.0

"""The interface of pod manager drivers, and the values that it returns.

A driver speaks one dialect to one pod manager. It holds no state that cannot be
read again: everything that it caches may be dropped at any time. Every method may raise

- :class:`valence.errors.PodManagerUnreachable`: no response; a requested change may or
  may not have been made;
- :class:`valence.errors.PodManagerUnauthorized`: the credentials are not accepted;
- :class:`valence.errors.PodManagerFailed`: a response that cannot be used.

Where a request certainly never reached the pod manager, the error's details have
``sent: false``; where it was not even attempted, because the pod manager is known not to
respond at present, they have ``asked: false`` as well.
"""

import abc
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum
from typing import Any

from valence import errors
from valence.podmanagers import inventory
from valence.podmanagers import service_identity
from valence.podmanagers.identity import Facts
from valence.podmanagers.limitation import Limitation


class State(enum.StrEnum):
    """The state of a node on its pod manager (RSD 2.x, ComposedNodeState)."""

    ALLOCATING = "allocating"
    ALLOCATED = "allocated"
    ASSEMBLING = "assembling"
    ASSEMBLED = "assembled"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class ServiceInfo:
    """What a pod manager reports about itself.

    :ivar api_version: of its dialect, such as ``2.4.0``; None when it has none.
    :ivar nodes: number of its composed nodes, those of other clients included.
    :ivar limitations: what cannot be composed on it.
    """

    name: str | None
    uuid: str | None
    redfish_version: str | None
    api_version: str | None
    nodes: int
    limitations: Sequence[Limitation] = ()


@dataclasses.dataclass(frozen=True)
class NodeState:
    """The progress of a node.

    :ivar reason: the pod manager's own words, if it has any.
    :ivar facts: by which the node is recognized, without those of its system.
    """

    state: State
    reason: str | None
    system_path: str | None
    power_state: str | None
    facts: Facts


@dataclasses.dataclass(frozen=True)
class ComposedNode:
    """A node as its pod manager reports it.

    :ivar state: None for a state that the dialect does not define.
    :ivar processor: ``count``, ``model``, ``cores``, each only when known.
    :ivar memory: ``capacity_mib``, only when known.
    :ivar facts: by which it is recognized.
    :ivar parts: paths of what it holds besides its system, pooled or not.
    """

    path: str
    name: str | None
    state: State | None
    reason: str | None
    system_path: str | None
    power_state: str | None
    processor: Mapping[str, Any]
    memory: Mapping[str, Any]
    facts: Facts
    parts: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Controls:
    """The actions and boot settings that a node offers at present.

    :ivar name: its Redfish Name; None: it has none.
    :ivar reset_target: path of the reset action; None: it cannot be reset.
    :ivar reset_types: the reset types that it offers; None: it does not list them.
    :ivar boot: property of its Boot object -> the values that it offers; None for a
        property whose values it does not list.
    """

    name: str | None
    reset_target: str | None
    reset_types: Sequence[str] | None
    boot: Mapping[str, Sequence[str] | None]


@dataclasses.dataclass(frozen=True)
class Interface:
    """An Ethernet interface of a system; ``mac`` in lower case with colons."""

    mac: str
    path: str
    speed_mbps: int | None


class Driver(abc.ABC):
    """Speak to one pod manager."""

    @abc.abstractmethod
    def check(self) -> ServiceInfo:
        """Check that this is a pod manager of the driver's kind and accepts the credentials."""

    def identify_service(self, *, systems: bool = False) -> service_identity.Service | None:
        """Read which service answers now: one request.

        :param systems: whether to read what tells its systems apart, too.
        :returns: None: the driver cannot tell one pod manager from another.
        :raises PodManagerFailed: its details have ``service: false`` if something answers
            that is no service of this kind, and no failure of one.
        """
        return None

    @abc.abstractmethod
    def allocate(
        self,
        name: str,
        description: str,
        properties: Mapping[str, Any],
        cancelled: Callable[[], bool] | None = None,
    ) -> str:
        """Allocate a node from the pool: one POST, never repeated.

        Wait while the pod manager has accepted the request, and not carried it out. The
        details of an error have ``accepted: true`` if it may still do so.

        :param name: by which :meth:`find` finds the node if the response is lost.
        :param properties: as in a flavor.
        :param cancelled: returns whether to stop waiting.
        :returns: path of the new node.
        :raises PodManagerRefused: it refused; ``reason`` has its own words.
        :raises Cancelled: ``cancelled`` returned True.
        """

    @abc.abstractmethod
    def find(self, name: str) -> str | None:
        """Return the path of the newest node with this Redfish Name; None: there is none."""

    @abc.abstractmethod
    def state(self, path: str) -> NodeState:
        """Read the state of a node: one request.

        :raises PodManagerNodeGone: there is no such node.
        """

    @abc.abstractmethod
    def assemble(self, path: str, cancelled: Callable[[], bool] | None = None) -> None:
        """Request the assembly of an allocated node; poll :meth:`state` for its end.

        Idempotent: a node that is being assembled, or is assembled already, is no error.

        :param cancelled: returns whether to stop waiting for the pod manager's task.
        :raises PodManagerNodeGone: there is no such node.
        :raises PodManagerRefused: its state does not allow it.
        """

    @abc.abstractmethod
    def read(self, path: str) -> ComposedNode:
        """Read a node: at most two requests.

        :raises PodManagerNodeGone: there is no such node.
        """

    @abc.abstractmethod
    def controls(self, path: str) -> Controls:
        """Read which actions and boot settings a node offers: one request.

        :raises PodManagerNodeGone: there is no such node.
        """

    @abc.abstractmethod
    def reset(self, controls: Controls, kind: str) -> None:
        """Reset a node: one POST, never repeated.

        :param kind: a Redfish ResetType, such as ``ForceOff``.
        :raises PodManagerNodeGone: there is no such node.
        :raises PodManagerRefused: it refused; ``reason`` has its own words.
        """

    @abc.abstractmethod
    def set_boot(self, path: str, override: Mapping[str, str]) -> None:
        """Set what a node boots from.

        :param override: members of Redfish's Boot object.
        :raises PodManagerNodeGone: there is no such node.
        :raises PodManagerRefused: it refused; ``reason`` has its own words.
        """

    @abc.abstractmethod
    def interfaces(self, system_path: str) -> Sequence[Interface]:
        """List the Ethernet interfaces of a node's system that have a MAC address."""

    @abc.abstractmethod
    def delete(self, path: str) -> None:
        """Delete a node and return its parts to the pool.

        Idempotent: a node that does not exist is no error.

        :raises PodManagerRefused: it refused; ``reason`` has its own words.
        """

    @abc.abstractmethod
    def exists(self, path: str) -> bool:
        """Return whether the collection lists a node.

        The node itself is not read: a deleted node may keep responding to GET.
        """

    @abc.abstractmethod
    def members(self) -> Sequence[Facts]:
        """List the nodes of the collection, with what one listing reports about each.

        :raises PodManagerFailed: the listing cannot be complete.
        """

    @abc.abstractmethod
    def member(self, path: str) -> Facts:
        """Read the facts of a node, without those of its system: one request.

        :raises PodManagerNodeGone: there is no such node.
        """

    @abc.abstractmethod
    def with_system(self, facts: Facts) -> Facts:
        """Read the facts of a node's system: one request.

        :returns: the facts with those of the system; unchanged if it has none, or if its
            system cannot be read, as that of a server without power.
        """

    def inventory(self, cached: Mapping[str, inventory.Details]) -> inventory.Inventory:
        """Read the pool: every system, rack and device, and which node holds which.

        :param cached: path -> details of an earlier inventory; they are not read again as
            long as their fingerprint is unchanged.
        :raises PodManagerFailed: a listing cannot be complete.
        :raises PodManagerRefused: the driver supports no inventory.
        """
        raise errors.PodManagerRefused(
            f"The driver {type(self).__name__} supports no inventory. Nodes can be composed "
            "without one."
        )

    @abc.abstractmethod
    def bmc(self, system_path: str) -> Mapping[str, Any]:
        """Return the ``driver_info`` by which Ironic reaches a node's system."""

    @abc.abstractmethod
    def close(self) -> None:
        """Close the connections; a closed driver opens new ones when used."""
