# SPDX-License-Identifier: Apache-2.0

"""Play a schedule, and check what must be true of it as of any other."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import time
from typing import Any

from tests.crash import configuration
from tests.crash import process
from tests.crash import schedule as schedules
from tests.crash import shared as shares
from tests.crash import stage
from tests.crash import world as worlds
from tests.crash.hook import Strike
from tests.crash.process import Process

#: kind of victim -> the states in which its rows may end: what was drawn decides.
ENDS = {
    "plugin": frozenset({"active", "deleted", "error"}),
    "service": frozenset({"composed", "error"}),
}

#: Status of an answer that no trouble explains.
UNEXPECTED = 500


@dataclasses.dataclass
class Outcome:
    """What came of a seed.

    :ivar kills: how many conductors died, and how many Valences.
    :ivar ends: the states in which the instances, or the nodes, ended.
    """

    kills: int
    ends: list[str]
    violations: list[str]
    folder: pathlib.Path


def play(
    world: worlds.World, schedule: schedules.Schedule, servers: shares.Servers | None = None
) -> Outcome:
    """Play a schedule once.

    :param servers: that several conductors share.
    """
    if servers is None:
        return _play(world, schedule)
    with servers.share(schedule.kind) as shared:
        return _play(world, schedule, shared)


def _play(
    world: worlds.World, schedule: schedules.Schedule, shared: shares.Shared | None = None
) -> Outcome:
    one = _Play(world, schedule, shared)
    try:
        one.until_all_is_asked_for()
        violations = one.calm()
    except (process.Died, process.Failed, TimeoutError) as exc:
        violations = [f"{type(exc).__name__}: {exc}", *one.look(ENDS[one.kind], held=True)]
    finally:
        one.close()
    return Outcome(one.kills, one.ends, [*one.unexpected, *violations], one.folder)


@dataclasses.dataclass
class _Member:
    """One conductor after the other, in one place.

    :ivar lives: of those that are still to come.
    :ivar pause: seconds until the next one is there when this one dies.
    :ivar wakes: when it goes on, if it sleeps.
    """

    lives: list[tuple[tuple[Strike, ...], float]]
    process: Process | None = None
    pause: float = 0.0
    wakes: float | None = None


class _Play(stage.Stage):
    """Conductors on the same rows, with users who do not give up."""

    def __init__(
        self,
        world: worlds.World,
        schedule: schedules.Schedule,
        shared: shares.Shared | None = None,
    ) -> None:
        own = {"conductor__workers": schedule.workers, **configuration.AUDITS}
        super().__init__(world, schedule.kind, own, shared)
        self.kills = 0
        self.ends: list[str] = []
        self.unexpected: list[str] = []
        self._server = shared.board if shared else None
        self._moments = list(schedule.moments)
        self._asked: set[str] = set()
        (self.folder / "schedule").write_text(str(schedule))
        places = range(schedule.conductors)
        self._members = [
            _Member(list(schedule.lives[place :: schedule.conductors])) for place in places
        ]
        if schedule.kind == "service":
            self._make_podm_known()
        for member in self._members:
            self._begin(member)

    def until_all_is_asked_for(self) -> None:
        """Let everything happen when its time has come."""
        began = time.monotonic()
        while self._moments or any(member.lives for member in self._members):
            self._revive()
            now = time.monotonic() - began
            if self._moments and self._moments[0].at <= now:
                self._happen()
            elif not self._moments and now > schedules.SPAN + 1:
                for member in self._members:
                    member.lives.clear()  # what should strike at events that never came
            time.sleep(worlds.LOOK)

    def calm(self) -> list[str]:
        """Let nothing go wrong any more; look; have everything given back; look again."""
        self.settle()
        self.world.no_faults()
        self.settle()
        found = self.look(ENDS[self.kind], held=True)
        self.ends = sorted(row["state"] for row in self.rows())
        self.give_back()
        return found + self.look_given_back()

    def see_to_it(self) -> None:
        """See that there are conductors, however many that takes."""
        self._revive()

    def close(self) -> None:
        """Wake whoever sleeps, and end as every stage does."""
        for member in self._members:
            self._wake(member)
        super().close()

    def _happen(self) -> None:
        moment = self._moments.pop(0)
        if moment.who == "user":
            command, arguments = moment.what
            if command not in ("destroy", "retry") or arguments["uuid"] in self._asked:
                self.tell(command, **arguments)
        elif moment.who == "valence":
            self.world.kill_valence()
            self.kills += 1
            self.world.start_valence()
        elif moment.who == "conductor":
            self._send_to_sleep(moment.what)
        elif moment.who == "board" and self._server is not None:
            self._server.kill()
            self._server.start()
        else:
            # If it is away just now, that is trouble enough.
            with contextlib.suppress(OSError):
                self.world.fault(moment.who, moment.what)

    def tell(self, command: str, **arguments: Any) -> None:
        """Ask, and if the conductor dies of it, ask the next one."""
        while True:
            self._revive()
            with contextlib.suppress(process.Died):
                answer = self._awake().call(command, **arguments)
                self._asked.add(arguments.get("uuid", ""))
                if command == "ask" and answer[0] == UNEXPECTED:
                    self.unexpected.append(f"{arguments} was answered {answer}")
                return

    def _make_podm_known(self) -> None:
        """Have a process that nothing strikes make the pod manager known, and be gone."""
        first = self.start()
        first.call("ask", method="POST", path="/v1/podmanagers", body=self.world.podm())
        first.call("stop")
        first.kill()

    def _awake(self) -> Process:
        """Take one that is awake, each in turn."""
        self._members.append(self._members.pop(0))
        found = [m.process for m in self._members if m.wakes is None and m.process is not None]
        if found:
            return found[0]
        self._wake(self._members[0])
        return self._awake()

    def _send_to_sleep(self, seconds: float) -> None:
        member = self._members[0]
        if member.process is not None and member.process.alive() and member.wakes is None:
            os.kill(member.process.pid, signal.SIGSTOP)
            member.wakes = time.monotonic() + seconds

    def _wake(self, member: _Member) -> None:
        if member.wakes is not None and member.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member.process.pid, signal.SIGCONT)
        member.wakes = None

    def _begin(self, member: _Member) -> None:
        """Start the next conductor in a place; it may die of that."""
        strikes, member.pause = member.lives.pop(0) if member.lives else ((), 0.0)
        member.process = self.fork()
        with contextlib.suppress(process.Died):  # the next look finds it dead
            member.process.call("arm", strikes=[strike.json() for strike in strikes])
            member.process.call("start")

    def _revive(self) -> None:
        """See that there are conductors, awake in time, however many die of being started."""
        for member in self._members:
            if member.wakes is not None and time.monotonic() >= member.wakes:
                self._wake(member)
            while member.process is not None and not member.process.alive():
                self.kills += 1
                time.sleep(member.pause)
                self._begin(member)
