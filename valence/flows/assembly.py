# SPDX-License-Identifier: Apache-2.0

"""The assembly of a node: its request, and the states on the way to its end."""

from collections.abc import Callable
import datetime

from oslo_log import log as logging

from valence import errors
from valence import podmanagers
from valence import wiring
from valence.flows import allocation
from valence.flows import identify
from valence.flows import retry
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.podmanagers import odata
from valence_conductor import waiting

LOG = logging.getLogger(__name__)


class Assembly:
    """Assembles an allocated node, and follows it until it has reached a state.

    :param path: of the node.
    :param cancelled: returns whether the node was deleted meanwhile.
    """

    def __init__(
        self,
        context: wiring.Context,
        row: node_objects.Node,
        path: str,
        cancelled: Callable[[], bool],
    ) -> None:
        self._context = context
        self._db = context.db
        self._conf = context.conf
        self._row = row
        self._path = path
        self._is_cancelled = cancelled
        self._driver = context.drivers.get(row.podm_uuid or "")
        self._started_at = row.task_since or waiting.now()

    def wait(
        self, reached: Callable[[podmanagers.State], bool], seconds: float, what: str
    ) -> podmanagers.NodeState:
        """Wait until the node has reached a state.

        :param seconds: since the task first started; a restart does not extend them.
        :raises PodManagerFailed: the pod manager could not compose the node.
        :raises Cancelled: the node was deleted meanwhile.
        """

        def probe() -> podmanagers.NodeState | None:
            state = self._read()
            return state if reached(state.state) else None

        return waiting.wait_until(
            probe,
            deadline=self._started_at + datetime.timedelta(seconds=seconds),
            interval=self._conf.podmanagers.poll_interval,
            what=f"pod manager {self._row.podm_uuid} {what} {self._path}",
            cancelled=self._is_cancelled,
        )

    def request_assembly(self, state: podmanagers.NodeState) -> None:
        """Request the assembly once; again only if the response was lost and nothing happened.

        :param state: of the node just now.
        """
        current: list[podmanagers.NodeState] = [state]

        def request() -> None:
            latest = current.pop() if current else self._read()
            if latest.state is podmanagers.State.ALLOCATED:
                self._driver.assemble(self._path, self._is_cancelled)

        retry.call(request, within=self._conf.nodes.outage_timeout, cancelled=self._is_cancelled)

    def _read(self) -> podmanagers.NodeState:
        node = retry.call(
            self._state,
            within=self._conf.nodes.outage_timeout,
            cancelled=self._is_cancelled,
        )
        if node.state is podmanagers.State.FAILED:
            raise errors.PodManagerFailed(
                f"The pod manager could not assemble {self._path}: its state is Failed. The node "
                "is released. Compose again, or on another pod manager.",
                reason=node.reason,
            )
        return node

    def _state(self) -> podmanagers.NodeState:
        """Read the state of the node, wherever its pod manager has it now."""
        try:
            node = self._driver.state(self._path)
            allocation.check_new(self._context, self._driver, self._row, node.facts)
        except (errors.PodManagerNodeGone, errors.NodeIdentityConflict) as exc:
            path = allocation.find_allocation(self._context, self._driver, self._row)
            if path is None or odata.same_path(path, self._path):
                if isinstance(exc, errors.PodManagerNodeGone) and self._is_new(path):
                    raise identify.listed_and_gone(self._row) from exc  # it may appear late
                raise
            LOG.warning("Node %s is at %s now, no longer at %s", self._row.uuid, path, self._path)
            self._row = node_changes.record(self._db, self._row, path=path)
            self._path = path
            node = self._driver.state(path)
        return node

    def _is_new(self, path: str | None) -> bool:
        """Return whether a node may appear yet: it is listed, or was allocated just now."""
        timeout = datetime.timedelta(seconds=self._conf.nodes.lost_answer_timeout)
        return path is not None or waiting.now() < self._started_at + timeout
