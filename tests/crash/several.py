# SPDX-License-Identifier: Apache-2.0

"""Named cases of several conductors on a real board and a real database."""

from collections.abc import Callable
import contextlib
import os
import signal
import time

from tests.crash import cases
from tests.crash import hook
from tests.crash import process
from tests.crash import shared as crash_shared
from tests.crash import world as crash_world
from tests.crash.schedule import LEASE

Function = Callable[["SeveralRun"], None]

#: name -> function, board, database, and the states in which rows may end
CASES: dict[str, tuple[Function, str, str, frozenset[str]]] = {}


def case(ends: str) -> Callable[[Function], Function]:
    """Register a function as a case on every pair of servers."""

    def register(function: Function) -> Function:
        for board, database in crash_shared.PAIRS:
            name = f"{function.__name__.replace('_', ' ')}, on {board} and {database}"
            CASES[name] = (function, board, database, frozenset(ends.split()))
        return function

    return register


def missing(name: str) -> str | None:
    """Return the program that a case needs and that is not installed, or None."""
    _, board, database, _ = CASES[name]
    return crash_shared.missing(board, database)


class SeveralRun(cases.CaseRun):
    """A run of a case with several conductors on shared servers."""

    def __init__(self, world: crash_world.World, shared: crash_shared.Shared) -> None:
        super().__init__(world, shared)
        self.board, self.database = shared.board, shared.database

    def kill_at_each(self, *tasks: str) -> None:
        """Kill the oldest conductor at each of the tasks, and start another."""
        for task in tasks:
            self.until_task(task)
            self.victims[0].kill()
            self.victims.pop(0)
            self.start()


def run(world: crash_world.World, name: str) -> list[str]:
    """Run a case; return its violations."""
    function, board, database, ends = CASES[name]
    with (
        contextlib.closing(crash_shared.Servers(board, database)) as servers,
        servers.share("plugin") as shared,
        contextlib.closing(SeveralRun(world, shared)) as case_run,
    ):
        try:
            case_run.start()
            case_run.start()
            function(case_run)
            return case_run.finish(ends)
        except (process.ProcessDied, process.CommandFailed, TimeoutError) as exc:
            return [f"{type(exc).__name__}: {exc}", *case_run.find_violations(ends)]


@case("active")
def a_conductor_that_dies_is_replaced(run: SeveralRun) -> None:
    """The oldest conductor dies at each of the tasks; another one continues the job."""
    run.world.fault("podm", cases.SLOW_PODM)
    run.world.fault("ironic", cases.SLOW_IRONIC)
    run.victims[0].call("provision", uuid=run.uuid)
    run.kill_at_each("compose-node", "enroll-node", "deploy-node")


@case("active")
def a_conductor_that_sleeps_through_its_lease_wakes_up_as_a_second_owner(run: SeveralRun) -> None:
    """Another conductor has its job when it continues in the middle of a task."""
    run.world.fault("podm", cases.SLOW_PODM)
    run.victims[0].call("provision", uuid=run.uuid)
    run.until_task("compose-node")
    both = run.victims[:2]
    os.kill(both[0].pid, signal.SIGSTOP)
    time.sleep(LEASE * 1.5)
    os.kill(both[0].pid, signal.SIGCONT)
    os.kill(both[1].pid, signal.SIGSTOP)
    time.sleep(LEASE * 1.5)
    os.kill(both[1].pid, signal.SIGCONT)


@case("active")
def a_submit_that_dies_before_the_job_is_posted(run: SeveralRun) -> None:
    """The row and its flow are committed; the sweep of another conductor posts the job."""
    label = "COMMIT insert logbooks, insert flowdetails"
    run.victims[0].call("arm", strikes=[hook.Strike(label, 1, "committed").json()])
    with contextlib.suppress(process.ProcessDied):
        run.victims[0].call("provision", uuid=run.uuid)


@case("active")
def two_conductors_receive_the_same_request(run: SeveralRun) -> None:
    """Both have the row, both submit its job; it is one instance."""
    for victim in run.victims:
        victim.send("provision", uuid=run.uuid)
    for victim in run.victims:
        victim.result()


@case("deleted")
def two_conductors_destroy_the_same_instance(run: SeveralRun) -> None:
    """Two deletions at once, in two processes."""
    run.provision()
    run.settle()
    for victim in run.victims:
        victim.send("destroy", uuid=run.uuid)
    for victim in run.victims:
        victim.result()


@case("active")
def the_board_loses_its_data(run: SeveralRun) -> None:
    """It is killed, and is empty after its restart (Redis has no files here)."""
    run.provision()
    run.until_task("compose-node")
    run.board.kill()
    time.sleep(LEASE / 2)
    run.board.start()


@case("active")
def the_database_is_restarted_during_a_provision(run: SeveralRun) -> None:
    """Every connection breaks; nothing that was committed is lost."""
    run.world.fault("ironic", cases.SLOW_IRONIC)
    run.provision()
    run.until_task("enroll-node")
    run.database.restart()
