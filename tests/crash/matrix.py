# SPDX-License-Identifier: Apache-2.0

"""The kill matrix: every flow, killed around everything that leaves it.

The points come from what a clean run did; nothing lists them by hand. With servers that
several share, each run has several victims: the first of them that comes to a point dies
there, and those who live go on, where a victim alone has a new one after it.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import itertools
import random
import time

from tests.crash import shared as shares
from tests.crash import trial
from tests.crash import world as worlds
from tests.crash.hook import Event
from tests.crash.hook import Strike
from tests.crash.scenarios import Scenario

#: How often a point that was not reached is tried: polls are not always as many.
TRIES = 3


@dataclasses.dataclass(frozen=True)
class Point:
    """One instant at which a victim dies."""

    scenario: Scenario
    event: Event
    phase: str

    def __str__(self) -> str:
        return f"{self.scenario.name}: {self.phase} {self.event.label} #{self.event.number}"

    @property
    def strike(self) -> Strike:
        """What happens there."""
        return Strike(self.event.label, self.event.number, self.phase)

    @property
    def sort(self) -> tuple[str, str, str]:
        """Points of one sort differ only in how often the same was done before."""
        return (self.scenario.name, self.event.label.partition(" after ")[0], self.phase)


@dataclasses.dataclass(frozen=True)
class Finding:
    """What came of one point."""

    point: Point
    reached: bool
    violations: Sequence[str]
    log: str
    seconds: float


def points(scenario: Scenario, events: Iterable[Event]) -> list[Point]:
    """List the instants of a clean run: polls of the same thing are their first and their last."""
    kept: list[Event] = []
    for label, alike in itertools.groupby(sorted(events), key=lambda event: event.label):
        all_of_it = list(alike)
        poll = label.startswith("GET") and len(all_of_it) > 2
        kept += [all_of_it[0], all_of_it[-1]] if poll else all_of_it
    return [Point(scenario, event, phase) for event in kept for phase in event.phases]


def sample(found: Sequence[Point], size: int, seed: int = 0) -> list[Point]:
    """Take a fair sample, with a point of every sort before a second of any."""
    rng = random.Random(seed)
    groups: dict[tuple[str, str, str], list[Point]] = {}
    for point in found:
        groups.setdefault(point.sort, []).append(point)
    order = list(groups.values())
    for group in order:
        rng.shuffle(group)
    rng.shuffle(order)
    # Of every scenario and phase first: a small sample has every kind of point.
    kinds: set[tuple[str, str]] = set()
    first: list[Point] = []
    rest: list[list[Point]] = []
    for group in order:
        kind = (group[0].scenario.name, group[0].phase)
        if kind not in kinds:
            kinds.add(kind)
            first.append(group.pop())
        rest.append(group)
    later = [point for row in itertools.zip_longest(*rest) for point in row if point is not None]
    return (first + later)[:size]


def kill(world: worlds.World, point: Point, servers: shares.Servers | None = None) -> Finding:
    """Kill a victim at a point, and see what the next one, or the other one, makes of it."""
    began = time.monotonic()
    strike = dataclasses.replace(point.strike, once=servers is not None)
    for _ in range(TRIES):
        done = _run(world, point.scenario, servers, [strike])
        if done.struck or done.violations:
            break
        # This time there were not as many polls.
        seen = [event.number for event in done.events if event.label == strike.label]
        strike = dataclasses.replace(strike, number=max(seen, default=1))
    if done.violations:
        world.renew()
    else:
        worlds.discard(done.folder)
    log = str(done.folder)
    return Finding(point, done.struck, done.violations, log, time.monotonic() - began)


def clean(
    world: worlds.World, scenario: Scenario, servers: shares.Servers | None = None
) -> Iterator[Point]:
    """Run a scenario that nobody strikes, and list its points.

    :raises AssertionError: it leaves something behind even so.
    """
    done = _run(world, scenario, servers)
    if done.violations:
        raise AssertionError(f"{scenario.name}, in peace: {done.violations} ({done.folder})")
    worlds.discard(done.folder)
    yield from points(scenario, done.events)


def _run(
    world: worlds.World,
    scenario: Scenario,
    servers: shares.Servers | None,
    strikes: Sequence[Strike] = (),
) -> trial.Trial:
    if servers is None:
        return trial.run(world, scenario, strikes)
    with servers.share(scenario.kind) as shared:
        return trial.run(world, scenario, strikes, shared)
