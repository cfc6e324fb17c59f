# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


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
