# SPDX-License-Identifier: Apache-2.0

"""Servers whose node was deleted in Ironic or Valence: one listing of Ironic for all."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import threading
import time

from oslo_log import log as logging

from valence_conductor import errors as conductor_errors
from valence_integration import states
from valence_integration.nova.capacity import Capacity
from valence_integration.objects.instance import Instance
from valence_integration.peers.ironic import IronicNode
from valence_integration.peers.ironic import IronicNodes
from valence_integration.tasks import enroll
from valenceclient import errors as client_errors

LOG = logging.getLogger(__name__)


class MissingNodes:
    """Caches the listing of Ironic, and finds servers whose node is missing.

    :param max_age: seconds for which a listing is valid.
    """

    def __init__(self, ironic: IronicNodes, capacity: Capacity, max_age: float) -> None:
        self._ironic = ironic
        self._capacity = capacity
        self._max_age = max_age
        self._cached: dict[str, IronicNode] = {}
        self._cached_at: float | None = None
        self._lock = threading.Lock()

    def ironic_nodes(self) -> Mapping[str, IronicNode]:
        """Return the nodes in Ironic that were composed for instances, by uuid.

        :raises Fault: Ironic did not answer, or refused.
        """
        with self._lock:
            now = time.monotonic()
            if self._cached_at is None or now - self._cached_at >= self._max_age:
                nodes = self._ironic.marked(enroll.EXTRA)
                self._cached = {node.uuid: node for node in nodes}
                self._cached_at = time.monotonic()
            return self._cached

    def find(self, rows: Iterable[Instance]) -> Iterator[tuple[Instance, str]]:
        """Yield each active server whose node is missing, with a sentence that says which.

        A node that a listing leaves out is requested by its uuid before it counts as missing.

        :raises Fault: Ironic could not be listed.
        """
        active = [row for row in rows if row.state == states.ACTIVE and not row.destroy_requested]
        if not active:
            return
        ironic_nodes, valence_nodes = self.ironic_nodes(), self._capacity.snapshot().nodes
        for row in active:
            try:
                reason = self._reason(row, ironic_nodes, valence_nodes)
            except (conductor_errors.Fault, client_errors.ValenceError) as exc:
                LOG.debug("The node of instance %s could not be checked: %s", row.uuid, exc)
                continue
            if reason is not None:
                yield row, reason

    def _reason(
        self, row: Instance, ironic_nodes: Collection[str], valence_nodes: Collection[str]
    ) -> str | None:
        node_uuid, ironic_uuid = str(row.node_uuid), str(row.ironic_uuid)
        if ironic_uuid not in ironic_nodes and self._ironic.find(ironic_uuid).is_gone:
            return f"Ironic no longer has its node {ironic_uuid}"
        if node_uuid not in valence_nodes and self._capacity.is_node_deleted(node_uuid):
            return f"Valence no longer has its node {node_uuid}"
        return None
