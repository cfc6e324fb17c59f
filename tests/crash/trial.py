# SPDX-License-Identifier: Apache-2.0

"""One trial: a victim runs a scenario and is killed, another continues, and all is checked.

The other one is a new victim on the same files, or, on a shared board, one that was
running all the time.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import pathlib
from typing import Any
import uuid as uuids

from tests.crash import harness
from tests.crash import process
from tests.crash import shared as crash_shared
from tests.crash import world as crash_world
from tests.crash.hook import Event
from tests.crash.hook import Strike
from tests.crash.scenarios import Scenario
from tests.crash.scenarios import Step

#: Number of victims at a time on a shared board.
SEVERAL = 2


@dataclasses.dataclass
class Trial:
    """The result of a trial.

    :ivar events: of the victims, until one died.
    :ivar struck: whether the strike was reached.
    :ivar violations: of the invariants.
    """

    events: list[Event]
    struck: bool
    violations: list[str]
    folder: pathlib.Path


def run(
    world: crash_world.World,
    scenario: Scenario,
    strikes: Sequence[Strike] = (),
    shared: crash_shared.Shared | None = None,
) -> Trial:
    """Run a scenario once.

    :param shared: servers of several victims, of which only the first is struck; None for
        a single victim.
    """
    trial = _TrialRun(world, scenario, shared)
    try:
        died = trial.act(strikes)
        if died:
            if shared is None:
                trial.start()  # of several victims, another one continues
            trial.insist()
        violations = trial.finish(scenario.ends)
    finally:
        trial.close()
    events, struck = trial.events()
    return Trial(events, struck, violations, trial.folder)


class _TrialRun(harness.Harness):
    """Victims on the same rows, one after the other or several at a time."""

    def __init__(
        self, world: crash_world.World, scenario: Scenario, shared: crash_shared.Shared | None
    ) -> None:
        super().__init__(world, scenario.kind, shared=shared)
        self._at_a_time = SEVERAL if shared else 1
        self.scenario = scenario
        self.uuid = str(uuids.uuid4())
        self._pending = list(scenario.act)

    def act(self, strikes: Sequence[Strike]) -> bool:
        """Run the steps of the scenario; return whether a victim died."""
        for _ in range(self._at_a_time):
            self.fork()
        if self.scenario.started:
            self.call_all("start")
            for step in self.scenario.prepare:
                self._step(step)
        for peer, fault in self.scenario.faults:
            self.world.fault(peer, fault)
        self.call_all("arm", strikes=[strike.json() for strike in strikes])
        try:
            while self._pending:
                self._step(self._pending[0])
                self._pending.pop(0)
            self.call_all("disarm")
        except process.ProcessDied:
            return True
        return False

    def insist(self) -> None:
        """Repeat the steps without a response, if the scenario insists."""
        if self.scenario.insist:
            for step in self._pending:
                self._step(step)

    def events(self) -> tuple[list[Event], bool]:
        """Return the events of the victims, each once, and whether a strike was reached."""
        file = self.folder / "events"
        lines = file.read_text().splitlines() if file.exists() else []
        unique = dict.fromkeys(line for line in lines if not line.startswith("!"))
        pairs = [line.rpartition("\t") for line in unique]
        struck = any(line.startswith("!") for line in lines)
        return [Event(label, int(number)) for label, _, number in pairs], struck

    def _step(self, step: Step) -> None:
        command, arguments = step
        if command == "settle":
            self.settle()
        elif command == "appears":
            self._wait_for_node()
        elif command == "start":
            self.call_all(command)
        else:
            self.victim.call(command, **self._fill_in(arguments))

    def _wait_for_node(self) -> None:
        """Wait until the pod manager has a node.

        :raises ProcessDied: no victim is alive.
        """

        def exists() -> bool:
            if not self.victim.is_alive():
                raise process.ProcessDied
            return bool(self.world.pool()["nodes"])

        if not crash_world.until(exists, harness.TIMEOUT):
            raise TimeoutError("the pod manager has no node")

    def _fill_in(self, value: Any) -> Any:
        """Return arguments with the uuid and the pod manager of this trial filled in."""
        if isinstance(value, Mapping):
            return {key: self._fill_in(inner) for key, inner in value.items()}
        if value == "$podm":
            return self.world.podm()
        return value.replace("$1", self.uuid) if isinstance(value, str) else value
