# SPDX-License-Identifier: Apache-2.0

"""One pod manager and the rows, as an audit compares them."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools

from oslo_log import log as logging

from valence import errors
from valence import podmanagers
from valence import wiring
from valence.flows import search
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import podmanager as podmanager_objects
from valence.podmanagers import odata
from valence.podmanagers.identity import Facts

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The nodes of one pod manager, and the rows from before and after their listing.

    :ivar installation: uuid of this installation.
    :ivar composed: rows that were composed on the pod manager before the listing.
    :ivar members: the listing, which is complete.
    :ivar rows: all rows after the listing: uuid -> row.
    :ivar ironic_nodes: Ironic node -> the composed node that it stands for; None: unknown.
    """

    context: wiring.Context
    driver: podmanagers.Driver
    podm: podmanager_objects.PodManager
    installation: str
    composed: Sequence[node_objects.Node]
    members: Sequence[Facts]
    rows: Mapping[str, node_objects.Node]
    ironic_nodes: Mapping[str, str] | None

    @classmethod
    def take(
        cls,
        context: wiring.Context,
        driver: podmanagers.Driver,
        podm: podmanager_objects.PodManager,
        ironic_nodes: Mapping[str, str] | None,
    ) -> "Snapshot":
        """Return the snapshot of a pod manager: one listing.

        :raises ValenceError: the pod manager does not answer, or the listing is unusable.
        """
        db = context.db
        before = node_objects.list_all(db)
        members = driver.members()
        return cls(
            context=context,
            driver=driver,
            podm=podm,
            installation=installation_objects.get(db),
            composed=[row for row in before if _is_composed_on(row, podm)],
            members=members,
            rows={row.uuid: row for row in node_objects.list_all(db)},
            ironic_nodes=ironic_nodes,
        )

    def read(self, member: Facts) -> Facts | None:
        """Return a member with its name and description; None if it is gone, or unreadable.

        At most one request, and none if the listing contains both. Of what cannot be read
        nothing is concluded, and it hides no other member.
        """
        if member.name is not None and member.description is not None:
            return member
        try:
            return self.driver.member(member.path)
        except errors.PodManagerNodeGone:
            return None
        except search.UNREADABLE as exc:
            LOG.info("Node %s on %s cannot be read: %s", member.path, self.podm.name, exc)
            return None

    def row_at(self, path: str) -> node_objects.Node | None:
        """Return the row of the pod manager that has a path, before or after the listing."""
        rows = self._rows_by_path
        return rows.get(path) or rows.get(odata.normal_path(path))

    @functools.cached_property
    def _rows_by_path(self) -> Mapping[str, node_objects.Node]:
        rows = (*self.composed, *self.rows.values())
        on_podm = [row for row in rows if row.path and row.podm_uuid == self.podm.uuid]
        paths = {row.path or "": row for row in on_podm}
        return {odata.normal_path(path): row for path, row in paths.items()} | paths

    @functools.cached_property
    def listed(self) -> frozenset[str]:
        """The paths that are listed, in their normal form."""
        return frozenset(odata.normal_path(member.path) for member in self.members)


def _is_composed_on(row: node_objects.Node, podm: podmanager_objects.PodManager) -> bool:
    return row.podm_uuid == podm.uuid and row.path is not None and row.state == "composed"
