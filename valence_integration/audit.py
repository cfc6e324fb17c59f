# SPDX-License-Identifier: Apache-2.0

"""What of the plugin's stands in Ironic and in Valence, and no instance owns it.

One listing of each, and the rows are read again after it. Surely ours is what
bears our installation's uuid: an Ironic node in its ``extra``, a composed node
in its description. What is deployed is never touched.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import re
import time
from typing import TypeVar

from oslo_log import log as logging

from valence_conductor import errors as conductor_errors
from valence_conductor.strays import Stray
from valence_conductor.strays import StrayTracker
from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.peers.ironic import IronicNode
from valence_integration.tasks import enroll
from valence_integration.tasks.context import Tools
from valenceclient.node import Node

LOG = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds that one step of giving a stray back may take, and all strays of one
#: audit together: nobody sweeps meanwhile. The next audit goes on.
PATIENCE = 30.0
BUDGET = 60.0

#: Provision states of Ironic in which nothing is deployed.
IDLE = frozenset({"enroll", "manageable", "available"})

#: Key in ``extra`` with which Valence says which composed node it is.
VALENCE_NODE = "valence_node"

#: How the composed node of an instance is described: the instance, the installation.
DESCRIBED = re.compile(r"instance ([0-9a-f-]{36}) of ([0-9a-f-]{36})")


@dataclasses.dataclass(frozen=True)
class _Suspect:
    """Something that no instance owns.

    :ivar obstacle: why it is left alone; None when it may be given back.
    """

    kind: str
    uuid: str
    what: str
    obstacle: str | None
    ghost: Instance


@dataclasses.dataclass(frozen=True)
class _View:
    """What one audit compares; None stands for a service that did not answer."""

    rows: Mapping[str, Instance]
    in_ironic: Mapping[str, IronicNode] | None
    in_valence: Mapping[str, Node] | None


class Audit:
    """Looks for strays, and remembers since when it has seen them."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._sightings = StrayTracker(tools.limits.stray_grace)

    def look(self) -> list[Stray]:
        """Compare the rows with Ironic and Valence; give back what is surely ours.

        A service that does not answer is left out, and the other one looked at.
        """
        tools = self._tools
        before = {row.uuid: row for row in tools.instances.list([states.ACTIVE])}
        in_ironic = _answer("Ironic", lambda: tools.ironic.marked(enroll.EXTRA))
        in_valence = _answer("Valence", tools.valence.all)
        view = _View(
            {row.uuid: row for row in tools.instances.list()},
            None if in_ironic is None else {node.uuid: node for node in in_ironic},
            None if in_valence is None else {node.uuid: node for node in in_valence},
        )
        suspects = {
            (suspect.kind, suspect.uuid): suspect
            for suspect in (*self._of_ironic(view), *self._of_valence(view))
        }
        ripe = self._sightings.older_than_grace(suspects)
        until = time.monotonic() + BUDGET
        found = [self._stray(suspects[key], until) for key in suspects if key in ripe]
        return [*found, *self._vanished(view, before)]

    def _of_ironic(self, view: _View) -> Iterator[_Suspect]:
        """Find Ironic nodes that bear our mark and no instance owns."""
        ours = self._tools.instances.installation()
        for node in (view.in_ironic or {}).values():
            named = str(node.extra[enroll.EXTRA])
            row = view.rows.get(named)
            if row is not None and _lives(row) and row.ironic_uuid == node.uuid:
                continue
            mark = node.extra.get(enroll.EXTRA_INSTALLATION)
            if mark in (None, ours):
                yield _Suspect(
                    "ironic-node",
                    node.uuid,
                    f"node {node.uuid} of Ironic ({node.provision_state}), of instance {named}",
                    _unmarked(mark) or _obstacle(node, named, view),
                    _ghost(named, node.extra.get(VALENCE_NODE), node.uuid),
                )

    def _of_valence(self, view: _View) -> Iterator[_Suspect]:
        """Find composed nodes, not in Ironic, that no instance owns."""
        ours = self._tools.instances.installation()
        owned = {row.node_uuid for row in view.rows.values() if _lives(row)}
        for node in (view.in_valence or {}).values():
            named = DESCRIBED.fullmatch(node.description or "")
            if named is None or named[2] != ours or node.uuid in owned:
                continue
            if node.managed_by is None and node.state in ("composed", "missing", "error"):
                yield _Suspect(
                    "composed-node",
                    node.uuid,
                    f"node {node.uuid} of Valence ({node.state}), of instance {named[1]}",
                    None,
                    _ghost(named[1], node.uuid, None),
                )

    def _stray(self, suspect: _Suspect, until: float) -> Stray:
        obstacle = suspect.obstacle
        if obstacle is None and not self._tools.limits.give_back_strays:
            obstacle = "[valence_integration] give_back_strays is off"
        if obstacle is None and time.monotonic() >= until:
            obstacle = "there were too many at once, its turn is at the next audit"
        if obstacle is None:
            obstacle = self._give_back(suspect.ghost)
        what = suspect.what if obstacle is None else f"{suspect.what} ({obstacle})"
        return Stray(suspect.kind, what, repaired=obstacle is None)

    def _give_back(self, ghost: Instance) -> str | None:
        """Give a stray back as any instance is: out of Ironic first, then released.

        :returns: why it could not be, or None.
        """
        limits = dataclasses.replace(self._tools.limits, give_back_timeout=PATIENCE)
        tools = dataclasses.replace(self._tools, limits=limits)
        try:
            enroll.unregister_node(tools, ghost)
            enroll.confirm_forgotten(tools, ghost)
            tools.valence.release(str(ghost.node_uuid), tools.giving_back())
        except conductor_errors.Fault as exc:
            return f"it could not be given back yet: {exc}"
        return None

    def _vanished(self, view: _View, before: Mapping[str, Instance]) -> Iterator[Stray]:
        """Find active instances whose node is gone, now as before the listings."""
        tools = self._tools
        for uuid, old in before.items():
            row = view.rows.get(uuid)
            if row is None or (row.state, row.generation) != (old.state, old.generation):
                continue
            lost = [
                name
                for name, listed, ident, is_gone in (
                    (
                        "Ironic",
                        view.in_ironic,
                        row.ironic_uuid,
                        lambda n: tools.ironic.find(n).is_gone,
                    ),
                    (
                        "Valence",
                        view.in_valence,
                        row.node_uuid,
                        lambda n: tools.valence.find(n) is None,
                    ),
                )
                if listed is not None and ident not in listed and _surely(is_gone, ident)
            ]
            if lost:
                where = " and from ".join(lost)
                what = f"instance {uuid} ({row.name}) is active, but its node is gone from {where}"
                yield Stray("row", what, repaired=False)


def _lives(row: Instance) -> bool:
    return row.state != states.DELETED


def _ghost(uuid: str, node_uuid: str | None, ironic_uuid: str | None) -> Instance:
    """Stand in for the instance that ought to own a stray."""
    return Instance(uuid=uuid, node_uuid=node_uuid, ironic_uuid=ironic_uuid)


def _unmarked(mark: str | None) -> str | None:
    return None if mark else "it does not say which installation made it"


def _obstacle(node: IronicNode, named: str, view: _View) -> str | None:
    """Say why an Ironic node that is ours is left alone all the same."""
    composed = node.extra.get(VALENCE_NODE)
    if node.provision_state not in IDLE or node.reservation:
        return "it may be in use: undeploy it in Ironic, if it is not"
    if node.instance_uuid not in (None, named):
        return f"it was given to instance {node.instance_uuid}"
    if composed is None or view.in_valence is None:
        return "Valence does not say what it is"
    if any(_lives(row) and row.node_uuid == composed for row in view.rows.values()):
        return f"its composed node {composed} belongs to an instance that lives"
    known = view.in_valence.get(composed)
    if known is not None and known.ironic_uuid not in (None, node.uuid):
        return f"Valence has its composed node {composed} in Ironic as {known.ironic_uuid}"
    return None


def _answer(who: str, ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except conductor_errors.Fault as exc:
        LOG.warning("%s is not audited now: %s", who, exc)
        return None


def _surely(is_gone: Callable[[str], bool], ident: str | None) -> bool:
    """Ask for the one thing: that it was not listed proves nothing yet."""
    try:
        return ident is not None and is_gone(ident)
    except conductor_errors.Fault as exc:
        LOG.info("It is not known whether %s is there: %s", ident, exc)
        return False
