# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""A seed's schedule: who asks for what and when, who dies, and what goes wrong meanwhile."""

from collections.abc import Mapping
import dataclasses
import random
from typing import Any
import uuid as uuids

from tests.crash import hook

#: Seconds in which everything is asked for and everything goes wrong.
SPAN = 2.5

#: Seconds after which the jobs of a dead conductor are somebody else's, where there are
#: several.
LEASE = 2

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
    :ivar what: a command with its arguments, a fault, ``kill``, or the seconds for
        which a conductor sleeps.
    """

    at: float
    who: str
    what: Any


@dataclasses.dataclass(frozen=True)
class Schedule:
    """All that a seed draws.

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

    def __str__(self) -> str:
        lines = [f"seed {self.seed}, {self.conductors} conductors, {self.workers} workers"]
        for number, (strikes, pause) in enumerate(self.lives):
            told = "; ".join(f"{s.act} {s.phase} event {s.number}" for s in strikes) or "nothing"
            lines.append(f"  conductor {number}: {told}; the next one {pause:.2f} s later")
        lines += [f"  {moment.at:5.2f} {moment.who}: {moment.what}" for moment in self.moments]
        return "\n".join(lines)


def draw(seed: int) -> Schedule:
    """Draw the schedule of a seed: the same every time."""
    rng = random.Random(seed)
    moments = [*_users(rng), *_troubles(rng)]
    lives = tuple(_life(rng) for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4))))
    ordered = tuple(sorted(moments, key=lambda moment: moment.at))
    return Schedule(seed, ordered, lives, rng.choice((1, 2, 4)))


def draw_several(seed: int) -> Schedule:
    """Draw the schedule of a seed for several conductors on one board."""
    one, rng = draw(seed), random.Random(f"several {seed}")
    moments = [*one.moments]
    for _ in range(rng.choice((0, 0, 1, 2))):
        asleep = rng.uniform(0.5, 2 * LEASE)
        moments.append(Moment(rng.uniform(0, SPAN), "conductor", asleep))
    if rng.random() < 0.2:
        moments.append(Moment(rng.uniform(0, SPAN), "board", "kill"))
    lives = (*one.lives, *(_life(rng) for _ in range(rng.choice((0, 1, 2)))))
    ordered = tuple(sorted(moments, key=lambda moment: moment.at))
    return Schedule(seed, ordered, lives, one.workers, rng.choice((2, 2, 3)))


def _users(rng: random.Random) -> list[Moment]:
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
    return moments


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


def _life(rng: random.Random) -> tuple[tuple[hook.Strike, ...], float]:
    """Draw what happens to one conductor: answers that are lost, and its death."""
    strikes = []
    while rng.random() < 0.4:
        phase = rng.choice(hook.REQUEST_PHASES)
        act = rng.choice(("lose", "lose", "delay"))
        number = int(rng.triangular(1, 160, 20))
        strikes.append(hook.Strike(hook.ANY, number, phase, act, rng.uniform(0.05, 0.5)))
    phase = rng.choice(hook.REQUEST_PHASES)
    strikes.append(hook.Strike(hook.ANY, int(rng.triangular(1, 160, 20)), phase))
    return tuple(strikes), rng.choice((0.0, rng.uniform(0, 1.0)))
