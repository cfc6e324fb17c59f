# SPDX-License-Identifier: Apache-2.0

"""Register a node in Ironic: read its interfaces, then create it there."""

import dataclasses
from typing import Any

from oslo_log import log as logging
from taskflow import task
from taskflow.patterns import linear_flow

from valence import errors
from valence import wiring
from valence.flows import identify
from valence.flows import ironic_access
from valence.flows import retry
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import node_changes

LOG = logging.getLogger(__name__)

STATE = node_objects.OPERATIONS["register"]


def register() -> linear_flow.Flow:
    """Read the node's interfaces, and create it in Ironic with a port for each."""
    return linear_flow.Flow("register").add(
        ReadInterfacesTask(name="read-interfaces"),
        CreateIronicNodeTask(name="create-ironic-node"),
    )


class ReadInterfacesTask(task.Task):
    """Identify the machine, and read the network interfaces of its system.

    Idempotent because: it only reads.
    """

    def execute(self, node_uuid: str, generation: int, context: wiring.Context) -> None:
        """Record the interfaces that have a MAC."""
        within = context.conf.nodes.outage_timeout
        row = node_objects.get_expected(context.db, node_uuid, generation, STATE)
        row, _ = retry.call(lambda: identify.read(context, row), within=within)
        driver, system_path = context.drivers.get(row.podm_uuid or ""), _system_path(row)
        interfaces = retry.call(lambda: driver.interfaces(system_path), within=within)
        macs = [interface.mac for interface in interfaces]
        node_changes.record(
            context.db,
            row,
            interfaces=[dataclasses.asdict(interface) for interface in interfaces],
            identity={**(row.identity or {}), "macs": macs},
        )


class CreateIronicNodeTask(task.Task):
    """Create the node in Ironic, with a port for every MAC that no other node of Ironic has.

    Idempotent because: the uuid of the Ironic node is in the row before the first request
    to Ironic; a node of Valence that exists under it already is completed.

    Revert: delete it, and verify that Ironic does not have it any more.
    """

    def execute(self, node_uuid: str, generation: int, context: wiring.Context) -> None:
        """Record that Ironic manages the node from now on, then create it there."""
        within = context.conf.nodes.outage_timeout
        row = node_objects.get_expected(context.db, node_uuid, generation, STATE)
        retry.call(context.ironic.ping, within=within)
        row, _ = retry.call(lambda: identify.read(context, row), within=within)
        row = node_changes.record(context.db, row, managed_by="ironic")
        driver_info = context.drivers.get(row.podm_uuid or "").bmc(_system_path(row))
        access = ironic_access.digest(context, row, driver_info)
        request = {"name": None, **(row.registration or {}), "uuid": row.ironic_uuid}
        without_port = retry.call(
            lambda: context.ironic.create_node(
                driver_info=driver_info,
                valence_node=row.uuid,
                installation=installation_objects.get(context.db),
                macs=[interface["mac"] for interface in row.interfaces],
                **request,
            ),
            within=within,
        )
        interfaces = [
            {**interface, "has_port": False} if interface["mac"] in without_port else interface
            for interface in row.interfaces
        ]
        node_changes.record(context.db, row, interfaces=interfaces, ironic_access=access)

    def revert(
        self, node_uuid: str, generation: int, context: wiring.Context, **_kwargs: Any
    ) -> None:
        """Delete the node in Ironic, if it exists and stands for this node."""
        row = node_objects.get_expected(context.db, node_uuid, generation, STATE)
        if row.managed_by is None:
            return
        try:
            delete_ironic_node(context, row)
        except errors.IronicRefused as exc:
            if exc.details.get("ours") is not False:
                raise
            LOG.info("Node %s: %s", row.uuid, exc)
        node_changes.record(context.db, row, managed_by=None)


def delete_ironic_node(context: wiring.Context, row: node_objects.Node) -> None:
    """Delete a node in Ironic, and verify that Ironic does not have it any more."""
    uuid = row.ironic_uuid
    if uuid is not None:
        retry.call(
            lambda: context.ironic.delete_node(
                uuid, row.uuid, installation_objects.get(context.db)
            ),
            within=context.conf.nodes.outage_timeout,
        )


def _system_path(row: node_objects.Node) -> str:
    if row.system_path is None:
        raise errors.PodManagerFailed(
            f"The pod manager reports no system for node {row.uuid}, so that Ironic could not "
            "reach it. Read the node with ?refresh=true, and register it when it has a "
            "system_path."
        )
    return row.system_path
