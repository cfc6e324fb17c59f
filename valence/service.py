# SPDX-License-Identifier: Apache-2.0

"""The whole service: its parts, and a conductor that works in its process."""

from oslo_config import cfg
from oslo_db import exception as db_errors
from oslo_log import log as logging
import sqlalchemy as sa
from taskflow import exceptions as taskflow_errors

from valence import ledger
from valence import policies
from valence import refresh
from valence import wiring
from valence.health import Health
from valence.ironic import Ironic
from valence_conductor import conductor
from valence_conductor import ids
from valence_conductor.job import Job

LOG = logging.getLogger(__name__)


class Service:
    """What the handlers of the API work with.

    :param conf: with every option of :mod:`valence.conf`.
    :param ironic: tests have their own.
    """

    def __init__(self, conf: cfg.ConfigOpts, ironic: Ironic | None = None) -> None:
        self.context = context = wiring.make(conf, ironic)
        self.conf: cfg.ConfigOpts = conf
        self.db = context.db
        self.drivers = context.drivers
        self.ironic = context.ironic
        self.inventory = refresh.InventoryRefresher(context)
        self.enforcer = policies.enforcer(conf)
        self.health = Health(self)
        self.ledger = ledger.NodeLedger(context)
        self.conductor = conductor.from_conf(
            conf,
            [self.ledger],
            default_connection=f"sqlite:///{conf.state_path}/flows.sqlite",
        )
        self._refresher = refresh.refresher(conf, self.inventory, ids.process_name())

    def start(self) -> None:
        """Prepare the tables, resume what is under way, begin to work.

        :raises SchemaBehind: the tables are not those of this release.
        :raises AlreadyRunning: another process works on the same flows.
        :raises Unreachable: a database is away, or the jobboard.
        """
        self.db.reach(self.conf.conductor.start_timeout)
        wiring.prepare_schema(self.db)
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
