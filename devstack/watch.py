# SPDX-License-Identifier: Apache-2.0

"""Follow instances from step to step, for the output of the demonstration."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import time
from typing import Any

from devstack.lab.lab import Lab
from valence_integration import states
from valence_integration.provisioner import Provisioner
import valenceclient


@dataclasses.dataclass(frozen=True)
class Request:
    """The request for one server."""

    name: str
    cores: int
    memory_gib: int
    storage_gib: int

    @property
    def requirements(self) -> dict[str, Any]:
        """The requirements, as Valence defines them."""
        return {
            "processor": {"total_cores": self.cores},
            "memory": {"capacity_mib": self.memory_gib * 1024},
            "storage": [{"capacity_gib": self.storage_gib}],
        }

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.memory_gib} GiB, {self.storage_gib} GiB disk"


@dataclasses.dataclass
class Track:
    """One instance and its steps.

    :ivar steps: each step, and its start in seconds since the watch started.
    :ivar ended: when the instance was settled, in the same seconds; None before.
    """

    request: Request
    uuid: str
    steps: list[tuple[str, float]] = dataclasses.field(default_factory=list)
    state: str = states.PROVISIONING
    composed: bool = False
    podm_uuid: str | None = None
    in_ironic: str = ""
    fault: Mapping[str, Any] | None = None
    ended: float | None = None

    @property
    def step(self) -> str:
        """The current step, or the state in which the instance is settled."""
        return self.steps[-1][0] if self.steps else self.state

    def timings(self) -> Iterable[tuple[str, float]]:
        """Yield each step with its seconds, without the states in which nothing runs."""
        ends = [start for _, start in self.steps[1:]]
        for (step, start), end in zip(self.steps, ends, strict=False):
            if step not in states.SETTLED:
                yield step, end - start


class Watch:
    """All instances of the demonstration, polled."""

    INTERVAL = 0.15
    """Seconds between two polls."""

    def __init__(self, lab: Lab, provisioner: Provisioner) -> None:
        self.tracks: list[Track] = []
        self.pools: dict[str, dict[str, Any]] = {}
        self._lab = lab
        self._provisioner = provisioner
        self._valence = lab.valence_client()
        self._ironic = lab.ironic_client()
        self._started_at = time.monotonic()
        self._pools_read_at = 0.0
        self.refresh()

    @property
    def elapsed(self) -> float:
        """Seconds since the watch started."""
        return time.monotonic() - self._started_at

    def add(self, request: Request, deploy: Mapping[str, Any]) -> Track:
        """Request a server; return its track."""
        instance = self._provisioner.provision(
            name=request.name, requirements=request.requirements, deploy=deploy
        )
        track = Track(request, instance.uuid)
        self.tracks.append(track)
        return track

    def destroy(self, tracks: Iterable[Track]) -> None:
        """Destroy servers."""
        for track in tracks:
            self._provisioner.destroy(track.uuid)
            track.ended = None

    def refresh(self) -> list[Track]:
        """Poll everything once; return the tracks with a new step."""
        changed = [track for track in self.tracks if self._refresh(track)]
        if self.elapsed - self._pools_read_at > 0.5 or not self.pools:
            self._pools_read_at = self.elapsed
            self.pools = {name: pod.pool() for name, pod in self._lab.pods.items()}
            nodes = self._ironic.node.list(limit=0, fields=["instance_uuid", "provision_state"])
            provision_states = {node.instance_uuid: node.provision_state for node in nodes}
            for track in self.tracks:
                track.in_ironic = provision_states.get(track.uuid, "")
        return changed

    def _refresh(self, track: Track) -> bool:
        instance = self._provisioner.get(track.uuid)
        track.state, track.fault = instance.state, instance.fault
        track.podm_uuid = instance.podm_uuid or track.podm_uuid
        track.composed = bool(instance.composed)
        is_settled = instance.state in states.SETTLED
        step = instance.state if is_settled else self._step(instance)
        if step is None or (track.steps and step == track.step):
            return False
        track.steps.append((step, self.elapsed))
        if is_settled:
            track.ended = self.elapsed
        return True

    def _step(self, instance: Any) -> str | None:
        """Return the task of an instance, during compose-node that of its node.

        None: it is between two tasks.
        """
        task: str | None = instance.task
        if task != "compose-node":
            return task
        try:
            node = self._valence.nodes.get(instance.node_uuid)
        except valenceclient.errors.ValenceError:
            return task
        return node.task if node.state == "composing" else None


def all_settled(tracks: Iterable[Track]) -> bool:
    """Return whether all instances are settled."""
    return all(track.ended is not None for track in tracks)
