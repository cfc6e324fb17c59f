# SPDX-License-Identifier: Apache-2.0

"""What an audit has found, and how it is resolved."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import uuid as uuids

from oslo_config import cfg

from valence import errors
from valence.objects import finding as finding_objects
from valence_conductor.strays import Stray

#: Why a resource is kept that names a node of Valence, but no installation.
UNMARKED = "it does not say which installation made it"

#: Why a resource is kept that names a node which this database has never released.
NEVER_RELEASED = (
    "this database has not released that node: it was restored from a backup, or an operator "
    "has forgotten the node"
)

#: kind -> what an operator has to do about a finding that stays.
REMEDIES: Mapping[str, str] = {
    "composed-node": "Remove the reason for which it is kept, and the next audit releases it; "
    "or delete it on the pod manager, if no node of Valence needs it.",
    "ironic-node": "If it is not needed, undeploy it in Ironic and delete it there.",
    "ironic-system": "Set driver_info/redfish_system_id of the node in Ironic to the path of the "
    "system. Do not change its power state before.",
    "missing-node": "Delete the node. If its hardware still exists, see the log of the pod "
    "manager.",
    "identity-conflict": "Look at the machine at the path. Correct its facts on the pod manager, "
    "or use 'valence node adopt-path' if it is the node, or 'valence node forget' if the node "
    "is gone.",
    "unreleased-node": "Look at the fault of the node, remove its reason, and delete the node "
    "again.",
}

#: Kinds that concern one pod manager, as one listing of it decides.
OF_PODMANAGER = ("composed-node", "missing-node", "identity-conflict")

#: Kinds that one listing of Ironic decides.
OF_IRONIC = ("ironic-node", "ironic-system")

#: kind -> the kind that the log and ``valence_strays_total`` have; of all others ``row``.
STRAY_KINDS: Mapping[str, str] = {
    "composed-node": "composed-node",
    "ironic-node": "ironic-node",
    "ironic-system": "ironic-node",
}

_NAMESPACE = uuids.UUID("0d6a3f5e-94b1-4c5f-8d2b-6e1f7a90c3d4")


def nothing() -> None:
    """Change nothing."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """A resource that no row owns, or a row whose resource is gone.

    :ivar key: identifies it among those of its peer, the same at every audit.
    :ivar kind: one of :data:`valence.objects.finding.KINDS`.
    :ivar podm_uuid: its pod manager; None: unknown.
    :ivar path: on the pod manager; of an Ironic node its uuid; None: unknown.
    :ivar node_uuid: the node that it names; None: it names none.
    :ivar what: describes it in a report.
    :ivar obstacle: why it is kept; None: it may be released.
    :ivar release: releases it: one request for a change, never a long wait.
    :ivar record: records the finding in a row, whether anything is released or not.
    """

    key: tuple[str, ...]
    kind: str
    what: str
    obstacle: str | None
    release: Callable[[], None]
    record: Callable[[], None] = nothing
    podm_uuid: str | None = None
    path: str | None = None
    node_uuid: str | None = None

    @property
    def stray_kind(self) -> str:
        """The kind that the log and ``valence_strays_total`` have."""
        return STRAY_KINDS.get(self.kind, "row")

    def columns(self, detail: str) -> dict[str, str | None]:
        """Return the columns of its row in the table of findings, without the times."""
        identity = "\n".join((self.kind, self.podm_uuid or "", *self.key))
        return {
            "uuid": str(uuids.uuid5(_NAMESPACE, identity)),
            "podm_uuid": self.podm_uuid,
            "kind": self.kind,
            "path": self.path and self.path[: finding_objects.PATH_MAX],
            "node_uuid": self.node_uuid,
            "detail": detail[: finding_objects.TEXT_MAX],
            "remedy": REMEDIES[self.kind],
        }

    def resolve(self, conf: cfg.ConfigOpts) -> Stray:
        """Release it if that is allowed, and return the report."""
        self.record()
        obstacle = self.obstacle
        if obstacle is None and not conf.nodes.give_back_strays:
            obstacle = "[nodes] give_back_strays is off"
        if obstacle is None:
            try:
                self.release()
            except errors.ValenceError as exc:
                reason = " ".join(filter(None, (exc.detail, exc.own_words)))
                obstacle = f"it could not be released yet: {reason}"
        what = self.what if obstacle is None else f"{self.what} ({obstacle})"
        return Stray(self.stray_kind, what, repaired=obstacle is None)

    def report(self, conf: cfg.ConfigOpts) -> Stray:
        """Return the report with what an operator has to do; change nothing."""
        advice = self.obstacle
        if advice is None:
            advice = (
                "the service releases it after [nodes] stray_grace"
                if conf.nodes.give_back_strays
                else "[nodes] give_back_strays is off: turn it on, or release it by hand"
            )
        return Stray(self.stray_kind, f"{self.what} ({advice})", repaired=False)
