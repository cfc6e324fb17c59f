# SPDX-License-Identifier: Apache-2.0

"""Release a node: return its hardware to the pool, and verify that it is gone."""

from taskflow import task
from taskflow.patterns import linear_flow

from valence import wiring
from valence.flows import give_back
from valence.flows import retry
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import node_changes

STATE = node_objects.OPERATIONS["release"]


def release() -> linear_flow.Flow:
    """Release a node; its row is deleted afterwards."""
    return linear_flow.Flow("release").add(
        LeaveIronicTask(name="leave-ironic"), GiveBackNodeTask(name="give-back-node")
    )


class LeaveIronicTask(task.Task):
    """Delete a node whose hardware is gone from Ironic, in any provision state.

    Only a missing node, or one in error, is released while Ironic has it, and only by force.

    Idempotent because: a node that Ironic does not have counts as deleted.

    Revert: none. The node stays in error, and can be released again.
    """

    def execute(self, node_uuid: str, generation: int, context: wiring.Context) -> None:
        """Delete the node in Ironic, and record that it is deleted."""
        row = node_objects.get_expected(context.db, node_uuid, generation, STATE)
        uuid = row.ironic_uuid
        if row.managed_by is None or uuid is None:
            return
        retry.call(
            lambda: context.ironic.evict_node(
                uuid, row.uuid, installation_objects.get(context.db)
            ),
            within=context.conf.nodes.outage_timeout,
        )
        node_changes.record(context.db, row, managed_by=None, ironic_uuid=None, registration=None)


class GiveBackNodeTask(task.Task):
    """Delete the node on its pod manager, and wait until the collection does not list it.

    Idempotent because: a node that does not exist counts as released.

    Revert: none. The node stays in error, and can be released again.
    """

    def execute(self, node_uuid: str, generation: int, context: wiring.Context) -> None:
        """Release whatever the pod manager holds for the node."""
        row = node_objects.get_expected(context.db, node_uuid, generation, STATE)
        give_back.give_back(context, row)
