# SPDX-License-Identifier: Apache-2.0

"""Unregister a node: delete it in Ironic."""

from taskflow import task
from taskflow.patterns import linear_flow

from valence import wiring
from valence.flows import register
from valence.objects import node as node_objects

STATE = node_objects.OPERATIONS["unregister"]


def unregister() -> linear_flow.Flow:
    """Delete a node in Ironic; it stays composed."""
    return linear_flow.Flow("unregister").add(DeleteIronicNodeTask(name="delete-ironic-node"))


class DeleteIronicNodeTask(task.Task):
    """Delete the node in Ironic, and verify that Ironic does not have it any more.

    Idempotent because: a node that Ironic does not have counts as deleted.

    Revert: none. When Ironic refuses, because the node is in use, nothing has changed.
    """

    def execute(self, node_uuid: str, generation: int, context: wiring.Context) -> None:
        """Delete the node in Ironic."""
        row = node_objects.get_expected(context.db, node_uuid, generation, STATE)
        register.delete_ironic_node(context, row)
