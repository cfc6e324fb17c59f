# SPDX-License-Identifier: Apache-2.0

"""Release a node: give it back to its pool, and see that it is gone."""

from oslo_config import cfg
from taskflow import task
from taskflow.patterns import linear_flow

from valence.drivers import Drivers
from valence.flows import give_back
from valence.flows import retry
from valence.ironic import Ironic
from valence.objects import node as node_objects
from valence_conductor.db.engine import Database

STATE = node_objects.OPERATIONS["release"]


def release() -> linear_flow.Flow:
    """Give a node back; its row goes when this is done."""
    return linear_flow.Flow("release").add(
        LeaveIronicTask(name="leave-ironic"), GiveBackNodeTask(name="give-back-node")
    )


class LeaveIronicTask(task.Task):
    """Take a node out of Ironic whose hardware is gone, whatever Ironic does with it.

    Only a node that is missing is released while Ironic has it, and only by force.

    Idempotent because: what Ironic does not know is out of it.

    Revert: none. The node stays, in error, and can be released again.
    """

    def execute(
        self,
        node_uuid: str,
        generation: int,
        db: Database,
        ironic: Ironic,
        conf: cfg.ConfigOpts,
    ) -> None:
        """Have Ironic forget the node, and note that it has."""
        row = node_objects.get_expected(db, node_uuid, generation, STATE)
        uuid = row.ironic_uuid
        if row.managed_by is None or uuid is None:
            return
        retry.call(lambda: ironic.evict_node(uuid, row.uuid), within=conf.nodes.outage_timeout)
        node_objects.record(db, row, managed_by=None, ironic_uuid=None, registration=None)


class GiveBackNodeTask(task.Task):
    """Delete the node on its pod manager, and wait until its collection has it no more.

    Idempotent because: what is not there any more counts as given back.

    Revert: none. The node stays, in error, and can be released again.
    """

    def execute(
        self,
        node_uuid: str,
        generation: int,
        db: Database,
        drivers: Drivers,
        conf: cfg.ConfigOpts,
    ) -> None:
        """Give back whatever there may be."""
        give_back.give_back(
            db, drivers, node_objects.get_expected(db, node_uuid, generation, STATE), conf
        )
