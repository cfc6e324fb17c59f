# SPDX-License-Identifier: Apache-2.0

"""Follow instances from one step to the next, for people to see."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import time
from typing import Any

from devstack.lab import lab as labs
from valence_integration import provisioner as provisioner_module
from valence_integration import states
import valenceclient


@dataclasses.dataclass(frozen=True)
class Request:
    """One server that the demonstration asks for."""

    name: str
    cores: int
    memory_gib: int
    storage_gib: int

    @property
    def requirements(self) -> dict[str, Any]:
        """Return it as Valence has it."""
        return {
            "processor": {"total_cores": self.cores},
            "memory": {"capacity_mib": self.memory_gib * 1024},
            "storage": [{"capacity_gib": self.storage_gib}],
        }

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.memory_gib} GiB, {self.storage_gib} GiB disk"


@dataclasses.dataclass
class Track:
    """One instance, and what it went through.

    :ivar steps: what it did, and when that began (seconds of the demonstration).
    :ivar ended: when it came to rest; None while it is on its way.
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
        """Return what it does, or where it rests."""
        return self.steps[-1][0] if self.steps else self.state

    def journey(self) -> Iterable[tuple[str, float]]:
        """Yield each step and the seconds that it took; a rest is no step."""
        ends = [began for _, began in self.steps[1:]]
        for (step, began), end in zip(self.steps, ends, strict=False):
            if step not in states.SETTLED:
                yield step, end - began


class Watch:
    """All instances of the demonstration, looked at again and again."""

    PACE = 0.15
    """Seconds between two looks."""

    def __init__(self, lab: labs.Lab, provisioner: provisioner_module.Provisioner) -> None:
        self.tracks: list[Track] = []
        self.pools: dict[str, dict[str, Any]] = {}
        self._lab = lab
        self._provisioner = provisioner
        self._valence = lab.valence_client()
        self._ironic = lab.ironic_client()
        self._began = time.monotonic()
        self._looked_far = 0.0
        self.look()

    @property
    def elapsed(self) -> float:
        """Return the seconds since the watch began."""
        return time.monotonic() - self._began

    def add(self, request: Request, deploy: Mapping[str, Any]) -> Track:
        """Ask for a server, and follow it."""
        instance = self._provisioner.provision(
            name=request.name, requirements=request.requirements, deploy=deploy
        )
        track = Track(request, instance.uuid)
        self.tracks.append(track)
        return track

    def destroy(self, tracks: Iterable[Track]) -> None:
        """Have servers destroyed."""
        for track in tracks:
            self._provisioner.destroy(track.uuid)
            track.ended = None

    def look(self) -> list[Track]:
        """Look at everything once; return the tracks that came to something new."""
        changed = [track for track in self.tracks if self._look_at(track)]
        if self.elapsed - self._looked_far > 0.5 or not self.pools:
            self._looked_far = self.elapsed
            self.pools = {name: pod.pool() for name, pod in self._lab.pods.items()}
            listed = self._ironic.node.list(limit=0, fields=["instance_uuid", "provision_state"])
            found = {node.instance_uuid: node.provision_state for node in listed}
            for track in self.tracks:
                track.in_ironic = found.get(track.uuid, "")
        return changed

    def _look_at(self, track: Track) -> bool:
        instance = self._provisioner.get(track.uuid)
        track.state, track.fault = instance.state, instance.fault
        track.podm_uuid = instance.podm_uuid or track.podm_uuid
        track.composed = bool(instance.composed)
        rests = instance.state in states.SETTLED
        step = instance.state if rests else self._step(instance)
        if step is None or (track.steps and step == track.step):
            return False
        track.steps.append((step, self.elapsed))
        if rests:
            track.ended = self.elapsed
        return True

    def _step(self, instance: Any) -> str | None:
        """Name what an instance does, while it is composed in the words of the service.

        None: it is between two steps.
        """
        task: str | None = instance.task
        if task != "compose-node":
            return task
        try:
            node = self._valence.nodes.get(instance.node_uuid)
        except valenceclient.errors.ValenceError:
            return task
        return node.task if node.state == "composing" else None


def at_rest(tracks: Iterable[Track]) -> bool:
    """Say whether nothing happens to any of them any more."""
    return all(track.ended is not None for track in tracks)
