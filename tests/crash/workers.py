# SPDX-License-Identifier: Apache-2.0

"""A pool of worker processes, each of which runs trials in a world of its own."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import select
import traceback
from typing import Any

from tests.crash import cases
from tests.crash import matrix
from tests.crash import process
from tests.crash import scenarios
from tests.crash import schedule
from tests.crash import seeds
from tests.crash import several
from tests.crash import shared
from tests.crash import world as crash_world

#: Timeout, in seconds, of a trial, which takes a few seconds.
TIMEOUT = 900.0


class WorkerPool:
    """Workers, each of which runs one command at a time.

    :param size: number of workers.
    :param serve: called in each worker; returns its commands, of which ``close`` ends it
        and returns whether there were violations.
    """

    def __init__(self, size: int, serve: Callable[[], process.Commands]) -> None:
        self._folder = crash_world.new_folder()
        self._workers = [
            process.Process(serve, self._folder / f"worker-{number}.log") for number in range(size)
        ]

    def map(self, command: str, each: Iterable[dict[str, Any]]) -> Iterator[tuple[Any, Any]]:
        """Run a command with each of the arguments; yield pairs of arguments and result."""
        pending = iter(each)
        busy: dict[int, tuple[process.Process, dict[str, Any]]] = {}
        idle = list(self._workers)
        while True:
            while idle:
                arguments = next(pending, None)
                if arguments is None:
                    break
                worker = idle.pop()
                worker.send(command, **arguments)
                busy[worker.fileno()] = (worker, arguments)
            if not busy:
                return
            ready, _, _ = select.select(list(busy), [], [], TIMEOUT)
            if not ready:
                raise TimeoutError(f"no result of {[running for _, running in busy.values()]}")
            for number in ready:
                worker, arguments = busy.pop(number)
                idle.append(worker)
                yield arguments, worker.result(TIMEOUT)

    def close(self) -> None:
        """End the workers; keep only the files of violations."""
        has_violations = False
        for worker in self._workers:
            try:
                has_violations = worker.call("close") or has_violations
            except (process.ProcessDied, process.CommandFailed, TimeoutError):
                has_violations = True
            worker.kill()
        if not has_violations:
            crash_world.discard(self._folder)


class Worker:
    """One worker, with a world of its own.

    :param ironic: URL of an Ironic to use instead of the stand-in.
    """

    def __init__(self, ironic: str | None) -> None:
        self._world = crash_world.World(ironic)
        self._servers: dict[str, shared.Servers] = {}

    def commands(self) -> process.Commands:
        """Return its commands; ``on`` names the board and the database of several victims."""
        return {
            "points": self.points,
            "kill": self.kill,
            "seed": self.seed,
            "case": self.case,
            "close": self.close,
        }

    def points(self, scenario: str, on: str | None) -> list[list[Any]]:
        """Return the points of a scenario: label, number and phase of each."""
        points = matrix.clean(self._world, scenarios.BY_NAME[scenario], self._servers_on(on))
        return [[point.event.label, point.event.number, point.phase] for point in points]

    def kill(
        self, scenario: str, label: str, number: int, phase: str, on: str | None
    ) -> list[Any]:
        """Kill at a point; return whether it was reached, the violations, and the folder."""
        point = matrix.Point(scenarios.BY_NAME[scenario], matrix.Event(label, number), phase)
        try:
            result = matrix.kill(self._world, point, self._servers_on(on))
        except Exception:  # the next points are played all the same
            self._world.reset()
            return [True, [traceback.format_exc()], "the log of the trial"]
        return [result.reached, list(result.violations), result.log]

    def seed(self, seed: int, kind: str, on: str | None) -> list[Any]:
        """Run a seed; return its kills, the last states, the violations, and the folder."""
        outcome = seeds.run(self._world, draw_schedule(seed, kind, on), self._servers_on(on))
        if outcome.violations:
            self._world.reset()
        else:
            crash_world.discard(outcome.folder)
        return [outcome.kills, outcome.ends, outcome.violations, str(outcome.folder)]

    def case(self, case: str) -> list[str]:
        """Run a named case; return its violations."""
        run = several.run if case in several.CASES else cases.run
        violations = run(self._world, case)
        if violations:
            self._world.reset()
        return violations

    def close(self) -> bool:
        """End all processes; return whether there were violations."""
        for servers in self._servers.values():
            servers.close()
        return self._world.finish()

    def _servers_on(self, on: str | None) -> shared.Servers | None:
        if on is None:
            return None
        if on not in self._servers:
            self._servers[on] = shared.Servers(*on.split("+"))
        return self._servers[on]


def arguments(point: matrix.Point, on: str | None) -> dict[str, Any]:
    """Return the arguments of :meth:`Worker.kill` for a point."""
    return {
        "scenario": point.scenario.name,
        "label": point.event.label,
        "number": point.event.number,
        "phase": point.phase,
        "on": on,
    }


def draw_schedule(seed: int, kind: str, on: str | None) -> schedule.Schedule:
    """Return the schedule of a seed, for several conductors if ``on`` is set."""
    draw = schedule.draw if on is None else schedule.draw_several
    return draw(seed, kind)
