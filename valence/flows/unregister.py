# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""Unregister a node: have Ironic forget it."""

from oslo_config import cfg
from taskflow import task
from taskflow.patterns import linear_flow

from valence import ironic as ironic_client
from valence.flows import register
from valence.objects import node as nodes
from valence_conductor import database

STATE = nodes.OPERATIONS["unregister"]


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
        db: database.Database,
        ironic: ironic_client.Ironic,
        conf: cfg.ConfigOpts,
    ) -> None:
        """Have Ironic forget the node."""
        row = nodes.hold(db, node_uuid, generation, STATE)
        register.forget(ironic, row, conf)
