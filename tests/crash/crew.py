# SPDX-License-Identifier: Apache-2.0

"""A crew: processes that kill, play and look, each in a world of its own."""

from collections.abc import Iterable
from collections.abc import Iterator
import select
from typing import Any

from tests.crash import cases
from tests.crash import matrix
from tests.crash import process
from tests.crash import scenarios
from tests.crash import schedule
from tests.crash import seeds
from tests.crash import several
from tests.crash import shared
from tests.crash import world as worlds

#: A trial takes seconds; one that takes so many hangs.
HANGS = 900.0


class Crew:
    """Workers, each with a world of its own, that take one thing after the other."""

    def __init__(self, size: int, ironic: str | None = None) -> None:
        self._folder = worlds.new_folder()
        self._workers = [
            process.Process(
                lambda: Worker(ironic).commands(), self._folder / f"worker-{number}.log"
            )
            for number in range(size)
        ]

    def do(self, command: str, each: Iterable[dict[str, Any]]) -> Iterator[tuple[Any, Any]]:
        """Have a command done with each of the arguments: pairs of these and the answer."""
        waiting = iter(each)
        busy: dict[int, tuple[process.Process, dict[str, Any]]] = {}
        idle = list(self._workers)
        while True:
            while idle:
                arguments = next(waiting, None)
                if arguments is None:
                    break
                worker = idle.pop()
                worker.send(command, **arguments)
                busy[worker.fileno()] = (worker, arguments)
            if not busy:
                return
            ready, _, _ = select.select(list(busy), [], [], HANGS)
            if not ready:
                raise TimeoutError(f"nothing comes of {[done for _, done in busy.values()]}")
            for number in ready:
                worker, arguments = busy.pop(number)
                idle.append(worker)
                yield arguments, worker.answer(HANGS)

    def close(self) -> None:
        """End the workers, and leave no files but those of what was found."""
        found = False
        for worker in self._workers:
            try:
                found = worker.call("close") or found
            except (process.Died, process.Failed, TimeoutError):
                found = True
            worker.kill()
        if not found:
            worlds.discard(self._folder)


class Worker:
    """One of a crew, in a process and with a world of its own.

    :param ironic: URL of an Ironic to use instead of the stand-in.
    """

    def __init__(self, ironic: str | None) -> None:
        self._world = worlds.World(ironic)
        self._servers: dict[str, shared.Servers] = {}

    def commands(self) -> process.Commands:
        """Give what it can be told; ``on`` is a board and a database of several victims."""
        return {
            "points": self.points,
            "kill": self.kill,
            "seed": self.seed,
            "case": self.case,
            "close": self.close,
        }

    def points(self, scenario: str, on: str | None) -> list[list[Any]]:
        """List the points of a scenario: label, number and phase of each."""
        found = matrix.clean(self._world, scenarios.BY_NAME[scenario], self._served(on))
        return [[point.event.label, point.event.number, point.phase] for point in found]

    def kill(
        self, scenario: str, label: str, number: int, phase: str, on: str | None
    ) -> list[Any]:
        """Kill at a point: whether it was reached, what was violated, and the files."""
        point = matrix.Point(scenarios.BY_NAME[scenario], matrix.Event(label, number), phase)
        found = matrix.kill(self._world, point, self._served(on))
        return [found.reached, list(found.violations), found.log]

    def seed(self, seed: int, kind: str, on: str | None) -> list[Any]:
        """Play a seed: its kills, how rows ended, what was violated, and the files."""
        done = seeds.play(self._world, drawn(seed, kind, on), self._served(on))
        if done.violations:
            self._world.renew()
        else:
            worlds.discard(done.folder)
        return [done.kills, done.ends, done.violations, str(done.folder)]

    def case(self, case: str) -> list[str]:
        """Play a named case: what was violated."""
        play = several.play if case in several.CASES else cases.play
        found = play(self._world, case)
        if found:
            self._world.renew()
        return found

    def close(self) -> bool:
        """End everything; whether anything was found."""
        for made in self._servers.values():
            made.close()
        return self._world.finish()

    def _served(self, on: str | None) -> shared.Servers | None:
        if on is None:
            return None
        if on not in self._servers:
            self._servers[on] = shared.Servers(*on.split("+"))
        return self._servers[on]


def arguments(point: matrix.Point, on: str | None) -> dict[str, Any]:
    """Give what a worker is told to have a victim killed at a point."""
    return {
        "scenario": point.scenario.name,
        "label": point.event.label,
        "number": point.event.number,
        "phase": point.phase,
        "on": on,
    }


def drawn(seed: int, kind: str, on: str | None) -> schedule.Schedule:
    """Draw a seed's schedule, for several conductors if they are on something."""
    draw = schedule.draw if on is None else schedule.draw_several
    return draw(seed, kind)
