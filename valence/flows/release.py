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


"""Release a node: give it back to its pool, and see that it is gone."""

from oslo_config import cfg
from taskflow import task
from taskflow.patterns import linear_flow

from valence import drivers as known_drivers
from valence import ironic as ironic_client
from valence.flows import giving_back
from valence.flows import outages
from valence.objects import node as nodes
from valence_conductor import database

STATE = nodes.OPERATIONS["release"]


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
        db: database.Database,
        ironic: ironic_client.Ironic,
        conf: cfg.ConfigOpts,
    ) -> None:
        """Have Ironic forget the node, and note that it has."""
        row = nodes.hold(db, node_uuid, generation, STATE)
        uuid = row.ironic_uuid
        if row.managed_by is None or uuid is None:
            return
        outages.ask(lambda: ironic.evict_node(uuid, row.uuid), within=conf.nodes.outage_timeout)
        nodes.record(db, row, managed_by=None, ironic_uuid=None, registration=None)


class GiveBackNodeTask(task.Task):
    """Delete the node on its pod manager, and wait until its collection has it no more.

    Idempotent because: what is not there any more counts as given back.

    Revert: none. The node stays, in error, and can be released again.
    """

    def execute(
        self,
        node_uuid: str,
        generation: int,
        db: database.Database,
        drivers: known_drivers.Drivers,
        conf: cfg.ConfigOpts,
    ) -> None:
        """Give back whatever there may be."""
        giving_back.give_back(db, drivers, nodes.hold(db, node_uuid, generation, STATE), conf)
