# SPDX-License-Identifier: Apache-2.0

"""The main job on one pod manager, among strangers, and what must be true afterwards.

Strangers are nodes that other clients have composed on the same pod manager. A bystander
is a node of the same Valence that no step is about. No request that changes something may
concern the machine of either.
"""

from collections.abc import Callable
from collections.abc import Mapping
import contextlib
import dataclasses
import time
from typing import Any
import uuid as uuids

from tests.crash import configuration
from tests.crash import harness
from tests.crash import hook
from tests.crash import process
from tests.crash import scenarios
from tests.crash import victims
from tests.crash import world as crash_world
from tests.quirks import draw
from tests.quirks import expectations
from tests.quirks import podmanager

#: Seconds in which an operation must end, all its deadlines included; the machine may be busy.
END = 30.0

#: Machines: three strangers, the bystander, two nodes of the job, and a free one.
SYSTEMS = 7

#: Seconds in which several audits run, beyond the grace period.
AUDITED = 2.7

#: Options of the service: deadlines a little longer than the lag of any quirk.
OPTIONS: Mapping[str, Any] = {
    **configuration.AUDITS,
    "conductor__sweep_interval": 0.3,
    "podmanagers__session_after": 0,
    "podmanagers__poll_interval": 0.1,
    "podmanagers__allocate_timeout": 8.0,
    "podmanagers__assemble_timeout": 8.0,
    "podmanagers__delete_timeout": 5.0,
    "podmanagers__busy_timeout": 4.0,
    # The refresh of a conductor that died is repeated soon.
    "inventory__request_timeout": 6.0,
    "inventory__refresh_timeout": 5.0,
    "nodes__outage_timeout": 6.0,
    "nodes__lost_answer_timeout": 1.0,
    "nodes__stray_grace": 0.3,
}

#: The path of a deleted node, in each of the ways in which links are written.
DELETED = (
    f"{podmanager.NODES}/1",
    f"{podmanager.NODES}/1/",
    "/redfish/v1/%4eodes/1",
    "/redfish/v1/%4Eodes/1",
)

#: Status of a response that nothing explains.
UNEXPECTED = 500


@dataclasses.dataclass
class Outcome:
    """The result of a job.

    :ivar ends: step -> the code with which it was refused; None: it succeeded.
    :ivar kills: number of conductors that died.
    """

    ends: dict[str, str | None]
    kills: int
    violations: list[str]
    folder: str


def run(drawn: draw.Draw, *, is_strict: bool = True) -> Outcome:
    """Run the main job in a world of its own.

    :param is_strict: whether each step ends as the table of expectations has it; otherwise
        any step may end in an error.
    """
    world = crash_world.World(systems=SYSTEMS, with_valence=False)
    job = Job(world, drawn, is_strict)
    try:
        job.begin()
        violations = job.play()
    except (process.ProcessDied, process.CommandFailed, TimeoutError, OSError) as exc:
        job.check_machines()
        violations = [*job.violations, f"{type(exc).__name__}: {exc}"]
    finally:
        job.close()
    violations = list(dict.fromkeys(violations))
    world.close()
    if not violations:
        crash_world.discard(world.folder)
    return Outcome(job.ends, job.kills, violations, str(job.folder))


class Job(harness.Harness):
    """The main job, step by step."""

    def __init__(self, world: crash_world.World, drawn: draw.Draw, is_strict: bool) -> None:
        super().__init__(world, "service", OPTIONS)
        self._drawn = drawn
        self._expectation = expectations.of(drawn.quirks)
        self._lives = list(drawn.lives)
        self.podm = podmanager.PodManager(world)
        self._may_leave = self._expectation.may_leave
        self._is_strict = is_strict
        self.violations: list[str] = []
        self.ends: dict[str, str | None] = {}
        self.kills = 0
        self.node, self.bystander, self.lost_node = (str(uuids.uuid4()) for _ in range(3))
        #: The machine of the bystander, and the requests between which none may concern it.
        self._bystander: str | None = None
        self._composed_at = self._released_at = 0

    # The world

    def begin(self) -> None:
        """Compose the nodes of strangers, and start the conductor."""
        self.podm.compose_strangers()
        self.start()

    def play(self) -> list[str]:
        """Play all steps; return the violations."""
        for step in expectations.STEPS:
            if step == self._expectation.from_step:
                self.podm.switch(self._drawn.quirks)
            if step == self._drawn.armed_at:
                self._arm()
            if step == "compose":
                for fault in self._drawn.faults:
                    self.world.fault("podm", fault)
            self._play(step)
        time.sleep(AUDITED)
        for row in self.rows():
            self._await(row["uuid"])
        self.world.no_faults()
        self._released_at = self.podm.count_requests()
        self.check_machines()
        self.violations += self.find_violations(frozenset({"composed", "error"}), held=True)
        self._finish()
        return self.violations

    def _finish(self) -> None:
        """Switch the quirks off, release everything, and check that nothing is left."""
        self._lives.clear()
        self.victim.call("disarm")
        self._check_exercised()
        self.podm.switch([])
        self.request("request", method="GET", path="/v1/systems?refresh=true")
        self._may_leave = False
        if self._lost_machines():
            # Audits give back what they may, now that every node can be recognized.
            time.sleep(AUDITED)
            self.settle()
        self.release_all()
        self.violations += self.find_leftovers()
        self.check_machines()

    def _check_exercised(self) -> None:
        """Check that a quirk that is played alone has been noticeable."""
        idle = set(self._drawn.quirks) - set(self.podm.exercised())
        if len(self._drawn.quirks) == 1 and idle:
            self.violations.append(f"{idle.pop()} has not changed any response")

    # The steps; each returns the code with which it was refused, or None.

    def _play(self, step: str) -> None:
        function = getattr(self, f"_{step}")
        begun = time.monotonic()
        code = self.ends[step] = function()
        took = time.monotonic() - begun
        if took > END:
            self.violations.append(f"{step} took {took:.0f} s")
        if self._is_strict and not expectations.allows(self._expectation, step, code):
            end = f"was refused: {code} {self._reason(step)}" if code else "was not refused"
            self.violations.append(f"{step} {end}".strip())

    def _add(self) -> str | None:
        return self._call("POST", "/v1/podmanagers", self.world.podm())

    def _refresh(self) -> str | None:
        body = self._response("GET", "/v1/systems?refresh=true")
        if body.get("errors"):
            return str(body["errors"][0].get("code"))
        if self._is_strict and len(body["systems"]) != SYSTEMS:
            return f"{len(body['systems'])} systems instead of {SYSTEMS}"
        return None

    def _compose(self) -> str | None:
        code = self._compose_node(self.bystander)
        self._composed_at = self.podm.count_requests()
        self._bystander = self.podm.machines().get(f"valence-{self.bystander}")
        return code or self._compose_node(self.node)

    def _read(self) -> str | None:
        """Read the node after a restart of the pod manager."""
        self.world.fault("podm", {"restart": {"seconds": 0.1}})
        time.sleep(0.3)
        code = self._call("GET", f"/v1/nodes/{self.node}")
        time.sleep(AUDITED)
        self._await(self.node)
        state = self._row(self.node).get("state")
        return code or (None if state == "composed" else f"the node is {state}")

    def _reset(self) -> str | None:
        return self._action({"Reset": {"Type": "On"}})

    def _boot(self) -> str | None:
        return self._action({"Boot": {"Target": "Pxe"}})

    def _register(self) -> str | None:
        return self._operate(self.node, "POST", "/register", {})

    def _unregister(self) -> str | None:
        if self.ends["register"] is not None:
            return None
        return self._operate(self.node, "POST", "/unregister")

    def _lost(self) -> str | None:
        """Compose a node; the answer to Allocate is lost."""
        self.world.fault(*scenarios.ALLOCATE_LOST)
        return self._compose_node(self.lost_node)

    def _killed(self) -> str | None:
        """Release that node; the conductor is killed when it has requested the deletion."""
        if self._row(self.lost_node).get("state") != "composed":
            return None
        if not self._is_strict:
            return self._release_node(self.lost_node)
        labels = [f"DELETE podm {hook.anonymous(path)}" for path in DELETED]
        strikes = [hook.Strike(f"{label}{hook.IN_BACKGROUND}", 1, "sent") for label in labels]
        self.victim.call("arm", strikes=[strike.json() for strike in strikes])
        code = self._release_node(self.lost_node)
        if not self.kills and not code:
            self.violations.append("no conductor was killed while it deleted a node")
        return code

    def _release(self) -> str | None:
        if self._is_strict:
            self.victim.call("disarm")
        return self._release_node(self.node)

    # What the steps are made of

    def _compose_node(self, uuid: str) -> str | None:
        body = {"uuid": uuid, "properties": victims.PROPERTIES}
        return self._operate(uuid, "POST", "", body, below="/v1/nodes")

    def _release_node(self, uuid: str) -> str | None:
        code = self._operate(uuid, "DELETE")
        if code is None and self._row(uuid):
            code = f"the node is {self._row(uuid)['state']}"
        return code

    def _action(self, body: Any) -> str | None:
        return self._call("POST", f"/v1/nodes/{self.node}/action", body)

    def _operate(
        self, uuid: str, method: str, path: str = "", body: Any = None, below: str | None = None
    ) -> str | None:
        """Request an operation, and wait for its end; return the code of its fault."""
        code = self._call(method, f"{below or f'/v1/nodes/{uuid}'}{path}", body)
        self._await(uuid)
        fault = self._row(uuid).get("fault") or {}
        return code or fault.get("code")

    def _call(self, method: str, path: str, body: Any = None) -> str | None:
        response = self._response(method, path, body)
        return str(response["errors"][0]["code"]) if response.get("errors") else None

    def _response(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send a request to the API; repeat it when the conductor dies of it."""
        while True:
            self.ensure_running()
            with contextlib.suppress(process.ProcessDied):
                status, response = self.victim.call("request", method=method, path=path, body=body)
                if status == UNEXPECTED:
                    self.violations.append(f"{method} {path} was answered with {response}")
                return response or {}

    def _row(self, uuid: str) -> dict[str, Any]:
        return next((row for row in self.rows() if row["uuid"] == uuid), {})

    def _reason(self, step: str) -> str:
        uuid = self.lost_node if step in ("lost", "killed") else self.node
        fault = self._row(uuid).get("fault") or {}
        return " ".join(filter(None, (fault.get("detail"), fault.get("reason"))))

    # Processes and peers

    def ensure_running(self) -> None:
        """Start a successor of a dead conductor."""
        if not self.victim.is_alive():
            self.kills += 1
            self.fork()
            with contextlib.suppress(process.ProcessDied):  # the next poll starts its successor
                self._arm()
                self.victim.call("start")

    def _arm(self) -> None:
        """Arm the conductor with the strikes of the next life."""
        strikes = self._lives.pop(0) if self._lives else ()
        self.victim.call("arm", strikes=[strike.json() for strike in strikes])

    def request(self, command: str, **arguments: Any) -> None:
        """Run a command in the conductor that is alive."""
        self.ensure_running()
        super().request(command, **arguments)

    def settle(self) -> None:
        """Wait until nothing is running.

        :raises TimeoutError: an operation has not ended in its time.
        """
        self._until(self.is_settled)

    def _await(self, uuid: str) -> None:
        """Wait until no operation of a node is running; audits may begin one again.

        :raises TimeoutError: the operation has not ended in its time.
        """
        self._until(lambda: self._row(uuid).get("state") not in crash_world.TRANSITIONAL)

    def _until(self, condition: Callable[[], bool]) -> None:
        def is_met() -> bool:
            self.ensure_running()
            return condition()

        if not crash_world.until(is_met, END):
            rows = [(row["state"], row["task"], row["fault"]) for row in self.rows()]
            raise TimeoutError(f"something is still running after {END:.0f} s: {rows}")

    # Invariants

    def _snapshot(self) -> crash_world.Snapshot:
        """Return a snapshot without the strangers, which are checked by themselves.

        While nodes may stay it has none of the lost ones either, and what audits release
        again and again is what it is between two of them: in error.
        """
        snapshot = super()._snapshot()
        without = {*self.podm.strangers, *(self._lost_machines() if self._may_leave else ())}
        pool = [node for node in snapshot.pool if node["system"] not in without]
        snapshot = dataclasses.replace(snapshot, pool=pool)
        if not self._may_leave:
            return snapshot
        rows = [_between_audits(row) for row in snapshot.rows]
        return dataclasses.replace(snapshot, rows=rows, nodes=rows, logbooks=[])

    def _lost_machines(self) -> set[str]:
        """Return the systems of nodes that are neither a stranger's nor a row's."""
        names = {f"valence-{row['uuid']}" for row in self.rows()}
        machines = {system for name, system in self.podm.machines().items() if name not in names}
        return machines - set(self.podm.strangers)

    def check_machines(self) -> None:
        """Check that no machine of a stranger, or of the bystander, was touched."""
        times = (self._composed_at, self._released_at)
        self.violations += self.podm.check(self._bystander, *times)


def _between_audits(row: crash_world.Row) -> crash_world.Row:
    is_repeated = row["state"] == "releasing" and row["fault"] is not None
    return {**row, "state": "error", "task": None} if is_repeated else row
