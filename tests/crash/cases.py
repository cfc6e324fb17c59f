# SPDX-License-Identifier: Apache-2.0

"""Named cases: the requirements of a crash-proof conductor, and defects that were found.

``python -m tests.crash --case "two deletions at once"`` runs one of them. Each is a
function that causes the failure; the invariants are checked when it returns.
"""

from collections.abc import Callable
import contextlib
import dataclasses
import time
from typing import Any
import uuid as uuids

from tests.crash import harness
from tests.crash import hook
from tests.crash import process
from tests.crash import shared as crash_shared
from tests.crash import world as crash_world

#: Seconds for which a peer is unavailable: an outage of thirty seconds, at the scale of
#: :mod:`tests.crash.configuration`, whose timeouts are a twentieth of the defaults.
OUTAGE = 1.5


@dataclasses.dataclass(frozen=True)
class Case:
    """One case.

    :ivar function: causes the failure.
    :ivar ends: states in which an instance may end.
    """

    name: str
    function: Callable[[Any], None]
    ends: frozenset[str]


CASES: dict[str, Case] = {}

#: Delays the responses of the pod manager about a node.
SLOW_PODM = {
    "match": {"method": "GET", "path": "/Nodes/."},
    "action": {"type": "delay", "seconds": 0.3},
    "times": 3,
}

#: Delays those of Ironic about a node, so that a poll for a task does not miss it.
SLOW_IRONIC = {
    "match": {"method": "GET", "path": "/v1/nodes/."},
    "action": {"type": "delay", "seconds": 0.3},
    "times": None,
}

Function = Callable[["CaseRun"], None]


def case(ends: str) -> Callable[[Function], Function]:
    """Register a function as a case, with its name; rows may end in these states."""

    def register(function: Function) -> Function:
        name = function.__name__.replace("_", " ")
        CASES[name] = Case(name, function, frozenset(ends.split()))
        return function

    return register


class CaseRun(harness.Harness):
    """A run of a case, with one instance."""

    def __init__(
        self, world: crash_world.World, shared: crash_shared.Shared | None = None
    ) -> None:
        super().__init__(world, "plugin", shared=shared)
        self.uuid = str(uuids.uuid4())

    def provision(self, **wishes: Any) -> None:
        """Request the instance."""
        self.victim.call("provision", uuid=self.uuid, **wishes)

    def destroy(self) -> None:
        """Request its destruction."""
        self.victim.call("destroy", uuid=self.uuid)

    def until_task(self, task: str) -> None:
        """Wait until the row has a task."""
        self.until(lambda: any(row["task"] == task for row in self.rows()), task)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition.

        :param what: the condition, in the error.
        :raises TimeoutError: it is still false after the timeout.
        """
        if not crash_world.until(condition, harness.TIMEOUT):
            raise TimeoutError(f"timed out waiting for {what}: {self.rows()}")

    def arm(self, *strikes: hook.Strike) -> None:
        """Arm the victim with strikes."""
        self.victim.call("arm", strikes=[strike.json() for strike in strikes])

    def until_dead(self) -> None:
        """Wait until the victim has died."""
        self.until(lambda: not self.victim.is_alive(), "the death of the victim")


def run(world: crash_world.World, name: str) -> list[str]:
    """Run a case; return its violations."""
    case_run = CaseRun(world)
    try:
        case_run.start()
        CASES[name].function(case_run)
        return case_run.finish(CASES[name].ends)
    except (process.ProcessDied, process.CommandFailed, TimeoutError) as exc:
        return [f"{type(exc).__name__}: {exc}", *case_run.find_violations(CASES[name].ends)]
    finally:
        case_run.close()


def _kill_at(run: CaseRun, label: str, phase: str) -> None:
    """Kill the victim during a provision, and start another.

    After the row is committed a sweep may do the rest, in the background.
    """
    labels = (label, f"{label}{hook.IN_BACKGROUND}")
    run.arm(*(hook.Strike(each, 1, phase) for each in labels))
    with contextlib.suppress(process.ProcessDied):
        run.provision()
    run.until_dead()
    run.start()


@case("active")
def a_submit_that_dies_before_the_row_is_committed(run: CaseRun) -> None:
    """There is no row, so that there is no instance; the caller repeats the request."""
    _kill_at(run, "COMMIT insert instances", "before")
    assert not run.rows()
    run.provision()


@case("active")
def a_submit_that_dies_when_the_row_is_committed(run: CaseRun) -> None:
    """The row is pending, but its flow is not in the journal."""
    _kill_at(run, "COMMIT insert logbooks, insert flowdetails", "before")


@case("active")
def a_submit_that_dies_when_the_flow_is_in_the_journal(run: CaseRun) -> None:
    """The flow was never started."""
    _kill_at(run, "COMMIT update flowdetails, insert atomdetails", "before")


@case("active error")
def the_pod_manager_is_unavailable_when_a_node_is_composed(run: CaseRun) -> None:
    """It refuses connections, and no other pod manager can compose the node either."""
    run.provision()
    run.until_task("compose-node")
    run.world.fault("podm", {"restart": {"seconds": OUTAGE}})


@case("active")
def the_pod_manager_restarts_during_an_assembly(run: CaseRun) -> None:
    """It is unavailable while a node is assembled, and loses all sessions."""
    run.world.fault("podm", SLOW_PODM)
    run.provision()
    run.until(lambda: bool(run.world.pool()["nodes"]), "a node")
    run.world.fault("podm", {"restart": {"seconds": OUTAGE}})


@case("active")
def valence_is_killed_and_unavailable_during_a_provision(run: CaseRun) -> None:
    """The plugin waits for it, and its own conductor resumes after its restart."""
    run.provision()
    run.until_task("compose-node")
    run.world.kill_valence()
    time.sleep(OUTAGE)
    run.world.start_valence()


@case("error")
def ironic_is_unavailable_during_a_revert(run: CaseRun) -> None:
    """The deployment fails, and Ironic is unavailable during the revert."""
    run.world.fault("ironic", {"fail": "deploying", "error": "No."})
    run.world.fault("ironic", SLOW_IRONIC)
    run.provision()
    run.until_task("undo deploy-node")
    run.world.fault("ironic", {"restart": {"seconds": OUTAGE}})


@case("active")
def ironic_locks_the_node_for_a_while(run: CaseRun) -> None:
    """The response to every change is 409, as during a periodic task of Ironic."""
    run.world.fault("ironic", SLOW_IRONIC)
    run.provision()
    run.until_task("enroll-node")
    run.world.fault("ironic", {"lock": OUTAGE})
    run.until_task("deploy-node")
    run.world.fault("ironic", {"lock": OUTAGE})


@case("active")
def the_response_to_an_allocation_is_lost(run: CaseRun) -> None:
    """The pod manager has allocated the node, and no process has its path."""
    lost = {"match": {"method": "POST", "path": "Actions/Allocate"}}
    run.world.fault("podm", {**lost, "action": {"type": "lose_answer"}})
    run.provision()


@case("error")
def an_assembly_fails(run: CaseRun) -> None:
    """The node becomes Failed, and is released."""
    run.world.fault("podm", {"node": {"assemble": "fail"}})
    run.provision()


@case("deleted")
def a_deletion_arrives_while_provisioning_runs(run: CaseRun) -> None:
    """The flow is cancelled while it waits, reverted, and the instance destroyed."""
    run.world.fault("podm", {"node": {"assemble": "stuck"}})
    run.provision()
    run.until_task("compose-node")
    run.destroy()


@case("deleted")
def two_deletions_at_once(run: CaseRun) -> None:
    """Two callers, in two threads."""
    run.provision()
    run.settle()
    run.victim.call("destroy_twice", uuid=run.uuid)


@case("active")
def a_provision_repeated_by_an_impatient_caller(run: CaseRun) -> None:
    """A repeated request returns the same instance, before, during and after a crash."""
    run.world.fault("ironic", SLOW_IRONIC)
    for _ in range(3):
        run.provision()
    run.until_task("enroll-node")
    run.victim.kill()
    run.start()
    run.provision()
    run.settle()
    run.provision()
    assert len(run.rows()) == 1


@case("active")
def every_conductor_dies_while_resuming_until_one_does_not(run: CaseRun) -> None:
    """A crash that repeats after each start, a little later every time."""
    run.arm(hook.Strike(hook.ANY, 20, "before"))
    run.provision()
    for number in (3, 6, 9):
        run.until_dead()
        run.fork()
        run.arm(hook.Strike(hook.ANY, number, "before"))
        run.victim.call("start")
    run.until_dead()
    run.start()
