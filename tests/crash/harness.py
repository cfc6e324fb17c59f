# SPDX-License-Identifier: Apache-2.0

"""The harness of one run: the databases, the victims that use them, and the checks."""

from collections.abc import Callable
from collections.abc import Mapping
import functools
import time
from typing import Any

from tests.crash import invariants
from tests.crash import process
from tests.crash import shared as crash_shared
from tests.crash import victims
from tests.crash import world as crash_world

#: Timeout, in seconds, of the next progress, and of the end of everything that is running:
#: the machine may be busy.
TIMEOUT = 45.0
TOTAL_TIMEOUT = 6 * TIMEOUT

#: Seconds by which Valence may lag behind its client.
LAG = 1.5


#: Options for a real Ironic, which is slower than the stand-in.
REAL_IRONIC = {
    "plugin": {
        "valence_integration__poll_interval": 0.5,
        "valence_integration__enroll_timeout": 120.0,
        "valence_integration__deploy_timeout": 120.0,
        "valence_integration__give_back_timeout": 120.0,
        "valence_integration__busy_timeout": 60.0,
    },
    "service": {"ironic__lock_timeout": 60.0},
}


class Harness:
    """One set of rows, and the victims that use them.

    :param kind: of the victims.
    :param options: of their configuration.
    :param shared: servers of several victims; a single victim has SQLite files.
    """

    def __init__(
        self,
        world: crash_world.World,
        kind: str,
        options: Mapping[str, Any] | None = None,
        shared: crash_shared.Shared | None = None,
    ) -> None:
        self.world = world
        self.kind = kind
        self.folder = world.new_folder()
        own = {**(REAL_IRONIC[kind] if world.has_real_ironic else {}), **(options or {})}
        self.options = {**own, **(shared.options if shared else {})}
        self._files = (
            shared.files
            if shared
            else crash_shared.Files(
                self.folder / victims.ROWS[kind], self.folder / victims.FLOWS[kind]
            )
        )
        self._board = process.Process(shared.reader, self.folder / "board") if shared else None
        self._lag = LAG + (shared.cleared if shared else 0.0)
        self.victims: list[process.Process] = []

    @property
    def victim(self) -> process.Process:
        """The last victim that is alive."""
        living = [victim for victim in self.victims if victim.is_alive()]
        return (living or self.victims)[-1]

    def fork(self) -> process.Process:
        """Fork a victim, which does nothing yet."""
        self.victims.append(self.world.victim(self.kind, self.folder, self.options))
        return self.victims[-1]

    def start(self) -> process.Process:
        """Fork a victim, and start it."""
        victim = self.fork()
        victim.call("start")
        return victim

    def call_all(self, command: str, **arguments: Any) -> None:
        """Run a command in every victim that is alive, concurrently.

        :raises ProcessDied: one of them died of it.
        """
        living = [victim for victim in self.victims if victim.is_alive()]
        called = [v for v in living if _survives(functools.partial(v.send, command, **arguments))]
        survivors = [victim for victim in called if _survives(victim.result)]
        if len(survivors) < len(living):
            raise process.ProcessDied

    def close(self) -> None:
        """Kill all processes, and remove the faults of the peers."""
        for child in (*self.victims, *([self._board] if self._board else [])):
            child.kill()
        self.world.no_faults()

    def rows(self) -> list[crash_world.Row]:
        """Return the rows."""
        return crash_world.table(self._files.rows, crash_world.TABLES[self.kind])

    def is_settled(self) -> bool:
        """Return whether no row is in a transitional state, and no flow is in the journal."""
        states = [row["state"] for row in self.rows()]
        flows = crash_world.table(self._files.flows, "logbooks")
        return not flows and not set(states) & crash_world.TRANSITIONAL

    def settle(self) -> None:
        """Wait until nothing is running.

        :raises ProcessDied: no victim is alive.
        :raises TimeoutError: there is no progress any more.
        """
        timeout = TIMEOUT * (4 if self.world.has_real_ironic else 1)
        start = last_progress = time.monotonic()
        last: list[Any] = []
        while not self.is_settled():
            self.ensure_running()
            now, current = time.monotonic(), [(row["state"], row["task"]) for row in self.rows()]
            if current != last:
                last, last_progress = current, now
            if now - last_progress > timeout or now - start > TOTAL_TIMEOUT:
                raise TimeoutError(f"something is still running after {now - start:.0f} s")
            time.sleep(crash_world.POLL_INTERVAL)

    def ensure_running(self) -> None:
        """Check that a victim is alive.

        :raises ProcessDied: none is.
        """
        if not self.victim.is_alive():
            raise process.ProcessDied

    def find_violations(self, allowed: frozenset[str], *, held: bool = False) -> list[str]:
        """Return the violations of the invariants that last longer than the lag of Valence.

        The parameters are those of :func:`tests.crash.invariants.check`.
        """
        violations: list[str] = []

        def has_none() -> bool:
            snapshot = self._snapshot()
            violations[:] = invariants.check(self.kind, snapshot, allowed=allowed, held=held)
            return not violations

        crash_world.until(has_none, self._lag)
        return violations

    def find_leftovers(self) -> list[str]:
        """Return what is left after everything was released."""
        leftovers: list[str] = []

        def has_none() -> bool:
            leftovers[:] = invariants.check_released(self._snapshot(), self.world.fingerprint)
            return not leftovers

        crash_world.until(has_none, self._lag)
        return [f"after everything was released: {line}" for line in leftovers]

    def release_all(self) -> None:
        """Destroy all instances, or unregister and delete all nodes."""
        for row in self.rows():
            if self.kind == "plugin":
                self.request("destroy", uuid=row["uuid"])
                continue
            path = f"/v1/nodes/{row['uuid']}"
            if row["managed_by"]:
                self.request("request", method="POST", path=f"{path}/unregister")
                self.settle()
            self.request("request", method="DELETE", path=path)
        self.settle()

    def request(self, command: str, **arguments: Any) -> None:
        """Run a command in a victim."""
        self.victim.call(command, **arguments)

    def finish(self, allowed: frozenset[str], *, held: bool = False) -> list[str]:
        """Wait until nothing is running, check, release everything, and check again.

        :returns: the violations.
        """
        try:
            self.settle()
            violations = self.find_violations(allowed, held=held)
            self.world.no_faults()
            self.release_all()
        except (process.ProcessDied, process.CommandFailed, TimeoutError) as exc:
            return [*self.find_violations(allowed, held=held), f"{type(exc).__name__}: {exc}"]
        return violations + self.find_leftovers()

    def _snapshot(self) -> crash_world.Snapshot:
        jobs = self._board.call("jobs") if self._board else ()
        return self.world.snapshot(self.kind, self._files.rows, self._files.flows, jobs)


def _survives(call: Callable[[], Any]) -> bool:
    """Call a victim; return False when it dies of it."""
    try:
        call()
    except process.ProcessDied:
        return False
    return True
