# SPDX-License-Identifier: Apache-2.0

"""Releasing the hardware of a node, and verifying that its pod manager has released it."""

import datetime

from oslo_log import log as logging

from valence import errors
from valence import podmanagers
from valence import wiring
from valence.flows import retry
from valence.objects import device as device_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import system as system_objects
from valence_conductor import waiting

LOG = logging.getLogger(__name__)

#: A pod manager that is busy with a node may refuse to delete it for a moment.
PASSING = (*retry.PASSING, errors.PodManagerRefused)


def give_back(context: wiring.Context, row: node_objects.Node) -> None:
    """Release whatever a pod manager holds for a node.

    Idempotent because: the node is identified by the path in the row, or by its Name on
    the pod manager, and one that does not exist counts as released. Only the pod
    manager's collection proves that it is gone; a deleted node may go on answering.

    :raises ValenceError: it could not be released in time.
    """
    if row.podm_uuid is None or not (row.path or row.allocating):
        return
    driver = context.drivers.get(row.podm_uuid)
    path = _verified_path(context, driver, row)
    while path is not None:
        _delete(context, driver, row, path)
        # If a response to Allocate was lost, there may be a second node.
        path = _find(context, driver, row) if row.allocating else None
    system_objects.mark_free(context.db, row.uuid)
    device_objects.mark_free(context.db, row.uuid)
    node_changes.record(
        context.db, row, path=None, system_path=None, power_state=None, allocating=False
    )
    LOG.info("Released node %s to pod manager %s", row.uuid, row.podm_uuid)


def find_lost_allocation(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node
) -> str | None:
    """Return the path of the node whose response to Allocate was lost; None if there is none.

    The search is repeated for ``[nodes] lost_answer_timeout``: the pod manager may still
    be creating the node.

    :raises PodManagerUnreachable: the pod manager does not answer.
    """
    within = context.conf.nodes.lost_answer_timeout
    return retry.find(lambda: _find(context, driver, row), within=within)


def _find(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node
) -> str | None:
    within = context.conf.nodes.outage_timeout
    return retry.call(lambda: driver.find(row.redfish_name), within=within)


def _verified_path(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node
) -> str | None:
    """Return the path of the node; None when there is none.

    A path can become another node's when its node is gone: the Name is compared before
    anything is deleted.
    """
    if row.path is None:
        return find_lost_allocation(context, driver, row)
    path = row.path
    try:
        node = retry.call(lambda: driver.read(path), within=context.conf.nodes.outage_timeout)
    except errors.PodManagerNodeGone:
        return path  # the collection decides
    if node.name in (None, row.redfish_name):
        return path
    LOG.warning("Node %s: %s belongs to another node now (%s)", row.uuid, path, node.name)
    return _find(context, driver, row)


def _delete(
    context: wiring.Context, driver: podmanagers.Driver, row: node_objects.Node, path: str
) -> None:
    within, options = context.conf.nodes.outage_timeout, context.conf.podmanagers
    retry.call(lambda: driver.delete(path), within=within, passing=PASSING)
    started_at = row.task_since or waiting.now()
    waiting.wait_until(
        lambda: None if retry.call(lambda: driver.exists(path), within=within) else True,
        deadline=started_at + datetime.timedelta(seconds=options.delete_timeout),
        interval=options.poll_interval,
        what=f"pod manager {row.podm_uuid} to release {path}",
    )
