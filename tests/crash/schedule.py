# SPDX-License-Identifier: Apache-2.0

"""A seed's schedule: who asks for what and when, who dies, and what goes wrong meanwhile."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import random
from typing import Any
import uuid as uuids

from tests.crash import hook
from tests.crash import scenarios
from tests.crash import victims

#: Seconds in which everything is asked for and everything goes wrong.
SPAN = 2.5

#: Seconds after which the jobs of a dead conductor are somebody else's, where there are
#: several.
LEASE = 2

#: kind of conductor -> the first and the last of its events at which something strikes it,
#: and the one at which most does.
EVENTS = {"plugin": (1, 160, 20), "service": (1, 80, 12)}

#: What may go wrong with a request that a peer gets, and how often to draw it.
ACTIONS: tuple[tuple[int, Mapping[str, Any]], ...] = (
    (4, {"type": "error", "status": 503, "message": "Later."}),
    (2, {"type": "error", "status": 500, "message": "An unexpected error."}),
    (3, {"type": "drop"}),
    (6, {"type": "lose_answer"}),
    (3, {"type": "delay", "seconds": 0.4}),
    (1, {"type": "garbage"}),
)

#: Requests that may go wrong, by peer.
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
    :ivar who: ``user``, ``podm``, ``ironic``, ``valence``, ``conductor`` or ``board``.
    :ivar what: a step (see :mod:`tests.crash.scenarios`), a fault, ``kill``, or the
        seconds for which a conductor sleeps.
    """

    at: float
    who: str
    what: Any


@dataclasses.dataclass(frozen=True)
class Schedule:
    """All that a seed draws.

    :ivar kind: of the conductors: the plugin's, or the service's with their API.
    :ivar lives: of each conductor, in turn: what strikes it, and how many
        seconds it takes until the next one is there. One that outlives its
        strikes is the last. Several conductors share them out.
    :ivar conductors: how many there are at a time.
    """

    seed: int
    moments: tuple[Moment, ...]
    lives: tuple[tuple[tuple[hook.Strike, ...], float], ...]
    workers: int
    conductors: int = 1
    kind: str = "plugin"

    def __str__(self) -> str:
        how_many = f"{self.conductors} conductors, {self.workers} workers"
        lines = [f"seed {self.seed} of the {self.kind}, {how_many}"]
        for number, (strikes, pause) in enumerate(self.lives):
            told = "; ".join(f"{s.act} {s.phase} event {s.number}" for s in strikes) or "nothing"
            lines.append(f"  conductor {number}: {told}; the next one {pause:.2f} s later")
        lines += [f"  {moment.at:5.2f} {moment.who}: {moment.what}" for moment in self.moments]
        return "\n".join(lines)


def draw(seed: int, kind: str = "plugin") -> Schedule:
    """Draw the schedule of a seed: the same every time.

    :param kind: of the conductors.
    """
    rng = random.Random(seed if kind == "plugin" else f"{kind} {seed}")
    moments = [*USERS[kind](rng), *_troubles(rng)]
    lives = tuple(_life(rng, kind) for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4))))
    if kind == "service":
        # The Valence that plugins ask is asked by nobody here.
        moments = [moment for moment in moments if moment.who != "valence"]
    ordered = tuple(sorted(moments, key=lambda moment: moment.at))
    return Schedule(seed, ordered, lives, rng.choice((1, 2, 4)), kind=kind)


def draw_several(seed: int, kind: str = "plugin") -> Schedule:
    """Draw the schedule of a seed for several conductors on one board."""
    one, rng = draw(seed, kind), random.Random(f"several {seed}")
    moments = [*one.moments]
    for _ in range(rng.choice((0, 0, 1, 2))):
        asleep = rng.uniform(0.5, 2 * LEASE)
        moments.append(Moment(rng.uniform(0, SPAN), "conductor", asleep))
    if rng.random() < 0.2:
        moments.append(Moment(rng.uniform(0, SPAN), "board", "kill"))
    lives = (*one.lives, *(_life(rng, kind) for _ in range(rng.choice((0, 1, 2)))))
    ordered = tuple(sorted(moments, key=lambda moment: moment.at))
    return Schedule(seed, ordered, lives, one.workers, rng.choice((2, 2, 3)), kind)


def _users_of_plugin(rng: random.Random) -> list[Moment]:
    """Several people, each with an instance, some of them impatient."""
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
    """Several people, each with a node, who ask for anything in any order."""
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
        asked = (
            (4, _request("POST", f"/{uuid}/register", register)),
            (2, _request("POST", f"/{uuid}/unregister")),
            (3, _request("DELETE", f"/{uuid}")),
        )
        while rng.random() < 0.75:
            what = rng.choices([what for _, what in asked], [often for often, _ in asked])[0]
            moments.append(Moment(at + rng.uniform(0.01, SPAN), "user", what))
    return moments


def _request(method: str, below: str, body: Any = None) -> list[Any]:
    return ["ask", {"method": method, "path": f"/v1/nodes{below}", "body": body}]


#: kind of victims -> draws who asks them for what
USERS: Mapping[str, Callable[[random.Random], list[Moment]]] = {
    "plugin": _users_of_plugin,
    "service": _users_of_service,
}


def _troubles(rng: random.Random) -> list[Moment]:
    moments = []
    for _ in range(rng.choice((0, 1, 2, 3, 4))):
        moments.append(_fault(rng))
    if rng.random() < 0.3:
        moments.append(Moment(rng.uniform(0, SPAN), "ironic", {"lock": rng.uniform(0.1, 1.5)}))
    if rng.random() < 0.2:
        mishap = {"node": {"assemble": rng.choice(("fail", "stuck"))}}
        moments.append(Moment(0, "podm", mishap))
    if rng.random() < 0.3:
        broken = {"fail": rng.choice(STATES), "error": "It was drawn.", "times": 1}
        moments.append(Moment(0, "ironic", broken))
    for peer in ("podm", "ironic"):
        if rng.random() < 0.2:
            away = {"restart": {"seconds": rng.uniform(0.1, 1.5)}}
            moments.append(Moment(rng.uniform(0, SPAN), peer, away))
    while rng.random() < 0.3:
        moments.append(Moment(rng.uniform(0, SPAN), "valence", "kill"))
    return moments


def _fault(rng: random.Random) -> Moment:
    peer = rng.choice(sorted(TARGETS))
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


def _life(rng: random.Random, kind: str) -> tuple[tuple[hook.Strike, ...], float]:
    """Draw what happens to one conductor: answers that are lost, and its death."""
    strikes = []
    while rng.random() < 0.4:
        phase = rng.choice(hook.REQUEST_PHASES)
        act = rng.choice(("lose", "lose", "delay"))
        number = int(rng.triangular(*EVENTS[kind]))
        strikes.append(hook.Strike(hook.ANY, number, phase, act, rng.uniform(0.05, 0.5)))
    phase = rng.choice(hook.REQUEST_PHASES)
    strikes.append(hook.Strike(hook.ANY, int(rng.triangular(*EVENTS[kind])), phase))
    return tuple(strikes), rng.choice((0.0, rng.uniform(0, 1.0)))
