# SPDX-License-Identifier: Apache-2.0

"""Weighers: which of the pod managers that may compose a node is tried first."""

from valence.scheduler import base


class Capacity(base.Weigher):
    """Prefers the most free systems, or the fewest, as ``[scheduler] placement`` says."""

    @property
    def weight(self) -> float:
        """The factor of this weigher beside the others."""
        weight: float = self.options.capacity_weight
        return weight if self.options.placement == "spread" else -weight

    def weigh(self, candidate: base.Candidate, request: base.Request) -> float | None:
        """Return the number of free systems; if that is unknown, fewer nodes are better."""
        return float(-candidate.nodes if candidate.free is None else candidate.free)


class Latency(base.Weigher):
    """Prefers pod managers that answer quickly."""

    @property
    def weight(self) -> float:
        """The factor of this weigher beside the others."""
        weight: float = self.options.latency_weight
        return weight

    def weigh(self, candidate: base.Candidate, request: base.Request) -> float | None:
        """Return the negative duration of a request during the last refresh."""
        return None if candidate.latency is None else -candidate.latency
