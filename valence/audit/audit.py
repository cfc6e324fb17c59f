# SPDX-License-Identifier: Apache-2.0

"""The order of an audit: Ironic, then every pod manager, then the rows in error."""

import collections
from collections.abc import Sequence

from oslo_log import log as logging

from valence import errors
from valence import wiring
from valence.audit import ironic as ironic_audit
from valence.audit import rows
from valence.audit import strays
from valence.audit.findings import Finding
from valence.audit.findings import OF_IRONIC
from valence.audit.findings import OF_PODMANAGER
from valence.audit.snapshot import Snapshot
from valence.objects import finding as finding_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence_conductor.strays import Stray
from valence_conductor.strays import StrayTracker

LOG = logging.getLogger(__name__)

#: The key of Ironic among the peers, next to the uuids of pod managers.
IRONIC = "ironic"


class Audit:
    """Audits Ironic and all pod managers, and remembers how long each finding exists.

    It costs one listing of Ironic and one of each pod manager, and requests for single
    nodes only where something is wrong. Rows are read again after each listing. A peer
    that does not answer is skipped.

    :param is_report: repair nothing, and report every finding at its first sighting.
    :ivar skipped: why peers could not be audited, a sentence for each.
    """

    def __init__(self, context: wiring.Context, *, is_report: bool = False) -> None:
        self._is_report = is_report
        self.skipped: list[str] = []
        self._context = context
        self._conf = context.conf
        grace = context.conf.nodes.stray_grace
        self._trackers: dict[str, StrayTracker] = collections.defaultdict(
            lambda: StrayTracker(grace)
        )
        self._foreign = strays.ForeignPaths()
        self._rotation = rows.Rotation()

    def run(self) -> list[Stray]:
        """Run one audit; return what it found, repaired or not.

        Ironic comes first: no hardware returns to a pool while Ironic owns it, or does
        not answer whether it does.
        """
        self.skipped.clear()
        result, ironic_nodes = self._audit_ironic()
        podms = podmanager_objects.list_all(self._context.db)
        for podm in podms:
            try:
                result += self._audit_podmanager(podm, ironic_nodes)
            except errors.ValenceError as exc:
                if isinstance(exc, errors.PodManagerMismatched):
                    self._trackers.pop(podm.uuid, None)  # what was seen may be another's
                self._skip(f"pod manager {podm.name}", exc)
        for peer in self._trackers.keys() - {IRONIC, *(podm.uuid for podm in podms)}:
            del self._trackers[peer]
        return result + self._audit_unreleased()

    def _audit_unreleased(self) -> list[Stray]:
        """Release the nodes in error again, if that is allowed."""
        unreleased = node_objects.list_unreleased(self._context.db)
        findings = [rows.unreleased(row) for row in unreleased]
        if self._is_report:
            return [finding.report(self._conf) for finding in findings]
        details = [(finding, f"{finding.what} ({finding.obstacle})") for finding in findings]
        self._record(details, ("unreleased-node",))
        if self._conf.nodes.give_back_strays:
            return rows.release_again(self._context, unreleased)
        return []

    def _audit_ironic(self) -> tuple[list[Stray], dict[str, str] | None]:
        """Audit Ironic.

        :returns: the strays, and what Ironic has after their deletion: Ironic node ->
            composed node. None: Ironic did not answer.
        """
        try:
            findings, ironic_nodes = ironic_audit.find(self._context.db, self._context.ironic)
        except errors.IronicNotConfigured:
            return [], {}
        except errors.ValenceError as exc:
            self._skip("Ironic", exc)
            return [], None
        resolved = self._resolve(IRONIC, findings)
        for finding, stray in resolved:
            if stray.repaired:
                ironic_nodes.pop(finding.key[0], None)
        self._record_unrepaired(resolved, OF_IRONIC)
        return [stray for _, stray in resolved], ironic_nodes

    def _audit_podmanager(
        self, podm: podmanager_objects.PodManager, ironic_nodes: dict[str, str] | None
    ) -> list[Stray]:
        driver = self._context.drivers.verify(podm.uuid)
        snapshot = Snapshot.take(self._context, driver, podm, ironic_nodes)
        resolved = self._resolve(podm.uuid, compare(snapshot, self._foreign, self._rotation))
        self._record_unrepaired(resolved, OF_PODMANAGER, podm.uuid)
        return [stray for _, stray in resolved]

    def _resolve(self, peer: str, findings: list[Finding]) -> list[tuple[Finding, Stray]]:
        """Resolve the findings of a peer that are older than the grace period."""
        if self._is_report:
            return [(finding, finding.report(self._conf)) for finding in findings]
        old = self._trackers[peer].older_than_grace([finding.key for finding in findings])
        return [
            (finding, finding.resolve(self._conf)) for finding in findings if finding.key in old
        ]

    def _record_unrepaired(
        self,
        resolved: list[tuple[Finding, Stray]],
        kinds: Sequence[str],
        podm_uuid: str | None = None,
    ) -> None:
        details = [(finding, stray.what) for finding, stray in resolved if not stray.repaired]
        self._record(details, kinds, podm_uuid)

    def _record(
        self,
        details: Sequence[tuple[Finding, str]],
        kinds: Sequence[str],
        podm_uuid: str | None = None,
    ) -> None:
        """List the findings of a complete audit; a report changes nothing."""
        if not self._is_report:
            rows_of_findings = [finding.columns(detail) for finding, detail in details]
            finding_objects.replace(self._context.db, rows_of_findings, kinds, podm_uuid)

    def _skip(self, peer: str, exc: errors.ValenceError) -> None:
        LOG.warning("Skipped the audit of %s: %s", peer, exc)
        self.skipped.append(f"{peer} was not audited: {exc}")


def compare(
    snapshot: Snapshot, foreign: strays.ForeignPaths, rotation: rows.Rotation
) -> list[Finding]:
    """Return the nodes of a pod manager that no row owns, and the rows whose node is gone."""
    found = strays.find(snapshot, foreign)
    return [
        *found.findings,
        *rows.find_still_missing(snapshot, found.moved),
        *rows.find_missing(snapshot, found.moved, rotation),
    ]
