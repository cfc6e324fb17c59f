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


"""The whole service: its parts, and a conductor that works in its process."""

from oslo_config import cfg
from oslo_db import exception as db_errors
from oslo_log import log as logging
import sqlalchemy as sa
from taskflow import exceptions as taskflow_errors

from valence import health as healths
from valence import inventory
from valence import ironic as ironic_client
from valence import ledger
from valence import parts
from valence import policies
from valence_conductor import conductor
from valence_conductor import process
from valence_conductor.job import Job

LOG = logging.getLogger(__name__)


class Service:
    """What the handlers of the API work with.

    :param conf: with every option of :mod:`valence.conf`.
    :param ironic: tests have their own.
    """

    def __init__(self, conf: cfg.ConfigOpts, ironic: ironic_client.Ironic | None = None) -> None:
        found = parts.make(conf, ironic)
        self.conf: cfg.ConfigOpts = conf
        self.db = found.db
        self.drivers = found.drivers
        self.ironic = found.ironic
        self.inventory = inventory.Inventories(conf, found.db, found.drivers)
        self.enforcer = policies.enforcer(conf)
        self.health = healths.Health(self)
        self.ledger = ledger.Nodes(conf, found.db, found.drivers, found.ironic)
        self.conductor = conductor.from_conf(
            conf,
            [self.ledger],
            default_connection=f"sqlite:///{conf.state_path}/flows.sqlite",
        )
        self._refresher = inventory.refresher(conf, self.inventory, process.name())

    def start(self) -> None:
        """Prepare the tables, resume what is under way, begin to work.

        :raises SchemaBehind: the tables are not those of this release.
        :raises AlreadyRunning: another process works on the same flows.
        :raises Unreachable: a database is away, or the jobboard.
        """
        self.db.reach(self.conf.conductor.start_timeout)
        parts.prepare_schema(self.db)
        self.conductor.start()
        if self._refresher is not None:
            self._refresher.start()

    def submit(self, job: Job) -> None:
        """Have a job done whose row is committed.

        If it cannot be written down now, it is not lost: its row asks for it,
        and the conductor's next sweep finds it.
        """
        try:
            self.conductor.submit(job)
        except (db_errors.DBError, sa.exc.SQLAlchemyError, taskflow_errors.TaskFlowException):
            LOG.exception("%s could not be written down; the next sweep begins it", job.name)

    def stop(self, graceful: float | None = None) -> None:
        """Leave every flow between two steps, and close every connection."""
        self.health.close()
        if self._refresher is not None:
            self._refresher.stop()
        self.inventory.stop(self.conf.conductor.graceful_timeout if graceful is None else graceful)
        self.conductor.stop(graceful)
        self.drivers.connections.close()
        self.db.close()
