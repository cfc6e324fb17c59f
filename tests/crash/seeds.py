# SPDX-License-Identifier: Apache-2.0

"""Run a schedule, and check the invariants."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import time
from typing import Any

from tests.crash import configuration
from tests.crash import harness
from tests.crash import process
from tests.crash import schedule as crash_schedule
from tests.crash import shared as crash_shared
from tests.crash import world as crash_world
from tests.crash.hook import Strike
from tests.crash.process import Process

#: kind of victim -> the states in which its rows may end, depending on the schedule
ENDS = {
    "plugin": frozenset({"active", "deleted", "error"}),
    "service": frozenset({"composed", "error"}),
}

#: Status of a response that no fault explains.
UNEXPECTED = 500


@dataclasses.dataclass
class Outcome:
    """The result of a seed.

    :ivar kills: number of conductors and of Valences that died.
    :ivar ends: the last states of the instances, or the nodes.
    """

    kills: int
    ends: list[str]
    violations: list[str]
    folder: pathlib.Path


def run(
    world: crash_world.World,
    schedule: crash_schedule.Schedule,
    servers: crash_shared.Servers | None = None,
) -> Outcome:
    """Run a schedule once.

    :param servers: those that several conductors share.
    """
    if servers is None:
        return _run(world, schedule)
    with servers.share(schedule.kind) as shared:
        return _run(world, schedule, shared)


def _run(
    world: crash_world.World,
    schedule: crash_schedule.Schedule,
    shared: crash_shared.Shared | None = None,
) -> Outcome:
    seed_run = _SeedRun(world, schedule, shared)
    try:
        seed_run.run_schedule()
        violations = seed_run.check()
    except (process.ProcessDied, process.CommandFailed, TimeoutError) as exc:
        violations = [
            f"{type(exc).__name__}: {exc}",
            *seed_run.find_violations(ENDS[seed_run.kind], held=True),
        ]
    finally:
        seed_run.close()
    violations = [*seed_run.unexpected, *violations]
    return Outcome(seed_run.kills, seed_run.ends, violations, seed_run.folder)


@dataclasses.dataclass
class _Member:
    """A sequence of conductors, of which one is running.

    :ivar lives: of those that are still to be started.
    :ivar pause: seconds between the death of the current one and the start of the next.
    :ivar wakes: when it continues, if it is stopped.
    """

    lives: list[tuple[tuple[Strike, ...], float]]
    process: Process | None = None
    pause: float = 0.0
    wakes: float | None = None


class _SeedRun(harness.Harness):
    """Conductors on the same rows, with users that repeat requests without a response."""

    def __init__(
        self,
        world: crash_world.World,
        schedule: crash_schedule.Schedule,
        shared: crash_shared.Shared | None = None,
    ) -> None:
        own = {"conductor__workers": schedule.workers, **configuration.AUDITS}
        super().__init__(world, schedule.kind, own, shared)
        self.kills = 0
        self.ends: list[str] = []
        self.unexpected: list[str] = []
        self._server = shared.board if shared else None
        self._moments = list(schedule.moments)
        self._requested: set[str] = set()
        (self.folder / "schedule").write_text(str(schedule))
        places = range(schedule.conductors)
        self._members = [
            _Member(list(schedule.lives[place :: schedule.conductors])) for place in places
        ]
        if schedule.kind == "service":
            self._register_podm()
        for member in self._members:
            self._start_next(member)

    def run_schedule(self) -> None:
        """Run each moment at its time."""
        start = time.monotonic()
        while self._moments or any(member.lives for member in self._members):
            self._revive()
            now = time.monotonic() - start
            if self._moments and self._moments[0].at <= now:
                self._run_moment()
            elif not self._moments and now > crash_schedule.SPAN + 1:
                for member in self._members:
                    member.lives.clear()  # their strikes are at events that never happened
            time.sleep(crash_world.POLL_INTERVAL)

    def check(self) -> list[str]:
        """Remove all faults, check the invariants, release everything, and check again."""
        self.settle()
        self.world.no_faults()
        self.settle()
        violations = self.find_violations(ENDS[self.kind], held=True)
        self.ends = sorted(row["state"] for row in self.rows())
        self.release_all()
        return violations + self.find_leftovers()

    def ensure_running(self) -> None:
        """Start a successor of each dead conductor."""
        self._revive()

    def close(self) -> None:
        """Wake stopped conductors, and end all processes."""
        for member in self._members:
            self._wake(member)
        super().close()

    def _run_moment(self) -> None:
        moment = self._moments.pop(0)
        if moment.target == "user":
            command, arguments = moment.action
            if command not in ("destroy", "retry") or arguments["uuid"] in self._requested:
                self.request(command, **arguments)
        elif moment.target == "valence":
            self.world.kill_valence()
            self.kills += 1
            self.world.start_valence()
        elif moment.target == "conductor":
            self._stop(moment.action)
        elif moment.target == "board" and self._server is not None:
            self._server.kill()
            self._server.start()
        else:
            # A peer that is restarting cannot take a fault.
            with contextlib.suppress(OSError):
                self.world.fault(moment.target, moment.action)

    def request(self, command: str, **arguments: Any) -> None:
        """Send a command; repeat it to the next conductor when the first dies of it."""
        while True:
            self._revive()
            with contextlib.suppress(process.ProcessDied):
                response = self._awake().call(command, **arguments)
                self._requested.add(arguments.get("uuid", ""))
                if command == "request" and response[0] == UNEXPECTED:
                    self.unexpected.append(f"the response to {arguments} was {response}")
                return

    def _register_podm(self) -> None:
        """Register the pod manager, by a process without strikes, which then ends."""
        first = self.start()
        first.call("request", method="POST", path="/v1/podmanagers", body=self.world.podm())
        first.call("stop")
        first.kill()

    def _awake(self) -> Process:
        """Return a process that is not stopped, each in turn."""
        self._members.append(self._members.pop(0))
        awake = [m.process for m in self._members if m.wakes is None and m.process is not None]
        if awake:
            return awake[0]
        self._wake(self._members[0])
        return self._awake()

    def _stop(self, seconds: float) -> None:
        member = self._members[0]
        if member.process is not None and member.process.is_alive() and member.wakes is None:
            os.kill(member.process.pid, signal.SIGSTOP)
            member.wakes = time.monotonic() + seconds

    def _wake(self, member: _Member) -> None:
        if member.wakes is not None and member.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member.process.pid, signal.SIGCONT)
        member.wakes = None

    def _start_next(self, member: _Member) -> None:
        """Start the next conductor of a member; a strike may kill it at once."""
        strikes, member.pause = member.lives.pop(0) if member.lives else ((), 0.0)
        member.process = self.fork()
        with contextlib.suppress(process.ProcessDied):  # the next poll starts its successor
            member.process.call("arm", strikes=[strike.json() for strike in strikes])
            member.process.call("start")

    def _revive(self) -> None:
        """Wake conductors whose sleep has ended, and start successors of dead ones."""
        for member in self._members:
            if member.wakes is not None and time.monotonic() >= member.wakes:
                self._wake(member)
            while member.process is not None and not member.process.is_alive():
                self.kills += 1
                time.sleep(member.pause)
                self._start_next(member)
