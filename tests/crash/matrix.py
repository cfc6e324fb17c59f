# SPDX-License-Identifier: Apache-2.0

"""The kill matrix: every flow, killed around every external effect.

The points are those of a clean run; no list of them is written by hand. With shared
servers each run has several victims: the first one to reach a point is killed there, and
the others continue. A single victim is replaced by a new one.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import itertools

from tests.crash import shared as crash_shared
from tests.crash import trial
from tests.crash import world as crash_world
from tests.crash.hook import Event
from tests.crash.hook import Strike
from tests.crash.scenarios import Scenario

#: Number of attempts at a point that was not reached: the number of polls varies.
ATTEMPTS = 3


@dataclasses.dataclass(frozen=True)
class Point:
    """One instant at which a victim is killed."""

    scenario: Scenario
    event: Event
    phase: str

    def __str__(self) -> str:
        return f"{self.scenario.name}: {self.phase} {self.event.label} #{self.event.number}"

    @property
    def strike(self) -> Strike:
        """The strike at this point."""
        return Strike(self.event.label, self.event.number, self.phase)

    @property
    def kind(self) -> tuple[str, str, str]:
        """Points of one kind differ only in the number of equal events before them."""
        return (self.scenario.name, self.event.label.partition(" after ")[0], self.phase)


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of a kill at one point.

    :ivar log: the folder of the victim.
    """

    point: Point
    reached: bool
    violations: Sequence[str]
    log: str


def points(scenario: Scenario, events: Iterable[Event]) -> list[Point]:
    """Return the points of a clean run; of repeated polls only the first and the last."""
    selected: list[Event] = []
    for label, group in itertools.groupby(sorted(events), key=lambda event: event.label):
        alike = list(group)
        is_poll = label.startswith("GET") and len(alike) > 2
        selected += [alike[0], alike[-1]] if is_poll else alike
    return [Point(scenario, event, phase) for event in selected for phase in event.phases]


def kill(
    world: crash_world.World, point: Point, servers: crash_shared.Servers | None = None
) -> Result:
    """Kill a victim at a point, and check what its successor, or the other victim, leaves."""
    strike = dataclasses.replace(point.strike, once=servers is not None)
    for _ in range(ATTEMPTS):
        outcome = _run(world, point.scenario, servers, [strike])
        if outcome.struck or outcome.violations:
            break
        # There were fewer polls this time.
        numbers = [event.number for event in outcome.events if event.label == strike.label]
        strike = dataclasses.replace(strike, number=max(numbers, default=1))
    if outcome.violations:
        world.reset()
    else:
        crash_world.discard(outcome.folder)
    return Result(point, outcome.struck, outcome.violations, str(outcome.folder))


def clean(
    world: crash_world.World, scenario: Scenario, servers: crash_shared.Servers | None = None
) -> Iterator[Point]:
    """Run a scenario without a strike, and yield its points.

    :raises AssertionError: it has violations.
    """
    outcome = _run(world, scenario, servers)
    if outcome.violations:
        raise AssertionError(
            f"{scenario.name}, without a kill: {outcome.violations} ({outcome.folder})"
        )
    crash_world.discard(outcome.folder)
    yield from points(scenario, outcome.events)


def _run(
    world: crash_world.World,
    scenario: Scenario,
    servers: crash_shared.Servers | None,
    strikes: Sequence[Strike] = (),
) -> trial.Trial:
    if servers is None:
        return trial.run(world, scenario, strikes)
    with servers.share(scenario.kind) as shared:
        return trial.run(world, scenario, strikes, shared)
