# SPDX-License-Identifier: Apache-2.0

"""Named cases of several conductors on one board and one database, all of them real."""

from collections.abc import Callable
import contextlib
import os
import signal
import time

from tests.crash import cases
from tests.crash import hook
from tests.crash import process
from tests.crash import shared as shares
from tests.crash import world as worlds
from tests.crash.schedule import LEASE

Play = Callable[["Several"], None]

CASES: dict[str, tuple[Play, str, str, frozenset[str]]] = {}


def case(ends: str) -> Callable[[Play], Play]:
    """Make a function a case on every pair of servers."""

    def named(play: Play) -> Play:
        for board, database in shares.PAIRS:
            name = f"{play.__name__.replace('_', ' ')}, on {board} and {database}"
            CASES[name] = (play, board, database, frozenset(ends.split()))
        return play

    return named


def missing(name: str) -> str | None:
    """Say which program is missing for a case; None if none is."""
    _, board, database, _ = CASES[name]
    return shares.missing(board, database)


class Several(cases.Plot):
    """A stage with servers, on which several conductors work."""

    def __init__(self, world: worlds.World, shared: shares.Shared) -> None:
        super().__init__(world, shared)
        self.board, self.database = shared.board, shared.database

    def take_turns(self, *tasks: str) -> None:
        """Kill whoever is at work at each of the tasks, one after the other."""
        for task in tasks:
            self.until_task(task)
            self.victims[0].kill()
            self.victims.pop(0)
            self.start()


def play(world: worlds.World, name: str) -> list[str]:
    """Play a case; what was violated."""
    act, board, database, ends = CASES[name]
    with (
        contextlib.closing(shares.Servers(board, database)) as servers,
        servers.share("plugin") as shared,
        contextlib.closing(Several(world, shared)) as one,
    ):
        try:
            one.start()
            one.start()
            act(one)
            return one.conclude(ends)
        except (process.Died, process.Failed, TimeoutError) as exc:
            return [f"{type(exc).__name__}: {exc}", *one.look(ends)]


@case("active")
def a_conductor_that_dies_is_replaced(plot: Several) -> None:
    """Whoever does the job dies at each of its tasks; somebody else goes on."""
    plot.world.fault("podm", cases.SLOWLY)
    plot.world.fault("ironic", cases.IRONIC_SLOWLY)
    plot.victims[0].call("provision", uuid=plot.uuid)
    plot.take_turns("compose-node", "enroll-node", "deploy-node")


@case("active")
def a_conductor_that_sleeps_through_its_lease_wakes_up_as_a_second_owner(plot: Several) -> None:
    """Its job is done by another when it goes on in the middle of a task."""
    plot.world.fault("podm", cases.SLOWLY)
    plot.victims[0].call("provision", uuid=plot.uuid)
    plot.until_task("compose-node")
    both = plot.victims[:2]
    os.kill(both[0].pid, signal.SIGSTOP)
    time.sleep(LEASE * 1.5)
    os.kill(both[0].pid, signal.SIGCONT)
    os.kill(both[1].pid, signal.SIGSTOP)
    time.sleep(LEASE * 1.5)
    os.kill(both[1].pid, signal.SIGCONT)


@case("active")
def a_submit_that_dies_before_the_job_is_posted(plot: Several) -> None:
    """The row and its flow are there; another's sweep posts the job."""
    label = "COMMIT insert logbooks, insert flowdetails"
    plot.victims[0].call("arm", strikes=[hook.Strike(label, 1, "committed").json()])
    with contextlib.suppress(process.Died):
        plot.victims[0].call("provision", uuid=plot.uuid)


@case("active")
def two_conductors_are_asked_for_the_same_instance(plot: Several) -> None:
    """Both have the row, both submit its job; it is one instance."""
    for victim in plot.victims:
        victim.send("provision", uuid=plot.uuid)
    for victim in plot.victims:
        victim.answer()


@case("deleted")
def two_conductors_are_asked_to_destroy_the_same_instance(plot: Several) -> None:
    """Two deletions at once, in two processes."""
    plot.provision()
    plot.settle()
    for victim in plot.victims:
        victim.send("destroy", uuid=plot.uuid)
    for victim in plot.victims:
        victim.answer()


@case("active")
def the_board_forgets_everything(plot: Several) -> None:
    """It is killed, and comes back empty (Redis keeps nothing on disk here)."""
    plot.provision()
    plot.until_task("compose-node")
    plot.board.kill()
    time.sleep(LEASE / 2)
    plot.board.start()


@case("active")
def the_database_is_restarted_in_the_middle(plot: Several) -> None:
    """Every connection breaks; nothing that was committed is lost."""
    plot.world.fault("ironic", cases.IRONIC_SLOWLY)
    plot.provision()
    plot.until_task("enroll-node")
    plot.database.restart()
