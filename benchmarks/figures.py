# SPDX-License-Identifier: Apache-2.0

"""From what the peers wrote down to figures."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
from typing import Any

Span = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Taken:
    """What the peers took for so many instances.

    :ivar podm: seconds during which a pod manager was at work.
    :ivar ironic: the same of Ironic.
    :ivar together: seconds during which any of them was at work.
    """

    podm: float
    ironic: float
    together: float
    podm_requests: int
    ironic_requests: int


def covered(spans: Iterable[Span]) -> float:
    """Tell for how many seconds at least one of the spans lasted.

    A look at a node that is being assembled takes the pod manager no longer than
    assembling does: what overlaps counts once.
    """
    seconds, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        seconds += max(0.0, end - max(begin, until))
        until = max(until, end)
    return seconds


def taken(said: Mapping[str, Any]) -> Taken:
    """Add up what the peers said that they took."""
    ironic = [tuple(span) for span in said["ironic"]["spans"]]
    podm = [tuple(span) for one in said["podms"] for span in one["spans"]]
    return Taken(
        podm=covered(podm),
        ironic=covered(ironic),
        together=covered(podm + ironic),
        podm_requests=sum(one["requests"] for one in said["podms"]),
        ironic_requests=said["ironic"]["requests"],
    )
