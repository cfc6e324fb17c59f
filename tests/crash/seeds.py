# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Play a schedule, and check what must be true of it as of any other."""

import contextlib
import dataclasses
import pathlib
import time
from typing import Any

from tests.crash import configuration
from tests.crash import process
from tests.crash import schedule as schedules
from tests.crash import stage
from tests.crash import world as worlds

KIND = "plugin"

#: A row may end in any of them: what was drawn decides.
ENDS = frozenset({"active", "deleted", "error"})


@dataclasses.dataclass
class Outcome:
    """What came of a seed.

    :ivar kills: how many conductors died, and how many Valences.
    :ivar ends: the states in which the instances ended.
    """

    kills: int
    ends: list[str]
    violations: list[str]
    folder: pathlib.Path


def play(world: worlds.World, schedule: schedules.Schedule) -> Outcome:
    """Play a schedule once."""
    one = _Play(world, schedule)
    try:
        one.until_all_is_asked_for()
        violations = one.calm()
    except (process.Died, process.Failed, TimeoutError) as exc:
        violations = [f"{type(exc).__name__}: {exc}", *one.look(ENDS, held=True)]
    finally:
        one.close()
    return Outcome(one.kills, one.ends, violations, one.folder)


class _Play(stage.Stage):
    """One conductor after the other, on the same files, with users who do not give up."""

    def __init__(self, world: worlds.World, schedule: schedules.Schedule) -> None:
        super().__init__(world, KIND, {"conductor__workers": schedule.workers, **configuration.AUDITS})
        self.kills = 0
        self.ends: list[str] = []
        self._lives = list(schedule.lives)
        self._moments = list(schedule.moments)
        self._asked: set[str] = set()
        self._next = 0.0
        (self.folder / "schedule").write_text(str(schedule))
        self._begin()

    def until_all_is_asked_for(self) -> None:
        """Let everything happen when its time has come."""
        began = time.monotonic()
        while self._moments or self._lives:
            self._revive()
            now = time.monotonic() - began
            if self._moments and self._moments[0].at <= now:
                self._happen()
            elif not self._moments and now > schedules.SPAN + 1:
                self._lives.clear()  # what should strike at events that never came
            time.sleep(worlds.LOOK)

    def calm(self) -> list[str]:
        """Let nothing go wrong any more; look; have everything given back; look again."""
        self.settle()
        self.world.no_faults()
        self.settle()
        found = self.look(ENDS, held=True)
        rows = self.rows()
        self.ends = sorted(row["state"] for row in rows)
        for row in rows:
            self._ask(["destroy", {"uuid": row["uuid"]}])
        self.settle()
        return found + self.look_given_back()

    def settle(self, seconds: float | None = None) -> None:
        """Wait until nothing is under way, however many conductors that takes."""

        def done() -> bool:
            self._revive()
            return self.is_settled()

        seconds = seconds or stage.PATIENCE
        if not worlds.until(done, seconds):
            raise TimeoutError(f"something is still under way after {seconds:g} s")

    def _happen(self) -> None:
        moment = self._moments.pop(0)
        if moment.who == "user":
            self._ask(moment.what)
        elif moment.who == "valence":
            self.world.kill_valence()
            self.kills += 1
            self.world.start_valence()
        else:
            # If it is away just now, that is trouble enough.
            with contextlib.suppress(OSError):
                self.world.fault(moment.who, moment.what)

    def _ask(self, what: list[Any]) -> None:
        """Ask, and if the conductor dies of it, ask the next one."""
        command, arguments = what
        if command == "destroy" and arguments["uuid"] not in self._asked:
            return
        while True:
            self._revive()
            with contextlib.suppress(process.Died):
                self.victim.call(command, **arguments)
                self._asked.add(arguments["uuid"])
                return

    def _begin(self) -> None:
        """Start the next conductor; it may die of that."""
        strikes, self._next = self._lives.pop(0) if self._lives else ((), 0.0)
        self.fork()
        with contextlib.suppress(process.Died):  # the next look finds it dead
            self.victim.call("arm", strikes=[strike.json() for strike in strikes])
            self.victim.call("start")

    def _revive(self) -> None:
        """See that there is a conductor, however many die of being started."""
        while not self.victim.alive():
            self.kills += 1
            time.sleep(self._next)
            self._begin()
