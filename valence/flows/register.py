# SPDX-License-Identifier: Apache-2.0

"""Register a node in Ironic: find its interfaces, then have Ironic take it in."""

import dataclasses
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
from taskflow import task
from taskflow.patterns import linear_flow

from valence import errors
from valence.drivers import Drivers
from valence.flows import retry
from valence.ironic import Ironic
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence_conductor.db.engine import Database

LOG = logging.getLogger(__name__)

STATE = node_objects.OPERATIONS["register"]


def register() -> linear_flow.Flow:
    """Find the node's interfaces, and create it in Ironic with a port for each."""
    return linear_flow.Flow("register").add(
        ReadInterfacesTask(name="read-interfaces"),
        CreateIronicNodeTask(name="create-ironic-node"),
    )


class ReadInterfacesTask(task.Task):
    """Read the network interfaces of the node's system.

    Idempotent because: it only reads.
    """

    def execute(
        self,
        node_uuid: str,
        generation: int,
        db: Database,
        drivers: Drivers,
        conf: cfg.ConfigOpts,
    ) -> None:
        """Record the interfaces that have a MAC."""
        row = node_objects.get_expected(db, node_uuid, generation, STATE)
        driver, system_path = drivers.get(row.podm_uuid or ""), _system_path(row)
        found = retry.call(
            lambda: driver.interfaces(system_path), within=conf.nodes.outage_timeout
        )
        node_objects.record(
            db, row, interfaces=[dataclasses.asdict(interface) for interface in found]
        )


class CreateIronicNodeTask(task.Task):
    """Create the node in Ironic, with a port for every MAC.

    Idempotent because: the Ironic node's uuid is in the row before Ironic is
    asked; what is there under it already, and is ours, is completed.

    Revert: delete it, and see that Ironic does not know it any more.
    """

    def execute(
        self,
        node_uuid: str,
        generation: int,
        db: Database,
        drivers: Drivers,
        ironic: Ironic,
        conf: cfg.ConfigOpts,
    ) -> None:
        """Record that Ironic manages the node from now on, then ask it to."""
        row = node_objects.get_expected(db, node_uuid, generation, STATE)
        retry.call(ironic.ping, within=conf.nodes.outage_timeout)
        row = node_objects.record(db, row, managed_by="ironic")
        driver = drivers.get(row.podm_uuid or "")
        asked = {"name": None, **(row.registration or {}), "uuid": row.ironic_uuid}
        retry.call(
            lambda: ironic.create_node(
                driver_info=driver.bmc(_system_path(row)),
                valence_node=row.uuid,
                installation=installation_objects.get(db),
                macs=[interface["mac"] for interface in row.interfaces],
                **asked,
            ),
            within=conf.nodes.outage_timeout,
        )

    def revert(
        self,
        node_uuid: str,
        generation: int,
        db: Database,
        ironic: Ironic,
        conf: cfg.ConfigOpts,
        **_kwargs: Any,
    ) -> None:
        """Take out of Ironic whatever of ours may be there."""
        row = node_objects.get_expected(db, node_uuid, generation, STATE)
        if row.managed_by is None:
            return
        try:
            forget(ironic, row, conf)
        except errors.IronicRefused as exc:
            if exc.details.get("ours") is not False:
                raise
            LOG.info("Node %s: %s", row.uuid, exc)
        node_objects.record(db, row, managed_by=None)


def forget(ironic: Ironic, row: node_objects.Node, conf: cfg.ConfigOpts) -> None:
    """Have Ironic forget a node, and see that it has."""
    uuid = row.ironic_uuid
    if uuid is not None:
        retry.call(lambda: ironic.delete_node(uuid, row.uuid), within=conf.nodes.outage_timeout)


def _system_path(row: node_objects.Node) -> str:
    if row.system_path is None:
        raise errors.PodManagerFailed(
            f"The pod manager names no system for node {row.uuid}, so that Ironic could not reach "
            "it. Read the node with ?refresh=true, and register it when it has a system_path."
        )
    return row.system_path
