# SPDX-License-Identifier: Apache-2.0

"""The service of one process: its database, drivers and health, and a conductor."""

from collections.abc import Mapping

from oslo_config import cfg
from oslo_db import exception as db_errors
from oslo_log import log as logging
import requests
import sqlalchemy as sa
from taskflow import exceptions as taskflow_errors

from valence import health
from valence import ledger
from valence import policies
from valence import refresh
from valence import wiring
from valence.ironic import Ironic
from valence.objects import base as objects_base
from valence.objects import podmanager as podmanager_objects
from valence_conductor import conductor
from valence_conductor import ids
from valence_conductor.job import Job

LOG = logging.getLogger(__name__)


class Service:
    """Everything that the handlers of the API use.

    :param conf: with every option of :mod:`valence.conf`.
    :param ironic: replaces the Ironic of the configuration in tests.
    """

    def __init__(self, conf: cfg.ConfigOpts, ironic: Ironic | None = None) -> None:
        self.context = context = wiring.make(conf, ironic)
        self.conf: cfg.ConfigOpts = conf
        self.db = context.db
        self.drivers = context.drivers
        self.ironic = context.ironic
        self.inventory = refresh.InventoryRefresher(context)
        self.enforcer = policies.enforcer(conf)
        self.ledger = ledger.NodeLedger(context)
        self.conductor = conductor.from_conf(
            conf,
            [self.ledger],
            default_connection=f"sqlite:///{conf.state_path}/flows.sqlite",
        )
        self._check_writable = health.Cached(
            lambda: self.db.check_writable(objects_base.VERSION_TABLE, "version_num")
        )
        self.health = health.Health(self._checks())
        self._refresher = refresh.refresher(conf, self.inventory, ids.process_name())

    def start(self) -> None:
        """Prepare the tables, resume unfinished jobs, and start to process new ones.

        :raises SchemaBehind: the tables are not at the revision of this release.
        :raises AlreadyRunning: another process runs the same flows.
        :raises Unreachable: a database or the jobboard is unavailable.
        """
        self.db.reach(self.conf.conductor.start_timeout)
        wiring.prepare_schema(self.db)
        self.conductor.start()
        if self._refresher is not None:
            self._refresher.start()

    def submit(self, job: Job) -> None:
        """Submit a job whose row is committed.

        A job that cannot be stored now is not lost: its row is pending, and the next
        sweep of the conductor submits it.
        """
        try:
            self.conductor.submit(job)
        except (db_errors.DBError, sa.exc.SQLAlchemyError, taskflow_errors.TaskFlowException):
            LOG.exception("Could not submit job %s; the next sweep submits it", job.name)

    def stop(self, graceful: float | None = None) -> None:
        """Interrupt every flow between two tasks, and close every connection.

        :param graceful: seconds to wait for running tasks; None: as configured.
        """
        self.health.close()
        if self._refresher is not None:
            self._refresher.stop()
        self.inventory.stop(self.conf.conductor.graceful_timeout if graceful is None else graceful)
        self.conductor.stop(graceful)
        self.drivers.connections.close()
        self.db.close()

    def _checks(self) -> Mapping[str, health.Check]:
        conf = self.conf
        return {
            "database": health.Check(self._probe_database, required=True),
            "jobboard": health.Check(
                self.conductor.check_board, enabled=lambda: bool(conf.conductor.jobboard)
            ),
            "ironic": health.Check(
                self.ironic.ping,
                enabled=lambda: bool(
                    conf.ironic.endpoint_override
                    or conf.ironic.auth_type
                    or conf.ironic.auth_section
                ),
            ),
            "keystone": health.Check(
                self._probe_keystone,
                enabled=lambda: (
                    conf.auth_strategy == "keystone"
                    and bool(conf.keystone_authtoken.get("auth_url"))
                ),
            ),
            "podmanagers": health.Check(self._probe_podmanagers),
        }

    def _probe_database(self) -> None:
        with self.db.reader() as session:
            session.execute(sa.text("SELECT 1 FROM nodes WHERE 1 = 0"))
        self._check_writable()

    def _probe_keystone(self) -> None:
        options = self.conf.keystone_authtoken
        verify = False if options.insecure else options.cafile or True
        response = requests.get(options.auth_url, timeout=health.DEADLINE, verify=verify)
        if response.status_code >= 500:
            raise RuntimeError(f"Keystone answers {response.status_code}")

    def _probe_podmanagers(self) -> str | None:
        counts = podmanager_objects.count_by_status(self.db)
        unavailable = [
            f"{count} {status}"
            for status, count in sorted(counts.items())
            if status not in ("online", "unknown")
        ]
        return ", ".join(unavailable) or None
