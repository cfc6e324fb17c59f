# SPDX-License-Identifier: Apache-2.0

"""What victims do when they are killed: every flow, to its end and reverted."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from tests.crash import victims

#: A step: a command, and its arguments. ``$1`` stands for the first uuid, ``$podm`` for the
#: body that registers the pod manager. ``settle`` waits until nothing is running,
#: ``appears`` until the pod manager has a node.
Step = tuple[str, Mapping[str, Any]]

INSTANCE = "$1"

SETTLE: Step = ("settle", {})
APPEARS: Step = ("appears", {})
START: Step = ("start", {})
PROVISION: Step = ("provision", {"uuid": INSTANCE})
DESTROY: Step = ("destroy", {"uuid": INSTANCE})
RETRY: Step = ("retry", {"uuid": INSTANCE, "revive": True})
REGISTER_PODM: Step = ("request", {"method": "POST", "path": "/v1/podmanagers", "body": "$podm"})


def _node(method: str, below: str = "", body: Any = None) -> Step:
    path = f"/v1/nodes{below}".replace("$", INSTANCE)
    return ("request", {"method": method, "path": path, "body": body})


COMPOSE = _node("POST", body={"uuid": INSTANCE, "properties": victims.PROPERTIES})
GREEDY = {"processor": {"total_cores": 4000}}
COMPOSE_TOO_MUCH = _node("POST", body={"uuid": INSTANCE, "properties": GREEDY})
REGISTER = _node("POST", "/$/register", {})
UNREGISTER = _node("POST", "/$/unregister")
RELEASE = _node("DELETE", "/$")

ASSEMBLY_FAILS = ("podm", {"node": {"assemble": "fail"}})
ASSEMBLY_STICKS = ("podm", {"node": {"assemble": "stuck"}})
NO_PORT = (
    "ironic",
    {
        "match": {"method": "POST", "path": "/v1/ports"},
        "times": None,
        "action": {"type": "error", "status": 400, "message": "No port is allowed."},
    },
)
ALLOCATE_LOST = (
    "podm",
    {
        "match": {"method": "POST", "path": "Actions/Allocate"},
        "action": {"type": "lose_answer"},
    },
)
CREATE_LOST = (
    "ironic",
    {"match": {"method": "POST", "path": "/v1/nodes$"}, "action": {"type": "lose_answer"}},
)


def _fail(state: str, times: int = 1) -> tuple[str, dict[str, Any]]:
    return ("ironic", {"fail": state, "error": f"{state} failed by injection", "times": times})


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One flow, and its result.

    :ivar kind: of the victim.
    :ivar prepare: steps before events are counted.
    :ivar act: steps during which the victim is killed.
    :ivar faults: peer and fault, injected before the act.
    :ivar ends: states in which a row may end.
    :ivar started: whether the conductor is started before events are counted.
    :ivar insist: whether steps without a response are repeated after a kill.
    """

    name: str
    kind: str
    act: tuple[Step, ...]
    ends: frozenset[str]
    prepare: tuple[Step, ...] = ()
    faults: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    started: bool = True
    insist: bool = False


def _plugin(name: str, *act: Step, ends: str, **more: Any) -> Scenario:
    return Scenario(f"plugin {name}", "plugin", act, frozenset(ends.split()), **more)


def _service(name: str, *act: Step, ends: str, **more: Any) -> Scenario:
    prepare = (REGISTER_PODM, *more.pop("prepare", ()))
    return Scenario(f"service {name}", "service", act, frozenset(ends.split()), prepare, **more)


COMPOSED = (COMPOSE, SETTLE)
REGISTERED = (COMPOSE, SETTLE, REGISTER, SETTLE)
PROVISIONED = (PROVISION, SETTLE)

ALL: tuple[Scenario, ...] = (
    _plugin("first start", START, PROVISION, SETTLE, ends="active", started=False),
    _plugin("provision", PROVISION, SETTLE, ends="active"),
    _plugin(
        "provision without deploying",
        ("provision", {"uuid": INSTANCE, "deploy": False}),
        SETTLE,
        ends="active",
    ),
    _plugin("destroy", DESTROY, SETTLE, ends="active deleted", prepare=PROVISIONED),
    _plugin(
        "provision reverted, too much is requested",
        ("provision", {"uuid": INSTANCE, "requirements": GREEDY}),
        SETTLE,
        ends="error",
    ),
    _plugin(
        "provision reverted, assembly fails",
        PROVISION,
        SETTLE,
        ends="error",
        faults=(ASSEMBLY_FAILS,),
    ),
    _plugin(
        "provision reverted, registration fails",
        PROVISION,
        SETTLE,
        ends="error",
        faults=(NO_PORT,),
    ),
    _plugin(
        "provision reverted, verifying fails",
        PROVISION,
        SETTLE,
        ends="error active",
        faults=(_fail("verifying"),),
    ),
    _plugin(
        "provision reverted, deployment fails",
        PROVISION,
        SETTLE,
        ends="error",
        faults=(_fail("deploying"),),
    ),
    _plugin(
        "provision cancelled",
        PROVISION,
        APPEARS,
        DESTROY,
        SETTLE,
        ends="deleted",
        faults=(ASSEMBLY_STICKS,),
        insist=True,
    ),
    _plugin(
        "provision again",
        RETRY,
        SETTLE,
        ends="active deleted",
        prepare=(*PROVISIONED, DESTROY, SETTLE),
    ),
    _plugin(
        "provision again reverted, too much is requested",
        RETRY,
        SETTLE,
        ends="error",
        prepare=(("provision", {"uuid": INSTANCE, "requirements": GREEDY}), SETTLE),
    ),
    _service("first start", START, ends="", started=False),
    _service("compose", COMPOSE, SETTLE, ends="composed"),
    _service(
        "compose, a response is lost", COMPOSE, SETTLE, ends="composed", faults=(ALLOCATE_LOST,)
    ),
    _service("compose reverted, too much is requested", COMPOSE_TOO_MUCH, SETTLE, ends="error"),
    _service(
        "compose reverted, assembly fails", COMPOSE, SETTLE, ends="error", faults=(ASSEMBLY_FAILS,)
    ),
    _service(
        "compose cancelled",
        COMPOSE,
        APPEARS,
        RELEASE,
        SETTLE,
        ends="",
        faults=(ASSEMBLY_STICKS,),
        insist=True,
    ),
    _service("release", RELEASE, SETTLE, ends="composed", prepare=COMPOSED),
    _service("register", REGISTER, SETTLE, ends="composed", prepare=COMPOSED),
    _service(
        "register, a response is lost",
        REGISTER,
        SETTLE,
        ends="composed",
        prepare=COMPOSED,
        faults=(CREATE_LOST,),
    ),
    _service(
        "register reverted, no ports",
        REGISTER,
        SETTLE,
        ends="composed",
        prepare=COMPOSED,
        faults=(NO_PORT,),
    ),
    _service("unregister", UNREGISTER, SETTLE, ends="composed", prepare=REGISTERED),
)

BY_NAME = {scenario.name: scenario for scenario in ALL}
