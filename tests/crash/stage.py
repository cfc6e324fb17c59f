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

"""The stage of one play: a victim's files, whoever works on them, and what must be true."""

from collections.abc import Mapping
import dataclasses
import pathlib
import time
from typing import Any

from tests.crash import invariants
from tests.crash import process
from tests.crash import victims
from tests.crash import world as worlds

#: Seconds in which something must have come about of what is under way, and all of it at
#: the most: a machine may be busy with other things.
PATIENCE = 45.0
AT_MOST = 6 * PATIENCE

#: Seconds for which Valence may be behind who asked it.
BEHIND = 1.5


@dataclasses.dataclass(frozen=True)
class Files:
    """Where rows and flows are: files of SQLite, or URLs of databases."""

    rows: pathlib.Path | str
    flows: pathlib.Path | str


#: Options with a real Ironic: it takes seconds for what the stand-in does at once.
REAL = {
    "plugin": {
        "valence_integration__poll_interval": 0.5,
        "valence_integration__enroll_timeout": 120.0,
        "valence_integration__deploy_timeout": 120.0,
        "valence_integration__give_back_timeout": 120.0,
        "valence_integration__busy_timeout": 60.0,
    },
    "service": {"ironic__lock_timeout": 60.0},
}


class Stage:
    """One set of rows, and the processes that work on them, one or several.

    :param kind: of the victims.
    :param options: of their configuration.
    :param files: unless they are SQLite's.
    """

    def __init__(
        self,
        world: worlds.World,
        kind: str,
        options: Mapping[str, Any] | None = None,
        files: Files | None = None,
    ) -> None:
        self.world = world
        self.kind = kind
        self.folder = world.new_folder()
        self.options = {**(REAL[kind] if world.real else {}), **(options or {})}
        self._files = files or Files(
            self.folder / victims.ROWS[kind], self.folder / victims.FLOWS[kind]
        )
        self.victims: list[process.Process] = []

    @property
    def victim(self) -> process.Process:
        """The one that was forked last."""
        return self.victims[-1]

    def fork(self) -> process.Process:
        """Fork a victim; it does nothing yet."""
        self.victims.append(self.world.victim(self.kind, self.folder, self.options))
        return self.victim

    def start(self) -> process.Process:
        """Fork a victim, and let it begin to work."""
        victim = self.fork()
        victim.call("start")
        return victim

    def close(self) -> None:
        """Kill whoever lives, and have every peer behave."""
        for victim in self.victims:
            victim.kill()
        self.world.no_faults()

    def rows(self) -> list[worlds.Row]:
        """Read the rows."""
        return worlds.table(self._files.rows, worlds.TABLES[self.kind])

    def is_settled(self) -> bool:
        """Tell whether no row asks for anything, and no flow is remembered."""
        states = [row["state"] for row in self.rows()]
        flows = worlds.table(self._files.flows, "logbooks")
        return not flows and not set(states) & worlds.TRANSITIONAL

    def settle(self) -> None:
        """Wait until nothing is under way.

        :raises Died: the last victim did not live to see it.
        :raises TimeoutError: nothing comes of it any more.
        """
        patience = PATIENCE * (4 if self.world.real else 1)
        began = stirred = time.monotonic()
        last: list[Any] = []
        while not self.is_settled():
            self.see_to_it()
            now, seen = time.monotonic(), [(row["state"], row["task"]) for row in self.rows()]
            if seen != last:
                last, stirred = seen, now
            if now - stirred > patience or now - began > AT_MOST:
                raise TimeoutError(f"something is still under way after {now - began:.0f} s")
            time.sleep(worlds.LOOK)

    def see_to_it(self) -> None:
        """See that somebody works on it.

        :raises Died: nobody does.
        """
        if not self.victim.alive():
            raise process.Died

    def look(self, allowed: frozenset[str], *, held: bool = False) -> list[str]:
        """Look for violations; Valence may be a moment behind who asked it."""
        found: list[str] = []

        def well() -> bool:
            sight = self._sight()
            found[:] = invariants.check(self.kind, sight, allowed=allowed, held=held)
            return not found

        worlds.until(well, BEHIND)
        return found

    def look_given_back(self) -> list[str]:
        """Look for anything that is left when all should be given back."""
        found: list[str] = []

        def well() -> bool:
            found[:] = invariants.check_given_back(self._sight(), self.world.fingerprint)
            return not found

        worlds.until(well, BEHIND)
        return [f"after everything was given back: {line}" for line in found]

    def give_back(self) -> None:
        """Have everything given back by those who own it."""
        for row in self.rows():
            if self.kind == "plugin":
                self.victim.call("destroy", uuid=row["uuid"])
                continue
            path = f"/v1/nodes/{row['uuid']}"
            if row["managed_by"]:
                self.victim.call("ask", method="POST", path=f"{path}/unregister")
                self.settle()
            self.victim.call("ask", method="DELETE", path=path)
        self.settle()

    def conclude(self, allowed: frozenset[str], *, held: bool = False) -> list[str]:
        """Wait for the end, look, have all given back, and look again."""
        try:
            self.settle()
            found = self.look(allowed, held=held)
            self.world.no_faults()
            self.give_back()
        except (process.Died, process.Failed, TimeoutError) as exc:
            return [*self.look(allowed, held=held), f"{type(exc).__name__}: {exc}"]
        return found + self.look_given_back()

    def _sight(self) -> worlds.Sight:
        return self.world.look(self.kind, self._files.rows, self._files.flows)
