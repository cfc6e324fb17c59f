# SPDX-License-Identifier: Apache-2.0

"""The schedule of a seed: requests, deaths of processes, and faults of peers."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import random
from typing import Any
import uuid as uuids

from tests.crash import hook
from tests.crash import scenarios
from tests.crash import victims

#: Seconds in which all requests and faults happen.
SPAN = 2.5

#: Seconds after which another conductor takes over the jobs of a dead one, where there are
#: several.
LEASE = 2

#: kind of conductor -> the first, the last and the most frequent of its events with a strike
EVENTS = {"plugin": (1, 160, 20), "service": (1, 80, 12)}

#: Weight and action of each fault of a request to a peer.
ACTIONS: tuple[tuple[int, Mapping[str, Any]], ...] = (
    (4, {"type": "error", "status": 503, "message": "Later."}),
    (2, {"type": "error", "status": 500, "message": "An unexpected error."}),
    (3, {"type": "drop"}),
    (6, {"type": "lose_answer"}),
    (3, {"type": "delay", "seconds": 0.4}),
    (1, {"type": "garbage"}),
)

#: peer -> requests that can have a fault
TARGETS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "podm": (
        ("POST", "Actions/Allocate"),
        ("POST", "Actions/ComposedNode.Assemble"),
        ("DELETE", "/Nodes/"),
        ("GET", "/Nodes"),
        ("GET", "/Systems"),
    ),
    "ironic": (
        ("POST", "/v1/nodes$"),
        ("POST", "/v1/ports"),
        ("PATCH", "/v1/nodes/"),
        ("PUT", "/states/provision"),
        ("DELETE", "/v1/nodes/"),
        ("GET", "/v1/nodes"),
    ),
}
STATES = ("verifying", "deploying", "deleting", "cleaning")


@dataclasses.dataclass(frozen=True)
class Moment:
    """Something that happens at a time.

    :ivar at: seconds from the start.
    :ivar target: ``user``, ``podm``, ``ironic``, ``valence``, ``conductor`` or ``board``.
    :ivar action: a step (see :mod:`tests.crash.scenarios`), a fault, ``kill``, or the
        seconds for which a conductor sleeps.
    """

    at: float
    target: str
    action: Any


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Everything that a seed determines.

    :ivar moments: in the order of their time.
    :ivar lives: of each conductor, in turn: its strikes, and the seconds until its
        successor starts. One that outlives its strikes is the last. Several conductors
        divide them among themselves.
    :ivar workers: flows that each conductor runs at a time.
    :ivar conductors: number of conductors at a time.
    :ivar kind: of the conductors: the plugin's, or the service's with their API.
    """

    seed: int
    moments: tuple[Moment, ...]
    lives: tuple[tuple[tuple[hook.Strike, ...], float], ...]
    workers: int
    conductors: int = 1
    kind: str = "plugin"

    def __str__(self) -> str:
        counts = f"{self.conductors} conductors, {self.workers} workers"
        lines = [f"seed {self.seed} of the {self.kind}, {counts}"]
        for number, (strikes, pause) in enumerate(self.lives):
            text = "; ".join(f"{s.act} {s.phase} event {s.number}" for s in strikes) or "nothing"
            lines.append(f"  conductor {number}: {text}; the next one {pause:.2f} s later")
        lines += [
            f"  {moment.at:5.2f} {moment.target}: {moment.action}" for moment in self.moments
        ]
        return "\n".join(lines)


def draw(seed: int, kind: str = "plugin") -> Schedule:
    """Return the schedule of a seed: the same every time.

    :param kind: of the conductors.
    """
    rng = random.Random(seed if kind == "plugin" else f"{kind} {seed}")
    moments = [*USERS[kind](rng), *_faults(rng)]
    lives = tuple(draw_life(rng, kind) for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4))))
    if kind == "service":
        # No plugin uses the other Valence here.
        moments = [moment for moment in moments if moment.target != "valence"]
    ordered = tuple(sorted(moments, key=lambda moment: moment.at))
    return Schedule(seed, ordered, lives, rng.choice((1, 2, 4)), kind=kind)


def draw_several(seed: int, kind: str = "plugin") -> Schedule:
    """Return the schedule of a seed for several conductors on one board."""
    base, rng = draw(seed, kind), random.Random(f"several {seed}")
    moments = [*base.moments]
    for _ in range(rng.choice((0, 0, 1, 2))):
        sleep = rng.uniform(0.5, 2 * LEASE)
        moments.append(Moment(rng.uniform(0, SPAN), "conductor", sleep))
    if rng.random() < 0.2:
        moments.append(Moment(rng.uniform(0, SPAN), "board", "kill"))
    lives = (*base.lives, *(draw_life(rng, kind) for _ in range(rng.choice((0, 1, 2)))))
    ordered = tuple(sorted(moments, key=lambda moment: moment.at))
    return Schedule(seed, ordered, lives, base.workers, rng.choice((2, 2, 3)), kind)


def _users_of_plugin(rng: random.Random) -> list[Moment]:
    """Return the requests of several users, each with an instance; some repeat requests."""
    moments = []
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        uuid = str(uuids.UUID(int=rng.getrandbits(128), version=4))
        wishes: dict[str, Any] = {"uuid": uuid, "deploy": rng.random() < 0.7}
        if rng.random() < 0.05:
            wishes["requirements"] = {"processor": {"total_cores": 4000}}
        at = rng.uniform(0, SPAN / 2)
        moments.append(Moment(at, "user", ["provision", wishes]))
        while rng.random() < 0.3:
            moments.append(Moment(at + rng.uniform(0, 0.5), "user", ["provision", wishes]))
        destroy = ["destroy", {"uuid": uuid}]
        while rng.random() < 0.5:
            moments.append(Moment(at + rng.uniform(0.01, SPAN), "user", destroy))
        while rng.random() < 0.5:
            retry = ["retry", {"uuid": uuid, "revive": rng.random() < 0.5}]
            moments.append(Moment(at + rng.uniform(0.01, SPAN), "user", retry))
    return moments


def _users_of_service(rng: random.Random) -> list[Moment]:
    """Return the requests of several users, each with a node, in any order."""
    moments = []
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        uuid, machine = (str(uuids.UUID(int=rng.getrandbits(128), version=4)) for _ in "ab")
        greedy = rng.random() < 0.05
        wishes = scenarios.GREEDY if greedy else victims.PROPERTIES
        compose = _request("POST", "", {"uuid": uuid, "properties": wishes})
        at = rng.uniform(0, SPAN / 2)
        moments.append(Moment(at, "user", compose))
        while rng.random() < 0.3:
            moments.append(Moment(at + rng.uniform(0, SPAN / 2), "user", compose))
        register = {"uuid": machine} if rng.random() < 0.3 else {}
        requests = (
            (4, _request("POST", f"/{uuid}/register", register)),
            (2, _request("POST", f"/{uuid}/unregister")),
            (3, _request("DELETE", f"/{uuid}")),
        )
        while rng.random() < 0.75:
            weights = [weight for weight, _ in requests]
            request = rng.choices([request for _, request in requests], weights)[0]
            moments.append(Moment(at + rng.uniform(0.01, SPAN), "user", request))
    return moments


def _request(method: str, below: str, body: Any = None) -> list[Any]:
    return ["request", {"method": method, "path": f"/v1/nodes{below}", "body": body}]


#: kind of victims -> function that draws the requests of their users
USERS: Mapping[str, Callable[[random.Random], list[Moment]]] = {
    "plugin": _users_of_plugin,
    "service": _users_of_service,
}


def _faults(rng: random.Random) -> list[Moment]:
    moments = []
    for _ in range(rng.choice((0, 1, 2, 3, 4))):
        moments.append(draw_fault(rng))
    if rng.random() < 0.3:
        moments.append(Moment(rng.uniform(0, SPAN), "ironic", {"lock": rng.uniform(0.1, 1.5)}))
    if rng.random() < 0.2:
        fault = {"node": {"assemble": rng.choice(("fail", "stuck"))}}
        moments.append(Moment(0, "podm", fault))
    if rng.random() < 0.3:
        fault = {"fail": rng.choice(STATES), "error": "A failure of the seed.", "times": 1}
        moments.append(Moment(0, "ironic", fault))
    for peer in ("podm", "ironic"):
        if rng.random() < 0.2:
            restart = {"restart": {"seconds": rng.uniform(0.1, 1.5)}}
            moments.append(Moment(rng.uniform(0, SPAN), peer, restart))
    while rng.random() < 0.3:
        moments.append(Moment(rng.uniform(0, SPAN), "valence", "kill"))
    return moments


def draw_fault(rng: random.Random, peers: Sequence[str] = tuple(sorted(TARGETS))) -> Moment:
    """Return a fault of a request to one of the peers."""
    peer = rng.choice(peers)
    method, path = rng.choice(TARGETS[peer])
    weights = [weight for weight, _ in ACTIONS]
    action = rng.choices([action for _, action in ACTIONS], weights)[0]
    body = {
        "match": {"method": method, "path": path},
        "times": rng.choice((1, 1, 1, 2, 3)),
        "after": rng.choice((0, 0, 1, 2)),
        "action": action,
    }
    return Moment(rng.choice((0.0, rng.uniform(0, SPAN))), peer, body)


def draw_life(rng: random.Random, kind: str) -> tuple[tuple[hook.Strike, ...], float]:
    """Return the strikes of one conductor (lost responses, delays, its death), and the pause."""
    strikes = []
    while rng.random() < 0.4:
        phase = rng.choice(hook.REQUEST_PHASES)
        act = rng.choice(("lose", "lose", "delay"))
        number = int(rng.triangular(*EVENTS[kind]))
        strikes.append(hook.Strike(hook.ANY, number, phase, act, rng.uniform(0.05, 0.5)))
    phase = rng.choice(hook.REQUEST_PHASES)
    strikes.append(hook.Strike(hook.ANY, int(rng.triangular(*EVENTS[kind])), phase))
    return tuple(strikes), rng.choice((0.0, rng.uniform(0, 1.0)))
