# SPDX-License-Identifier: Apache-2.0

"""One trial: a victim does something, is struck, another goes on, and the books are looked at.

The other is a new one on the same files, or, on a board that several share, one that was
there all the time.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import pathlib
from typing import Any
import uuid as uuids

from tests.crash import process
from tests.crash import shared as shares
from tests.crash import stage
from tests.crash import world as worlds
from tests.crash.hook import Event
from tests.crash.hook import Strike
from tests.crash.scenarios import Scenario
from tests.crash.scenarios import Step

#: How many victims there are at a time where there is more than one.
SEVERAL = 2


@dataclasses.dataclass
class Trial:
    """What came of it.

    :ivar events: what left the victims, until one died.
    :ivar struck: whether the strike was reached.
    :ivar violations: what is not as it must be; empty is well.
    """

    events: list[Event]
    struck: bool
    violations: list[str]
    folder: pathlib.Path


def run(
    world: worlds.World,
    scenario: Scenario,
    strikes: Sequence[Strike] = (),
    shared: shares.Shared | None = None,
) -> Trial:
    """Try a scenario once.

    :param shared: by several victims at the same time, of whom only the first is struck;
        None for one victim.
    """
    one = _Run(world, scenario, shared)
    try:
        died = one.act(strikes)
        if died:
            if shared is None:
                one.start()  # of several, whoever lives goes on
            one.insist()
        violations = one.conclude(scenario.ends)
    finally:
        one.close()
    events, struck = one.events()
    return Trial(events, struck, violations, one.folder)


class _Run(stage.Stage):
    """One victim after the other, or several at a time, on the same rows."""

    def __init__(
        self, world: worlds.World, scenario: Scenario, shared: shares.Shared | None
    ) -> None:
        super().__init__(world, scenario.kind, shared=shared)
        self._at_a_time = SEVERAL if shared else 1
        self.scenario = scenario
        self.uuid = str(uuids.uuid4())
        self._left = list(scenario.act)

    def act(self, strikes: Sequence[Strike]) -> bool:
        """Let the victims do their work; tell whether whoever was asked died of it."""
        for _ in range(self._at_a_time):
            self.fork()
        if self.scenario.started:
            self.all("start")
            for step in self.scenario.prepare:
                self._step(step)
        for peer, fault in self.scenario.faults:
            self.world.fault(peer, fault)
        self.all("arm", strikes=[strike.json() for strike in strikes])
        try:
            while self._left:
                self._step(self._left[0])
                self._left.pop(0)
            self.all("disarm")
        except process.Died:
            return True
        return False

    def insist(self) -> None:
        """Ask again, if the scenario's user does, for what was not answered."""
        if self.scenario.insist:
            for step in self._left:
                self._step(step)

    def events(self) -> tuple[list[Event], bool]:
        """Read what left the victims, each thing once, and whether a strike was reached."""
        file = self.folder / "events"
        lines = file.read_text().splitlines() if file.exists() else []
        written = dict.fromkeys(line for line in lines if not line.startswith("!"))
        pairs = [line.rpartition("\t") for line in written]
        struck = any(line.startswith("!") for line in lines)
        return [Event(label, int(number)) for label, _, number in pairs], struck

    def _step(self, step: Step) -> None:
        command, arguments = step
        if command == "settle":
            self.settle()
        elif command == "appears":
            self._appears()
        elif command == "start":
            self.all(command)
        else:
            self.victim.call(command, **self._filled(arguments))

    def _appears(self) -> None:
        """Wait until the pod manager has a node.

        :raises Died: no victim lived to see it.
        """

        def done() -> bool:
            if not self.victim.alive():
                raise process.Died
            return bool(self.world.pool()["nodes"])

        if not worlds.until(done, stage.PATIENCE):
            raise TimeoutError("there is no node on the pod manager")

    def _filled(self, value: Any) -> Any:
        """Put the uuid of this trial, and what is known of the world, into arguments."""
        if isinstance(value, Mapping):
            return {key: self._filled(inner) for key, inner in value.items()}
        if value == "$podm":
            return self.world.podm()
        return value.replace("$1", self.uuid) if isinstance(value, str) else value
