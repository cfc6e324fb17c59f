# SPDX-License-Identifier: Apache-2.0

"""Releasing the hardware of a node, and verifying that its pod manager has released it."""

import datetime
import time

from oslo_log import log as logging

from valence import errors
from valence import podmanagers
from valence import wiring
from valence.flows import allocation
from valence.flows import retry
from valence.flows import search
from valence.objects import device as device_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import system as system_objects
from valence.podmanagers import odata
from valence.podmanagers.identity import Facts
from valence_conductor import interrupt
from valence_conductor import waiting

LOG = logging.getLogger(__name__)

#: A pod manager that is busy with a node may refuse to delete it for a moment.
PASSING: tuple[type[errors.ValenceError], ...] = (*retry.PASSING, errors.PodManagerRefused)

#: Key in the identity of a row: the path of the node whose deletion was requested.
DELETING = "deleting"


def give_back(context: wiring.Context, row: node_objects.Node) -> None:
    """Release whatever a pod manager holds for a node.

    Idempotent because: the node is identified by its facts wherever it is, and only a
    complete listing without it proves that it is gone; a deleted node may go on answering.

    :raises NodeIdentityConflict: a node may be it, but is not identified: nothing is deleted.
    :raises ValenceError: it could not be released in time.
    """
    if row.podm_uuid is None or not (row.path or row.allocating):
        return
    driver = _driver(context, row.podm_uuid)
    path = row.path or find_lost_allocation(context, driver, row)
    while path is not None:
        row = _record_path(context, row, path)
        facts = _find(context, driver, row)
        if facts is not None:
            row = _Deletion(context, driver, row, facts).run()
        # If a response to Allocate was lost, there may be a second node.
        path = _find_allocation(context, driver, row) if row.allocating else None
    _driver(context, row.podm_uuid or "")  # what another one lacks proves nothing
    system_objects.mark_free(context.db, row.uuid)
    device_objects.mark_free(context.db, row.uuid)
    node_changes.record(
        context.db,
        row,
        **{"path": None, "system_path": None, "power_state": None},
        **{"allocating": False, "identity": None},
    )
    LOG.info("Released node %s to pod manager %s", row.uuid, row.podm_uuid)


def _driver(context: wiring.Context, podm_uuid: str) -> podmanagers.Driver:
    """Return the driver of a pod manager that is still the one that was registered.

    :raises PodManagerMismatched: its address answers for another.
    """
    within = context.conf.nodes.outage_timeout
    return retry.call(lambda: context.drivers.verify(podm_uuid), within=within)


def find_lost_allocation(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node
) -> str | None:
    """Return the path of the node whose response to Allocate was lost; None if there is none.

    The search is repeated for ``[nodes] lost_answer_timeout``: the pod manager may still
    be creating the node.

    :raises PodManagerUnreachable: the pod manager does not answer.
    :raises PodManagerMismatched: another one has its address by now.
    """
    within = context.conf.nodes.lost_answer_timeout
    path = retry.find(lambda: _find_allocation(context, driver, row), within=within)
    if path is None:
        _driver(context, row.podm_uuid or "")
    return path


def _find_allocation(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node
) -> str | None:
    within = context.conf.nodes.outage_timeout
    return retry.call(lambda: allocation.find_allocation(context, driver, row), within=within)


def _record_path(context: wiring.Context, row: node_objects.Node, path: str) -> node_objects.Node:
    """Record the path of the node that is deleted next."""
    if row.path == path:
        return row
    identity = {key: value for key, value in (row.identity or {}).items() if key != DELETING}
    return node_changes.record(context.db, row, path=path, identity=identity or None)


def _find(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node
) -> Facts | None:
    """Return the facts of the row's node; None when a complete listing lacks it."""
    deleted = bool((row.identity or {}).get(DELETING))
    searching = search.Search(context, driver, row, thorough=True, deleted=deleted)
    return retry.call(searching.run, within=context.conf.nodes.outage_timeout)


class _Deletion:
    """Deletes a node, and waits until a complete listing does not have it any more.

    The listing decides, whatever status the DELETE is answered with.

    :param facts: of the node; it was identified just now.
    """

    def __init__(
        self,
        context: wiring.Context,
        driver: podmanagers.Driver,
        row: node_objects.Node,
        facts: Facts,
    ) -> None:
        self._context = context
        self._driver = driver
        self._row = row
        self._path = facts.path
        self._accepted = self._is_repeated = False
        #: Of the last request, while none is accepted.
        self._error: errors.ValenceError | None = None
        self._outage_timeout = context.conf.nodes.outage_timeout
        self._started_at = self._not_before = time.monotonic()

    def run(self) -> node_objects.Node:
        """Delete the node; return its row.

        :raises ValenceError: the pod manager did not accept the request in time.
        :raises TimedOut: it accepted the request, and lists the node still.
        """
        context, row = self._context, self._row
        identity = {**(row.identity or {}), DELETING: self._path}
        self._row = node_changes.record(context.db, row, path=self._path, identity=identity)
        options, started_at = context.conf.podmanagers, row.task_since or waiting.now()
        waiting.wait_until(
            self._try,
            deadline=started_at + datetime.timedelta(seconds=options.delete_timeout),
            interval=options.poll_interval,
            what=f"pod manager {row.podm_uuid} to release {self._path}",
        )
        return self._row

    def _try(self) -> bool | None:
        interrupt.checkpoint()
        if not self._accepted and time.monotonic() >= self._not_before:
            if self._is_repeated and not self._identify():
                return True
            self._is_repeated = True
            self._request()
        listed = retry.call(self._listed, within=self._outage_timeout)
        if listed is None:
            return True
        if not odata.same_path(listed, self._path):
            LOG.warning("Node %s was moved to %s while it was deleted", self._row.uuid, listed)
            self._path, self._accepted = listed, False
        is_late = time.monotonic() > self._started_at + self._outage_timeout
        if is_late and self._error is not None:
            raise self._error
        return None

    def _identify(self) -> bool:
        """Find the node again before another request; return whether it still exists.

        The pod manager may have renumbered its nodes since the last one.
        """
        facts = _find(self._context, self._driver, self._row)
        self._path = facts.path if facts is not None else self._path
        return facts is not None

    def _request(self) -> None:
        try:
            self._driver.delete(self._path)
        except PASSING as exc:
            LOG.info("Could not delete node %s at %s: %s", self._row.uuid, self._path, exc)
            self._error = exc
            self._not_before = time.monotonic() + retry.pause_after(exc)
        else:
            self._accepted, self._error = True, None

    def _listed(self) -> str | None:
        """Return the path at which the node is listed; None: it is gone."""
        members = self._driver.members()
        if self._row.allocating:  # a second node has the same marks: it is not this one
            members = [it for it in members if odata.same_path(self._path, it.path)]
        searching = search.Search(self._context, self._driver, self._row, deleted=True)
        try:
            facts = searching.run_in(members)
        except errors.NodeIdentityConflict:
            if any(odata.same_path(self._path, it.path) and not it.is_read for it in members):
                return self._path  # what is being deleted may have lost its marks already
            raise
        return facts.path if facts is not None else None
