# SPDX-License-Identifier: Apache-2.0

"""The stage of one play: a victim's files, whoever works on them, and what must be true."""

from collections.abc import Callable
from collections.abc import Mapping
import functools
import time
from typing import Any

from tests.crash import invariants
from tests.crash import process
from tests.crash import shared as shares
from tests.crash import victims
from tests.crash import world as worlds

#: Seconds in which something must have come about of what is under way, and all of it at
#: the most: a machine may be busy with other things.
PATIENCE = 45.0
AT_MOST = 6 * PATIENCE

#: Seconds for which Valence may be behind who asked it.
BEHIND = 1.5


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
    :param shared: by several; one alone has files of SQLite.
    """

    def __init__(
        self,
        world: worlds.World,
        kind: str,
        options: Mapping[str, Any] | None = None,
        shared: shares.Shared | None = None,
    ) -> None:
        self.world = world
        self.kind = kind
        self.folder = world.new_folder()
        own = {**(REAL[kind] if world.real else {}), **(options or {})}
        self.options = {**own, **(shared.options if shared else {})}
        self._files = (
            shared.files
            if shared
            else shares.Files(self.folder / victims.ROWS[kind], self.folder / victims.FLOWS[kind])
        )
        self._board = process.Process(shared.reader, self.folder / "board") if shared else None
        self._behind = BEHIND + (shared.cleared if shared else 0.0)
        self.victims: list[process.Process] = []

    @property
    def victim(self) -> process.Process:
        """The one that was forked last, of those that live."""
        living = [victim for victim in self.victims if victim.alive()]
        return (living or self.victims)[-1]

    def fork(self) -> process.Process:
        """Fork a victim; it does nothing yet."""
        self.victims.append(self.world.victim(self.kind, self.folder, self.options))
        return self.victims[-1]

    def start(self) -> process.Process:
        """Fork a victim, and let it begin to work."""
        victim = self.fork()
        victim.call("start")
        return victim

    def all(self, command: str, **arguments: Any) -> None:
        """Have every victim that lives do something, all of them at the same time.

        :raises Died: one of them did not live to answer.
        """
        living = [victim for victim in self.victims if victim.alive()]
        asked = [v for v in living if _survives(functools.partial(v.send, command, **arguments))]
        answered = [victim for victim in asked if _survives(victim.answer)]
        if len(answered) < len(living):
            raise process.Died

    def close(self) -> None:
        """Kill whoever lives, and have every peer behave."""
        for one in (*self.victims, *([self._board] if self._board else [])):
            one.kill()
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

        :raises Died: no victim lived to see it.
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

        worlds.until(well, self._behind)
        return found

    def look_given_back(self) -> list[str]:
        """Look for anything that is left when all should be given back."""
        found: list[str] = []

        def well() -> bool:
            found[:] = invariants.check_given_back(self._sight(), self.world.fingerprint)
            return not found

        worlds.until(well, self._behind)
        return [f"after everything was given back: {line}" for line in found]

    def give_back(self) -> None:
        """Have everything given back by those who own it."""
        for row in self.rows():
            if self.kind == "plugin":
                self.tell("destroy", uuid=row["uuid"])
                continue
            path = f"/v1/nodes/{row['uuid']}"
            if row["managed_by"]:
                self.tell("ask", method="POST", path=f"{path}/unregister")
                self.settle()
            self.tell("ask", method="DELETE", path=path)
        self.settle()

    def tell(self, command: str, **arguments: Any) -> None:
        """Ask a victim for something."""
        self.victim.call(command, **arguments)

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
        jobs = self._board.call("jobs") if self._board else ()
        return self.world.look(self.kind, self._files.rows, self._files.flows, jobs)


def _survives(call: Callable[[], Any]) -> bool:
    """Ask a victim something; False when it dies of it."""
    try:
        call()
    except process.Died:
        return False
    return True
