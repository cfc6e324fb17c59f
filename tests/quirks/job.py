# SPDX-License-Identifier: Apache-2.0

"""The main job on one pod manager, among strangers, and what must be true afterwards.

Strangers are nodes that other clients have composed on the same pod manager. A bystander
is a node of the same Valence that no step is about. No request that changes something may
concern the machine of either.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import time
from typing import Any
import uuid as uuids

import requests

from tests.crash import configuration
from tests.crash import harness
from tests.crash import hook
from tests.crash import peers
from tests.crash import process
from tests.crash import scenarios
from tests.crash import victims
from tests.crash import world as crash_world
from tests.quirks import draw
from tests.quirks import expectations

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
    "nodes__outage_timeout": 4.0,
    "nodes__lost_answer_timeout": 1.0,
    "nodes__stray_grace": 0.3,
}

OTHER_INSTALLATION = "[valence 00000000-1111-4222-8333-444444444444]"

#: Name and Description of the strangers: of another installation, of a person, and one
#: whose Name looks like ours.
STRANGERS = (
    ("valence-aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", f"{OTHER_INSTALLATION} database"),
    ("database-1", None),
    ("valence-aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff", None),
)

NODES = "/redfish/v1/Nodes"

#: The path of a deleted node, in each of the ways in which links are written.
DELETED = (f"{NODES}/1", f"{NODES}/1/", "/redfish/v1/%4eodes/1", "/redfish/v1/%4Eodes/1")

#: Most responses of 503 in a job: a client that repeats a request at once has many more.
MOST_BUSY = 200

#: Status of a response that nothing explains.
UNEXPECTED = 500
BUSY = 503


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
        self._may_leave = self._expectation.may_leave
        self._is_strict = is_strict
        self._session = requests.Session()
        self._session.auth = ("admin", "admin")
        self.violations: list[str] = []
        self.ends: dict[str, str | None] = {}
        self.kills = 0
        self.node, self.bystander, self.lost_node = (str(uuids.uuid4()) for _ in range(3))
        #: Systems of strangers -> their nodes at the start.
        self._strangers: dict[str, dict[str, Any]] = {}
        #: The machine of the bystander, and the requests between which none may concern it.
        self._bystander: str | None = None
        self._composed_at = self._released_at = 0

    # The world

    def begin(self) -> None:
        """Compose the nodes of strangers, and start the conductor."""
        for name, description in STRANGERS:
            body = {"Name": name, **({"Description": description} if description else {})}
            answer = self._redfish("POST", f"{NODES}/Actions/Allocate", body)
            path = answer.headers["Location"]
            self._redfish("POST", f"{path}/Actions/ComposedNode.Assemble", {})
        crash_world.until(
            lambda: all(node["state"] == "Assembled" for node in self.world.pool()["nodes"]), 5.0
        )
        pool = self.world.pool()
        self._strangers = {node["system"]: node for node in pool["nodes"]}
        self.world.fingerprint = pool["fingerprint"]
        self._control("DELETE", "requests")
        self.start()

    def play(self) -> list[str]:
        """Play all steps; return the violations."""
        for step in expectations.STEPS:
            if step == self._expectation.from_step:
                self._switch(self._drawn.quirks)
            if step == self._drawn.armed_at:
                self._arm()
            if step == "compose":
                for fault in self._drawn.faults:
                    self.world.fault("podm", fault)
            self._play(step)
        time.sleep(AUDITED)
        self.settle()
        self.world.no_faults()
        self._released_at = self._control("GET", "requests")["total"]
        self._check_machines()
        self.violations += self.find_violations(frozenset({"composed", "error"}), held=True)
        self._finish()
        return self.violations

    def _finish(self) -> None:
        """Switch the quirks off, release everything, and check that nothing is left."""
        self._lives.clear()
        self.victim.call("disarm")
        self._switch([])
        self.request("request", method="GET", path="/v1/systems?refresh=true")
        self._may_leave = False
        if self._lost_machines():
            # Audits give back what they may, now that every node can be recognized.
            time.sleep(AUDITED)
            self.settle()
        self.release_all()
        self.violations += self.find_leftovers()
        self._check_machines()

    # The steps; each returns the code with which it was refused, or None.

    def _play(self, step: str) -> None:
        function = getattr(self, f"_{step}")
        begun = time.monotonic()
        code = self.ends[step] = function()
        self.settle()
        took = time.monotonic() - begun
        if took > END:
            self.violations.append(f"{step} took {took:.0f} s")
        if self._is_strict and not expectations.allows(self._expectation, step, code):
            self.violations.append(f"{step} was refused: {code} {self._reason(step)}".strip())

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
        self._composed_at = self._control("GET", "requests")["total"]
        self._bystander = self._machines().get(f"valence-{self.bystander}")
        return code or self._compose_node(self.node)

    def _read(self) -> str | None:
        """Read the node after a restart of the pod manager."""
        self.world.fault("podm", {"restart": {"seconds": 0.1}})
        time.sleep(0.3)
        code = self._call("GET", f"/v1/nodes/{self.node}")
        time.sleep(AUDITED)
        self.settle()
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
        self.settle()
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

        def is_settled() -> bool:
            self.ensure_running()
            return self.is_settled()

        if not crash_world.until(is_settled, END):
            rows = [(row["state"], row["task"], row["fault"]) for row in self.rows()]
            raise TimeoutError(f"something is still running after {END:.0f} s: {rows}")

    def _switch(self, quirks: Sequence[str]) -> None:
        self._control("PUT", "quirks", {"quirks": list(quirks)})

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        return peers.request(method, f"{self.world.urls['podm']}/control/{path}", body)

    def _redfish(self, method: str, path: str, body: Any) -> requests.Response:
        response = self._session.request(
            method, self.world.urls["podm"] + path, json=body, timeout=10
        )
        response.raise_for_status()
        return response

    def _machines(self) -> dict[str, str]:
        """Return the Names of the nodes, and the systems that they hold."""
        return {node["name"]: node["system"] for node in self.world.pool()["nodes"]}

    # Invariants

    def _snapshot(self) -> crash_world.Snapshot:
        """Return a snapshot without the strangers, which are checked by themselves.

        It has none of the lost nodes either while they may stay.
        """
        snapshot = super()._snapshot()
        without = {*self._strangers, *(self._lost_machines() if self._may_leave else ())}
        pool = [node for node in snapshot.pool if node["system"] not in without]
        return dataclasses.replace(snapshot, pool=pool)

    def _lost_machines(self) -> set[str]:
        """Return the systems of nodes that are neither a stranger's nor a row's."""
        names = {f"valence-{row['uuid']}" for row in self.rows()}
        machines = {system for name, system in self._machines().items() if name not in names}
        return machines - set(self._strangers)

    def _check_machines(self) -> None:
        """Check that no machine of a stranger, or of the bystander, was touched."""
        nodes = {node["system"]: node for node in self.world.pool()["nodes"]}
        for system, stranger in self._strangers.items():
            node = nodes.get(system)
            if node is None or node["name"] != stranger["name"] or node["state"] != "Assembled":
                self.violations.append(f"the node of a stranger has become {node}: {stranger}")
        log = self._control("GET", "requests")["requests"]
        busy = sum(entry["status"] == BUSY for entry in log)
        if busy > MOST_BUSY:
            self.violations.append(f"{busy} requests were sent while the service was busy")
        for entry in log:
            machine, line = entry["machine"], f"{entry['method']} {entry['path']}"
            if machine in self._strangers:
                self.violations.append(f"the machine of a stranger was touched: {line}")
            is_late = self._composed_at < entry["seq"] <= self._released_at
            if machine is not None and machine == self._bystander and is_late:
                self.violations.append(f"the machine of the bystander was touched: {line}")
