# SPDX-License-Identifier: Apache-2.0

"""Giving a composed node back to its pool, and seeing that it is gone."""

import datetime

from oslo_config import cfg
from oslo_log import log as logging

from valence import errors
from valence import podmanagers
from valence.drivers import Drivers
from valence.flows import retry
from valence.objects import device as device_objects
from valence.objects import node as node_objects
from valence.objects import system as system_objects
from valence_conductor import waiting
from valence_conductor.db.engine import Database

LOG = logging.getLogger(__name__)

#: A pod manager that is busy with a node may refuse to delete it just now.
PASSING = (*retry.PASSING, errors.PodManagerRefused)


def give_back(
    db: Database, drivers: Drivers, row: node_objects.Node, conf: cfg.ConfigOpts
) -> None:
    """Give back whatever a pod manager holds for a node.

    Idempotent because: it goes by the path in the row, or by the name that the
    node bears on its pod manager, and what is not there counts as given back.
    That it is gone is believed of the pod manager's collection alone; a node that
    was deleted may go on answering.

    :raises ValenceError: it could not be given back in time.
    """
    if row.podm_uuid is None or not (row.path or row.allocating):
        return
    driver = drivers.get(row.podm_uuid)
    path = _path_of_ours(driver, row, conf)
    while path is not None:
        _delete(driver, row, path, conf)
        # One whose answer was lost may have been allocated twice.
        path = _find(driver, row, conf) if row.allocating else None
    system_objects.mark_free(db, row.uuid)
    device_objects.mark_free(db, row.uuid)
    node_objects.record(db, row, path=None, system_path=None, power_state=None, allocating=False)
    LOG.info("Node %s is given back to pod manager %s", row.uuid, row.podm_uuid)


def find_lost_allocation(
    driver: podmanagers.Driver, row: node_objects.Node, conf: cfg.ConfigOpts
) -> str | None:
    """Find the node of a request whose answer was lost.

    It is looked for again for a moment before it counts as missing: the pod
    manager may still be at it.

    :raises PodManagerUnreachable: it does not say.
    """
    return retry.find(lambda: _find(driver, row, conf), within=conf.nodes.lost_answer_timeout)


def _find(driver: podmanagers.Driver, row: node_objects.Node, conf: cfg.ConfigOpts) -> str | None:
    return retry.call(lambda: driver.find(row.redfish_name), within=conf.nodes.outage_timeout)


def _path_of_ours(
    driver: podmanagers.Driver, row: node_objects.Node, conf: cfg.ConfigOpts
) -> str | None:
    """Give the path of the node; None when there is none.

    A path can be given to another node once ours is gone: before anything is
    deleted there, its name is looked at.
    """
    if row.path is None:
        return find_lost_allocation(driver, row, conf)
    path = row.path
    try:
        seen = retry.call(lambda: driver.read(path), within=conf.nodes.outage_timeout)
    except errors.PodManagerNodeGone:
        return path  # the collection decides
    if seen.name in (None, row.redfish_name):
        return path
    LOG.warning("Node %s: %s is another node's now (%s)", row.uuid, path, seen.name)
    return _find(driver, row, conf)


def _delete(
    driver: podmanagers.Driver, row: node_objects.Node, path: str, conf: cfg.ConfigOpts
) -> None:
    within = conf.nodes.outage_timeout
    retry.call(lambda: driver.delete(path), within=within, passing=PASSING)
    began = row.task_since or waiting.now()
    waiting.wait_until(
        lambda: None if retry.call(lambda: driver.exists(path), within=within) else True,
        deadline=began + datetime.timedelta(seconds=conf.podmanagers.delete_timeout),
        interval=conf.podmanagers.poll_interval,
        what=f"pod manager {row.podm_uuid} to give back {path}",
    )
