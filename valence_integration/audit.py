# SPDX-License-Identifier: Apache-2.0

"""Find the plugin's nodes in Ironic and in Valence that no instance owns.

Each service is listed once, and the rows are read again after that. A node belongs to this
installation if it is marked with the installation's uuid: an Ironic node in its ``extra``,
a composed node in its description. A deployed node is never touched.
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
from valence_integration.peers.identity import EXTRA
from valence_integration.peers.identity import EXTRA_INSTALLATION
from valence_integration.peers.identity import Identity
from valence_integration.peers.identity import VALENCE_NODE
from valence_integration.peers.ironic import IronicNode
from valence_integration.tasks import compose
from valence_integration.tasks import enroll
from valence_integration.tasks.context import Context
from valenceclient.node import Node

LOG = logging.getLogger(__name__)

T = TypeVar("T")

#: Timeout in seconds of one step that releases a stray, and of all strays of one audit
#: together: the sweeper does nothing else meanwhile. The next audit continues.
STEP_TIMEOUT = 30.0
AUDIT_TIMEOUT = 60.0

#: Provision states of Ironic in which nothing is deployed.
IDLE = frozenset({"enroll", "manageable", "available"})

#: The description of an instance's composed node: the instance, the installation.
DESCRIPTION = re.compile(r"instance ([0-9a-f-]{36}) of ([0-9a-f-]{36})")


@dataclasses.dataclass(frozen=True)
class _Suspect:
    """A node that no instance owns.

    :ivar what: describes it to operators.
    :ivar obstacle: why it must not be released; None when it may be.
    :ivar owner_uuid: the instance that it is marked with.
    """

    kind: str
    uuid: str
    what: str
    obstacle: str | None
    owner_uuid: str
    node_uuid: str | None
    ironic_uuid: str | None


@dataclasses.dataclass(frozen=True)
class _View:
    """The rows and listings that one audit compares; None: the service did not respond."""

    rows: Mapping[str, Instance]
    in_ironic: Mapping[str, IronicNode] | None
    in_valence: Mapping[str, Node] | None


class Audit:
    """Finds strays, and remembers since when each of them has been seen."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tracker = StrayTracker(context.limits.stray_grace)

    def run(self) -> list[Stray]:
        """Compare the rows with Ironic and Valence; release the strays of this installation.

        A service that does not respond is left out, and the other one is audited.
        """
        context = self._context
        active = {row.uuid: row for row in context.instances.list([states.ACTIVE])}
        in_ironic = _listing("Ironic", lambda: context.ironic.marked(EXTRA, VALENCE_NODE))
        in_valence = _listing("Valence", context.valence.all)
        view = _View(
            {row.uuid: row for row in context.instances.list()},
            None if in_ironic is None else {node.uuid: node for node in in_ironic},
            None if in_valence is None else {node.uuid: node for node in in_valence},
        )
        suspects = {
            (suspect.kind, suspect.uuid): suspect
            for suspect in (*self._ironic_suspects(view), *self._valence_suspects(view))
        }
        confirmed = self._tracker.older_than_grace(suspects)
        deadline = time.monotonic() + AUDIT_TIMEOUT
        strays = [self._stray(suspects[key], deadline) for key in suspects if key in confirmed]
        return [*strays, *self._vanished(view, active)]

    def _ironic_suspects(self, view: _View) -> Iterator[_Suspect]:
        """Yield the Ironic nodes that are marked by the plugin and that no instance owns."""
        installation = self._context.instances.installation()
        for node in (view.in_ironic or {}).values():
            if EXTRA not in node.extra:
                continue
            owner_uuid = str(node.extra[EXTRA])
            row = view.rows.get(owner_uuid)
            if row is not None and _exists(row) and row.ironic_uuid == node.uuid:
                continue
            mark = node.extra.get(EXTRA_INSTALLATION)
            if mark in (None, installation):
                yield _Suspect(
                    "ironic-node",
                    node.uuid,
                    f"node {node.uuid} of Ironic ({node.provision_state}), of instance "
                    f"{owner_uuid}",
                    _mark_obstacle(mark) or _obstacle(node, owner_uuid, view),
                    owner_uuid,
                    node.extra.get(VALENCE_NODE),
                    node.uuid,
                )

    def _valence_suspects(self, view: _View) -> Iterator[_Suspect]:
        """Yield the composed nodes, not in Ironic, that no instance owns."""
        installation = self._context.instances.installation()
        owned = {row.node_uuid for row in view.rows.values() if _exists(row)}
        for node in (view.in_valence or {}).values():
            mark = DESCRIPTION.fullmatch(node.description or "")
            if mark is None or mark[2] != installation or node.uuid in owned:
                continue
            if node.managed_by is None and node.state in ("composed", "missing", "error"):
                yield _Suspect(
                    "composed-node",
                    node.uuid,
                    f"node {node.uuid} of Valence ({node.state}), of instance {mark[1]}",
                    _owner_in_ironic(node, view),
                    mark[1],
                    node.uuid,
                    None,
                )

    def _stray(self, suspect: _Suspect, deadline: float) -> Stray:
        obstacle = suspect.obstacle
        if obstacle is None and not self._context.limits.give_back_strays:
            obstacle = "[valence_integration] give_back_strays is off"
        if obstacle is None and time.monotonic() >= deadline:
            obstacle = "this audit ran out of time, the next one continues"
        if obstacle is None:
            obstacle = self._release(suspect)
        what = suspect.what if obstacle is None else f"{suspect.what} ({obstacle})"
        return Stray(suspect.kind, what, repaired=obstacle is None)

    def _release(self, suspect: _Suspect) -> str | None:
        """Release a stray as any instance: remove it from Ironic, confirm that, release it.

        :returns: why it was not released, or None.
        """
        limits = dataclasses.replace(self._context.limits, give_back_timeout=STEP_TIMEOUT)
        context = dataclasses.replace(self._context, limits=limits)
        try:
            enroll.unregister_node(context, suspect.node_uuid, self._identity(suspect))
            enroll.confirm_forgotten(context, suspect.ironic_uuid)
            compose.release_node(context, suspect.node_uuid)
        except conductor_errors.Fault as exc:
            return f"it could not be released yet: {exc}"
        return None

    def _identity(self, suspect: _Suspect) -> Identity | None:
        if suspect.ironic_uuid is None:
            return None
        installation = self._context.instances.installation()
        return Identity(suspect.ironic_uuid, suspect.owner_uuid, suspect.node_uuid, installation)

    def _vanished(self, view: _View, active: Mapping[str, Instance]) -> Iterator[Stray]:
        """Yield the instances whose node is gone, active both before and after the listings."""
        context = self._context
        for uuid, before in active.items():
            row = view.rows.get(uuid)
            if row is None or (row.state, row.generation) != (before.state, before.generation):
                continue
            missing = [
                service
                for service, listing, node_uuid, is_gone in (
                    (
                        "Ironic",
                        view.in_ironic,
                        row.ironic_uuid,
                        lambda uuid: context.ironic.find(uuid).is_gone,
                    ),
                    (
                        "Valence",
                        view.in_valence,
                        row.node_uuid,
                        lambda uuid: context.valence.find(uuid) is None,
                    ),
                )
                if listing is not None
                and node_uuid not in listing
                and _is_confirmed_gone(is_gone, node_uuid)
            ]
            if missing:
                where = " and from ".join(missing)
                what = f"instance {uuid} ({row.name}) is active, but its node is gone from {where}"
                yield Stray("row", what, repaired=False)


def _exists(row: Instance) -> bool:
    return row.state != states.DELETED


def _mark_obstacle(mark: str | None) -> str | None:
    return None if mark else "it has no mark of the installation that registered it"


def _obstacle(node: IronicNode, owner_uuid: str, view: _View) -> str | None:
    """Return why an Ironic node of this installation must not be released, or None."""
    composed = node.extra.get(VALENCE_NODE)
    if node.provision_state not in IDLE or node.reservation:
        return "it may be in use: undeploy it in Ironic if it is not"
    if node.instance_uuid not in (None, owner_uuid):
        return f"it is assigned to instance {node.instance_uuid}"
    if composed is None or view.in_valence is None:
        return "its composed node in Valence is unknown"
    if any(_exists(row) and row.node_uuid == composed for row in view.rows.values()):
        return f"its composed node {composed} belongs to an existing instance"
    in_valence = view.in_valence.get(composed)
    if in_valence is not None and in_valence.ironic_uuid not in (None, node.uuid):
        return f"Valence registered its composed node {composed} as {in_valence.ironic_uuid}"
    return None


def _owner_in_ironic(node: Node, view: _View) -> str | None:
    """Return why a composed node may be in Ironic although Valence reports otherwise, or None."""
    if view.in_ironic is None:
        return "Ironic does not respond whether it has the node"
    owners = [
        other.uuid
        for other in view.in_ironic.values()
        if other.extra.get(VALENCE_NODE) == node.uuid
    ]
    return f"Ironic has it as node {owners[0]}" if owners else None


def _listing(service: str, read: Callable[[], T]) -> T | None:
    try:
        return read()
    except conductor_errors.Fault as exc:
        LOG.warning("Skipped the audit of %s: %s", service, exc)
        return None


def _is_confirmed_gone(is_gone: Callable[[str], bool], uuid: str | None) -> bool:
    """Read the one node: its absence from a listing proves nothing yet."""
    try:
        return uuid is not None and is_gone(uuid)
    except conductor_errors.Fault as exc:
        LOG.info("Could not check whether node %s exists: %s", uuid, exc)
        return False
