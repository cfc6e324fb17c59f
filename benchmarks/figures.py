# SPDX-License-Identifier: Apache-2.0

"""Figures from the records of the peers."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
from typing import Any

Span = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class PeerTime:
    """The time and the requests of the peers in one measurement.

    :ivar podm: seconds during which a pod manager was busy.
    :ivar ironic: seconds during which Ironic was busy.
    :ivar any_peer: seconds during which at least one of them was busy.
    """

    podm: float
    ironic: float
    any_peer: float
    podm_requests: int
    ironic_requests: int


def covered(spans: Iterable[Span]) -> float:
    """Return the length of the union of spans, in seconds.

    Overlaps count once: a GET of a node during its assembly makes the pod manager
    busy for no longer than the assembly does.
    """
    seconds, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        seconds += max(0.0, end - max(begin, until))
        until = max(until, end)
    return seconds


def peer_time(records: Mapping[str, Any]) -> PeerTime:
    """Return the sums over the records of the peers.

    :param records: as :class:`benchmarks.peers.Peers` returns them.
    """
    ironic = [tuple(span) for span in records["ironic"]["spans"]]
    podm = [tuple(span) for record in records["podms"] for span in record["spans"]]
    return PeerTime(
        podm=covered(podm),
        ironic=covered(ironic),
        any_peer=covered(podm + ironic),
        podm_requests=sum(record["requests"] for record in records["podms"]),
        ironic_requests=records["ironic"]["requests"],
    )
