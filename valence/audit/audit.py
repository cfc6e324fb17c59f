# SPDX-License-Identifier: Apache-2.0

"""One audit after the other: Ironic first, then every pod manager."""

import collections

from oslo_config import cfg
from oslo_log import log as logging

from valence import errors
from valence.audit import ironic as ironic_audit
from valence.audit import strays as podmanager_audit
from valence.drivers import Drivers
from valence.ironic import Ironic
from valence.objects import base
from valence.objects import podmanager as podmanager_objects
from valence_conductor.db.engine import Database
from valence_conductor.strays import Stray
from valence_conductor.strays import StrayTracker

LOG = logging.getLogger(__name__)


class Audit:
    """Looks for strays, and remembers since when it has seen them.

    One listing of Ironic and one of each pod manager, and requests for single
    nodes only where something is odd. The rows are read again after each
    listing. Who does not answer is left out, and the others are looked at.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        db: Database,
        drivers: Drivers,
        ironic: Ironic,
    ) -> None:
        self._conf = conf
        self._db = db
        self._drivers = drivers
        self._ironic = ironic
        grace = conf.nodes.stray_grace
        self._sightings: dict[str, StrayTracker] = collections.defaultdict(
            lambda: StrayTracker(grace)
        )
        self._foreign = podmanager_audit.Foreign()

    def look(self) -> list[Stray]:
        """Compare the rows with Ironic and the pod managers; give back what is surely ours.

        Ironic comes first: no hardware returns to a pool while Ironic owns it,
        or does not say that it does not.
        """
        strays, held = self._look_in_ironic()
        known, _more = podmanager_objects.page(self._db, base.Query())
        for podm in known:
            try:
                strays += self._look_on(podm, held)
            except errors.ValenceError as exc:
                LOG.warning("Pod manager %s is not audited now: %s", podm.name, exc)
        return strays

    def _look_in_ironic(self) -> tuple[list[Stray], dict[str, str] | None]:
        """Find strays in Ironic.

        :returns: them, and what Ironic has after that: its node -> the composed node
            that it stands for; None when that is not known.
        """
        try:
            found, held = ironic_audit.look(self._db, self._ironic)
        except errors.IronicNotConfigured:
            return [], {}
        except errors.ValenceError as exc:
            LOG.warning("Ironic is not audited now: %s", exc)
            return [], None
        strays = []
        ripe = self._sightings["ironic"].older_than_grace([finding.key for finding in found])
        for finding in found:
            if finding.key in ripe:
                strays.append(finding.settle(self._conf))
                if strays[-1].repaired:
                    held.pop(finding.key[0], None)
        return strays, held

    def _look_on(
        self, podm: podmanager_objects.PodManager, held: dict[str, str] | None
    ) -> list[Stray]:
        driver = self._drivers.get(podm.uuid)
        found = podmanager_audit.look(self._db, driver, podm, self._foreign, held)
        ripe = self._sightings[podm.uuid].older_than_grace([finding.key for finding in found])
        return [finding.settle(self._conf) for finding in found if finding.key in ripe]
