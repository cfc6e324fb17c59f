# SPDX-License-Identifier: Apache-2.0

"""Weighers: who of those who may compose a node is asked first."""

from valence.scheduler import base


class Capacity(base.Weigher):
    """Prefer those with the most free systems, or with the fewest, as is configured."""

    @property
    def weight(self) -> float:
        """How much it counts."""
        weight: float = self.options.capacity_weight
        return weight if self.options.placement == "spread" else -weight

    def weigh(self, candidate: base.Candidate, asked: base.Asked) -> float | None:
        """Count what is free; what is not known is told from the nodes that are there."""
        return float(-candidate.nodes if candidate.free is None else candidate.free)


class Latency(base.Weigher):
    """Prefer those who answer quickly."""

    @property
    def weight(self) -> float:
        """How much it counts."""
        weight: float = self.options.latency_weight
        return weight

    def weigh(self, candidate: base.Candidate, asked: base.Asked) -> float | None:
        """Take what a request took when the pod manager was last read."""
        return None if candidate.latency is None else -candidate.latency
