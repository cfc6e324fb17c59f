# SPDX-License-Identifier: Apache-2.0

"""The order of an audit: Ironic, then every pod manager, then the rows in error."""

import collections

from oslo_log import log as logging

from valence import errors
from valence import wiring
from valence.audit import ironic as ironic_audit
from valence.audit import rows
from valence.audit import strays
from valence.audit.findings import Finding
from valence.audit.snapshot import Snapshot
from valence.objects import podmanager as podmanager_objects
from valence_conductor.strays import Stray
from valence_conductor.strays import StrayTracker

LOG = logging.getLogger(__name__)


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

    def run(self) -> list[Stray]:
        """Run one audit; return what it found, repaired or not.

        Ironic comes first: no hardware returns to a pool while Ironic owns it, or does
        not answer whether it does.
        """
        self.skipped.clear()
        result, ironic_nodes = self._audit_ironic()
        for podm in podmanager_objects.list_all(self._context.db):
            try:
                result += self._audit_podmanager(podm, ironic_nodes)
            except errors.ValenceError as exc:
                self._skip(f"pod manager {podm.name}", exc)
        if self._is_report:
            result += rows.report_unreleased(self._context.db)
        elif self._conf.nodes.give_back_strays:
            result += rows.release_again(self._context.db)
        return result

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
        result = []
        for finding in self._older_than_grace("ironic", findings):
            stray = self._resolve(finding)
            result.append(stray)
            if stray.repaired:
                ironic_nodes.pop(finding.key[0], None)
        return result, ironic_nodes

    def _audit_podmanager(
        self, podm: podmanager_objects.PodManager, ironic_nodes: dict[str, str] | None
    ) -> list[Stray]:
        driver = self._context.drivers.verify(podm.uuid)
        snapshot = Snapshot.take(self._context, driver, podm, ironic_nodes)
        findings = compare(snapshot, self._foreign)
        return [self._resolve(finding) for finding in self._older_than_grace(podm.uuid, findings)]

    def _resolve(self, finding: Finding) -> Stray:
        return finding.report(self._conf) if self._is_report else finding.resolve(self._conf)

    def _skip(self, peer: str, exc: errors.ValenceError) -> None:
        LOG.warning("Skipped the audit of %s: %s", peer, exc)
        self.skipped.append(f"{peer} was not audited: {exc}")

    def _older_than_grace(self, peer: str, findings: list[Finding]) -> list[Finding]:
        if self._is_report:
            return findings
        old = self._trackers[peer].older_than_grace([finding.key for finding in findings])
        return [finding for finding in findings if finding.key in old]


def compare(snapshot: Snapshot, foreign: strays.ForeignPaths) -> list[Finding]:
    """Return the nodes of a pod manager that no row owns, and the rows whose node is gone."""
    found = strays.find(snapshot, foreign)
    rows.record_returned(snapshot, found.moved)
    return [*found.findings, *rows.find_missing(snapshot, found.moved)]
