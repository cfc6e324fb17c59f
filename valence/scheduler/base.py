# SPDX-License-Identifier: Apache-2.0

"""What filters and weighers look at, and what they are."""

import abc
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from oslo_config import cfg

from valence.objects import podmanager as podmanager_objects


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a node needs.

    :ivar properties: as in a flavor.
    :ivar named: whether the request names the pod manager itself.
    """

    properties: Mapping[str, Any]
    named: bool = False

    @property
    def tags(self) -> Sequence[str]:
        """The tags that a pod manager must have."""
        return self.properties.get("tags") or ()


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A pod manager, and what is known of it.

    :ivar nodes: of ours on it.
    :ivar fresh: whether what is known of its systems can be relied on.
    :ivar shapes: the different systems it has, each with ``cores``,
        ``memory_mib``, ``processor_count`` and the lists ``processors``,
        ``drives`` and ``nics``, whether a node has them or not.
    :ivar devices: type -> how many pooled devices it has.
    :ivar free: systems that are free, and large enough, less those that other
        nodes are just being composed of; None: not known.
    :ivar latency: seconds of a request; None: not known.
    """

    podm: podmanager_objects.PodManager
    nodes: int = 0
    fresh: bool = False
    shapes: Sequence[Mapping[str, Any]] = ()
    devices: Mapping[str, int] = dataclasses.field(default_factory=dict)
    free: int | None = None
    latency: float | None = None


class Filter(abc.ABC):
    """Decide whether a pod manager is asked at all.

    :cvar may_pass: what it refuses may be well again by itself: such a pod
        manager is asked when nobody else is left.
    :cvar even_named: it counts for a pod manager that the request names, too.
    """

    may_pass = False
    even_named = False

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.options = conf.scheduler

    @abc.abstractmethod
    def refusal(self, candidate: Candidate, asked: Asked) -> str | None:
        """Say why a pod manager is not asked, in words for people; None: it is."""


class Weigher(abc.ABC):
    """Decide who is asked first."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.options = conf.scheduler

    @property
    @abc.abstractmethod
    def weight(self) -> float:
        """How much it counts beside others."""

    @abc.abstractmethod
    def weigh(self, candidate: Candidate, asked: Asked) -> float | None:
        """Give a number, the larger the better; only its order and its proportions count.

        None: it cannot be told, which is as good as the middle.
        """
