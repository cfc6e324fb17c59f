# SPDX-License-Identifier: Apache-2.0

"""Whether what servers stand on is still there: one listing of Ironic for all of them."""

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


class Presence:
    """What Ironic has of our servers.

    :param max_age: seconds for which one listing is good.
    """

    def __init__(self, ironic: IronicNodes, capacity: Capacity, max_age: float) -> None:
        self._ironic = ironic
        self._capacity = capacity
        self._max_age = max_age
        self._listed: dict[str, IronicNode] = {}
        self._at: float | None = None
        self._lock = threading.Lock()

    def nodes(self) -> Mapping[str, IronicNode]:
        """List the nodes of Ironic that were composed for instances, by uuid.

        :raises Fault: Ironic did not answer, or refused.
        """
        with self._lock:
            if self._at is None or time.monotonic() - self._at >= self._max_age:
                found = self._ironic.marked(enroll.EXTRA)
                self._listed = {node.uuid: node for node in found}
                self._at = time.monotonic()
            return self._listed

    def vanished(self, rows: Iterable[Instance]) -> Iterator[tuple[Instance, str]]:
        """Yield the servers whose machine is gone behind our back, and what is missing.

        What a listing does not show is asked for by name before it is believed.
        """
        active = [row for row in rows if row.state == states.ACTIVE and not row.destroy_requested]
        if not active:
            return
        listed, held = self.nodes(), self._capacity.look().nodes
        for row in active:
            try:
                missing = self._missing(row, listed, held)
            except (conductor_errors.Fault, client_errors.ValenceError) as exc:
                LOG.debug("Nobody says whether instance %s is there: %s", row.uuid, exc)
                continue
            if missing is not None:
                yield row, missing

    def _missing(
        self, row: Instance, listed: Collection[str], held: Collection[str]
    ) -> str | None:
        node, ironic_node = str(row.node_uuid), str(row.ironic_uuid)
        if ironic_node not in listed and self._ironic.find(ironic_node).is_gone:
            return f"Ironic does not know its node {ironic_node} any more"
        if node not in held and self._capacity.is_released(node):
            return f"Valence does not know its node {node} any more"
        return None
