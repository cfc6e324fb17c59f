# SPDX-License-Identifier: Apache-2.0

"""What every driver of pod managers offers, and what it answers with.

A driver speaks one dialect to one pod manager. It keeps no truth of its own:
what it remembers can be forgotten at any time. Every method may raise

- :class:`valence.errors.PodManagerUnreachable`: no answer; a change that was
  asked for may or may not have been made;
- :class:`valence.errors.PodManagerUnauthorized`: the credentials are no good;
- :class:`valence.errors.PodManagerFailed`: an answer that cannot be used.

Where it is certain that a request never reached the pod manager, the error's
details have ``sent: false``, and where it was not even tried, because nobody answers
there at present, ``asked: false``.
"""

import abc
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum
from typing import Any

from valence import errors
from valence.podmanagers import inventory


class State(enum.StrEnum):
    """Where a node stands with its pod manager (RSD 2.x, ComposedNodeState)."""

    ALLOCATING = "allocating"
    ALLOCATED = "allocated"
    ASSEMBLING = "assembling"
    ASSEMBLED = "assembled"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class ServiceInfo:
    """What a pod manager says of itself.

    :ivar api_version: of its dialect, such as ``2.4.0``; None when it has none.
    :ivar nodes: how many composed nodes it has, ours and others'.
    """

    name: str | None
    uuid: str | None
    redfish_version: str | None
    api_version: str | None
    nodes: int


@dataclasses.dataclass(frozen=True)
class NodeState:
    """How far a node has come.

    :ivar reason: the pod manager's own words, when it gives any.
    """

    state: State
    reason: str | None
    system_path: str | None
    power_state: str | None


@dataclasses.dataclass(frozen=True)
class ComposedNode:
    """A node as its pod manager has it.

    :ivar state: None for one that the dialect does not have.
    :ivar processor: ``count``, ``model``, ``cores``, each only when known.
    :ivar memory: ``capacity_mib``, only when known.
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
    parts: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Controls:
    """What a node lets itself be asked for just now.

    :ivar name: its Redfish Name; None: it has none.
    :ivar reset_target: where to ask for a reset; None: it cannot be reset.
    :ivar reset_types: the kinds of reset that it offers; None: it does not say.
    :ivar boot: property of its Boot object -> the values that it offers; None for
        one that it has and says nothing of.
    """

    name: str | None
    reset_target: str | None
    reset_types: Sequence[str] | None
    boot: Mapping[str, Sequence[str] | None]


@dataclasses.dataclass(frozen=True)
class Member:
    """A node of a collection, as far as it has been asked.

    :ivar name: its Redfish Name; None: not told, or it has none.
    """

    path: str
    name: str | None
    description: str | None


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
        """Find out whether this is such a pod manager and lets us in."""

    @abc.abstractmethod
    def allocate(self, name: str, description: str, properties: Mapping[str, Any]) -> str:
        """Take what a node needs out of the pool: one POST, never repeated.

        :param name: by which :meth:`find` finds the node if its answer is lost.
        :param properties: as in a flavor.
        :returns: path of the new node.
        :raises PodManagerRefused: it said no; ``reason`` has its own words.
        """

    @abc.abstractmethod
    def find(self, name: str) -> str | None:
        """Look for a node by its Redfish Name: the newest, if there are more."""

    @abc.abstractmethod
    def state(self, path: str) -> NodeState:
        """Look how far a node has come: one request.

        :raises PodManagerNodeGone: there is no such node.
        """

    @abc.abstractmethod
    def assemble(self, path: str) -> None:
        """Ask for an allocated node to be assembled; then look at its state.

        Asking for what is assembling or assembled already is fine.

        :raises PodManagerNodeGone: there is no such node.
        :raises PodManagerRefused: it is in no state to be assembled.
        """

    @abc.abstractmethod
    def read(self, path: str) -> ComposedNode:
        """Read a node: two requests at the most.

        :raises PodManagerNodeGone: there is no such node.
        """

    @abc.abstractmethod
    def controls(self, path: str) -> Controls:
        """Look what a node lets itself be asked for: one request.

        :raises PodManagerNodeGone: there is no such node.
        """

    @abc.abstractmethod
    def reset(self, controls: Controls, kind: str) -> None:
        """Reset a node: one POST, never repeated.

        :param kind: a Redfish ResetType, such as ``ForceOff``.
        :raises PodManagerNodeGone: there is no such node.
        :raises PodManagerRefused: it said no; ``reason`` has its own words.
        """

    @abc.abstractmethod
    def set_boot(self, path: str, override: Mapping[str, str]) -> None:
        """Say what a node boots from.

        :param override: members of Redfish's Boot object.
        :raises PodManagerNodeGone: there is no such node.
        :raises PodManagerRefused: it said no; ``reason`` has its own words.
        """

    @abc.abstractmethod
    def interfaces(self, system_path: str) -> Sequence[Interface]:
        """List the Ethernet interfaces of a node's system that have a MAC."""

    @abc.abstractmethod
    def delete(self, path: str) -> None:
        """Give a node back; that there is no such node is fine.

        :raises PodManagerRefused: it said no; ``reason`` has its own words.
        """

    @abc.abstractmethod
    def exists(self, path: str) -> bool:
        """Look whether a node is in the collection.

        A node that was deleted may go on answering GET: this does not ask it.
        """

    @abc.abstractmethod
    def members(self) -> Sequence[Member]:
        """List the nodes of the collection: one listing, with what it tells of each.

        :raises PodManagerFailed: it does not look like a listing of everything.
        """

    @abc.abstractmethod
    def member(self, path: str) -> Member:
        """Read who a node is: one request.

        :raises PodManagerNodeGone: there is no such node.
        """

    def inventory(self, known: Mapping[str, inventory.Details]) -> inventory.Inventory:
        """Read what the pod manager has: every system and rack, and who has which.

        :param known: path of a system -> what was learnt of it earlier; that is
            not asked for again as long as its fingerprint holds.
        :raises PodManagerFailed: what it lists cannot be all there is.
        :raises PodManagerRefused: a driver of this kind knows no inventory.
        """
        raise errors.PodManagerRefused(
            f"The driver {type(self).__name__} knows no inventory. Nodes are composed without."
        )

    @abc.abstractmethod
    def bmc(self, system_path: str) -> Mapping[str, Any]:
        """Say how Ironic reaches a node's system: its ``driver_info``."""

    @abc.abstractmethod
    def close(self) -> None:
        """Close the connections; a closed driver opens new ones when used."""
