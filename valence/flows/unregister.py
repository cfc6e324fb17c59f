# SPDX-License-Identifier: Apache-2.0

"""Unregister a node: have Ironic forget it."""

from oslo_config import cfg
from taskflow import task
from taskflow.patterns import linear_flow

from valence.flows import register
from valence.ironic import Ironic
from valence.objects import node as node_objects
from valence_conductor.db.engine import Database

STATE = node_objects.OPERATIONS["unregister"]


def unregister() -> linear_flow.Flow:
    """Delete a node in Ironic; it stays composed."""
    return linear_flow.Flow("unregister").add(DeleteIronicNodeTask(name="delete-ironic-node"))


class DeleteIronicNodeTask(task.Task):
    """Delete the node in Ironic, and see Ironic answer that there is none.

    Idempotent because: that there is none is success.

    Revert: none. When Ironic refuses, because the node is in use, nothing has
    changed.
    """

    def execute(
        self,
        node_uuid: str,
        generation: int,
        db: Database,
        ironic: Ironic,
        conf: cfg.ConfigOpts,
    ) -> None:
        """Have Ironic forget the node."""
        row = node_objects.get_expected(db, node_uuid, generation, STATE)
        register.forget(ironic, row, conf)
