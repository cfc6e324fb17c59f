# SPDX-License-Identifier: Apache-2.0

"""Named cases: what the issue of a crash-proof conductor asks for, and what was found.

``python -m tests.crash --case "two deletions at once"`` plays one of them. Each is a
function that brings the trouble about; the invariants are checked when it returns.
"""

from collections.abc import Callable
import contextlib
import dataclasses
import time
from typing import Any
import uuid as uuids

from tests.crash import hook
from tests.crash import process
from tests.crash import shared as shares
from tests.crash import stage
from tests.crash import world as worlds

#: Seconds for which a peer is away: the thirty of an operator's nightmare, at the
#: scale of :mod:`tests.crash.configuration`, which waits a twentieth of what is usual.
AWAY = 1.5


@dataclasses.dataclass(frozen=True)
class Case:
    """One case.

    :ivar play: brings the trouble about.
    :ivar ends: states in which an instance may end.
    """

    name: str
    play: Callable[[Any], None]
    ends: frozenset[str]


CASES: dict[str, Case] = {}

#: The pod manager takes its time to say how far a node is.
SLOWLY = {
    "match": {"method": "GET", "path": "/Nodes/."},
    "action": {"type": "delay", "seconds": 0.3},
    "times": 3,
}

#: Ironic does, so that whoever waits for one of its tasks does not look too late.
IRONIC_SLOWLY = {
    "match": {"method": "GET", "path": "/v1/nodes/."},
    "action": {"type": "delay", "seconds": 0.3},
    "times": None,
}

Play = Callable[["Plot"], None]


def case(ends: str) -> Callable[[Play], Play]:
    """Make a function a case, called as the function is; its rows may end in these states."""

    def named(play: Play) -> Play:
        name = play.__name__.replace("_", " ")
        CASES[name] = Case(name, play, frozenset(ends.split()))
        return play

    return named


class Plot(stage.Stage):
    """A stage on which a case is played, with one instance."""

    def __init__(self, world: worlds.World, shared: shares.Shared | None = None) -> None:
        super().__init__(world, "plugin", shared=shared)
        self.uuid = str(uuids.uuid4())

    def provision(self, **wishes: Any) -> None:
        """Ask for the instance."""
        self.victim.call("provision", uuid=self.uuid, **wishes)

    def destroy(self) -> None:
        """Have it destroyed."""
        self.victim.call("destroy", uuid=self.uuid)

    def until_task(self, task: str) -> None:
        """Wait until the row has come to a task."""
        self.until(lambda: any(row["task"] == task for row in self.rows()), task)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that must come."""
        if not worlds.until(condition, stage.PATIENCE):
            raise TimeoutError(f"{what} did not come about: {self.rows()}")

    def dies(self, *strikes: hook.Strike) -> None:
        """Let the victim be struck from now on."""
        self.victim.call("arm", strikes=[strike.json() for strike in strikes])

    def dead(self) -> None:
        """Wait until the victim is dead."""
        self.until(lambda: not self.victim.alive(), "its death")


def play(world: worlds.World, name: str) -> list[str]:
    """Play a case; what was violated."""
    one = Plot(world)
    try:
        one.start()
        CASES[name].play(one)
        return one.conclude(CASES[name].ends)
    except (process.Died, process.Failed, TimeoutError) as exc:
        return [f"{type(exc).__name__}: {exc}", *one.look(CASES[name].ends)]
    finally:
        one.close()


def _killed_at(plot: Plot, label: str, phase: str) -> None:
    """Kill the victim in what it does for the instance, and start another.

    A sweep may come first to what is left to do when the row is committed.
    """
    plot.dies(*(hook.Strike(one, 1, phase) for one in (label, f"{label}{hook.AT_WORK}")))
    with contextlib.suppress(process.Died):
        plot.provision()
    plot.dead()
    plot.start()


@case("active")
def a_submit_that_dies_before_the_row_is_committed(plot: Plot) -> None:
    """There is no row: nothing was asked for, and whoever asked asks again."""
    _killed_at(plot, "COMMIT insert instances", "before")
    assert not plot.rows()
    plot.provision()


@case("active")
def a_submit_that_dies_when_the_row_is_committed(plot: Plot) -> None:
    """The row asks for its flow, though nobody wrote it down."""
    _killed_at(plot, "COMMIT insert logbooks, insert flowdetails", "before")


@case("active")
def a_submit_that_dies_when_the_flow_is_written_down(plot: Plot) -> None:
    """The flow was never begun."""
    _killed_at(plot, "COMMIT update flowdetails, insert atomdetails", "before")


@case("active error")
def the_pod_manager_is_away_when_it_is_asked(plot: Plot) -> None:
    """It refuses connections: nobody else can compose the node either."""
    plot.provision()
    plot.until_task("compose-node")
    plot.world.fault("podm", {"restart": {"seconds": AWAY}})


@case("active")
def the_pod_manager_is_away_in_the_middle(plot: Plot) -> None:
    """It goes away while a node is assembled, and has forgotten every session."""
    plot.world.fault("podm", SLOWLY)
    plot.provision()
    plot.until(lambda: bool(plot.world.pool()["nodes"]), "a node")
    plot.world.fault("podm", {"restart": {"seconds": AWAY}})


@case("active")
def valence_is_killed_and_away_in_the_middle(plot: Plot) -> None:
    """Whoever waits for it waits, and its own conductor goes on when it is back."""
    plot.provision()
    plot.until_task("compose-node")
    plot.world.kill_valence()
    time.sleep(AWAY)
    plot.world.start_valence()


@case("error")
def ironic_is_down_during_a_revert(plot: Plot) -> None:
    """Deploying fails, and Ironic is away when it is to be undone."""
    plot.world.fault("ironic", {"fail": "deploying", "error": "No."})
    plot.world.fault("ironic", IRONIC_SLOWLY)
    plot.provision()
    plot.until_task("undo deploy-node")
    plot.world.fault("ironic", {"restart": {"seconds": AWAY}})


@case("active")
def ironic_locks_the_node_for_a_while(plot: Plot) -> None:
    """Every request that changes it is answered 409, as during a periodic task of Ironic's."""
    plot.world.fault("ironic", IRONIC_SLOWLY)
    plot.provision()
    plot.until_task("enroll-node")
    plot.world.fault("ironic", {"lock": AWAY})
    plot.until_task("deploy-node")
    plot.world.fault("ironic", {"lock": AWAY})


@case("active")
def the_answer_to_an_allocation_is_lost(plot: Plot) -> None:
    """The pod manager has taken the node out of its pool, and nobody knows."""
    lost = {"match": {"method": "POST", "path": "Actions/Allocate"}}
    plot.world.fault("podm", {**lost, "action": {"type": "lose_answer"}})
    plot.provision()


@case("error")
def assembling_fails(plot: Plot) -> None:
    """The node goes Failed; it is given back."""
    plot.world.fault("podm", {"node": {"assemble": "fail"}})
    plot.provision()


@case("deleted")
def a_deletion_arrives_while_provisioning_runs(plot: Plot) -> None:
    """It is cancelled where it waits, undone, and destroyed."""
    plot.world.fault("podm", {"node": {"assemble": "stuck"}})
    plot.provision()
    plot.until_task("compose-node")
    plot.destroy()


@case("deleted")
def two_deletions_at_once(plot: Plot) -> None:
    """Two callers, in two threads."""
    plot.provision()
    plot.settle()
    plot.victim.call("destroy_twice", uuid=plot.uuid)


@case("active")
def a_provision_repeated_by_an_impatient_caller(plot: Plot) -> None:
    """The same request is the same instance, before, during and after a crash."""
    plot.world.fault("ironic", IRONIC_SLOWLY)
    for _ in range(3):
        plot.provision()
    plot.until_task("enroll-node")
    plot.victim.kill()
    plot.start()
    plot.provision()
    plot.settle()
    plot.provision()
    assert len(plot.rows()) == 1


@case("active")
def every_conductor_dies_of_resuming_until_one_does_not(plot: Plot) -> None:
    """A crash that comes back with each start, a little later every time."""
    plot.dies(hook.Strike(hook.ANY, 20, "before"))
    plot.provision()
    for number in (3, 6, 9):
        plot.dead()
        plot.fork()
        plot.dies(hook.Strike(hook.ANY, number, "before"))
        plot.victim.call("start")
    plot.dead()
    plot.start()
