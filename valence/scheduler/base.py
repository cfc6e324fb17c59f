# SPDX-License-Identifier: Apache-2.0

"""The interfaces of filters and weighers, and what they get."""

import abc
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from oslo_config import cfg

from valence.objects import podmanager as podmanager_objects


@dataclasses.dataclass(frozen=True)
class Request:
    """What a node needs.

    :ivar properties: as in a flavor.
    :ivar named: whether the request itself names the pod manager.
    """

    properties: Mapping[str, Any]
    named: bool = False

    @property
    def tags(self) -> Sequence[str]:
        """The tags that a pod manager must have."""
        return self.properties.get("tags") or ()


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A pod manager, and its last inventory.

    :ivar nodes: of Valence on it.
    :ivar fresh: whether the inventory is complete and recent.
    :ivar shapes: its different systems, free or not, each with ``cores``,
        ``memory_mib``, ``processor_count`` and the lists ``processors``,
        ``drives`` and ``nics``.
    :ivar devices: type -> number of pooled devices.
    :ivar free: free systems that are large enough, less the nodes that are being composed;
        None: unknown.
    :ivar latency: seconds of a request; None: unknown.
    """

    podm: podmanager_objects.PodManager
    nodes: int = 0
    fresh: bool = False
    shapes: Sequence[Mapping[str, Any]] = ()
    devices: Mapping[str, int] = dataclasses.field(default_factory=dict)
    free: int | None = None
    latency: float | None = None


class Filter(abc.ABC):
    """Decides whether a pod manager is tried at all.

    :cvar may_pass: the reason may disappear by itself: such a pod manager is tried when
        all others have refused.
    :cvar even_named: applies to a pod manager that the request names, too.
    """

    may_pass = False
    even_named = False

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.options = conf.scheduler

    @abc.abstractmethod
    def refusal(self, candidate: Candidate, request: Request) -> str | None:
        """Return why a pod manager is not tried, as a sentence for users; None: it is."""


class Weigher(abc.ABC):
    """Decides which pod manager is tried first."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.options = conf.scheduler

    @property
    @abc.abstractmethod
    def weight(self) -> float:
        """The factor of this weigher beside the others."""

    @abc.abstractmethod
    def weigh(self, candidate: Candidate, request: Request) -> float | None:
        """Return a number, the larger the better; only order and proportions matter.

        None means unknown, and counts as the middle.
        """
