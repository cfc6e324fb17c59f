# SPDX-License-Identifier: Apache-2.0

"""The ledger of instances: the jobs of their rows, and how the jobs end."""

from collections.abc import Iterable
from collections.abc import Mapping
import pathlib
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
import sqlalchemy as sa

from valence_conductor import conf as conductor_conf
from valence_conductor import ids
from valence_conductor import waiting
from valence_conductor.db.engine import Database
from valence_conductor.job import FlowSpec
from valence_conductor.job import Job
from valence_conductor.job import Outcome
from valence_conductor.job import Result
from valence_conductor.ledger import Rows
from valence_conductor.strays import Stray
from valence_integration import audit
from valence_integration import conf as integration_conf
from valence_integration import errors
from valence_integration import states
from valence_integration.db import instances as db_instances
from valence_integration.objects.instance import Instance
from valence_integration.peers import clients
from valence_integration.peers.ironic import IronicNodes
from valence_integration.peers.valence import ValenceNodes
from valence_integration.tasks.context import Context

LOG = logging.getLogger(__name__)

NAME = "instances"

#: operation -> the factory of its flow; persisted with every flow, therefore frozen.
FACTORIES = {
    "provision": "valence_integration.flows.provision.provision",
    "destroy": "valence_integration.flows.destroy.destroy",
}

#: operation, result -> the state in which the row ends. An instance whose provisioning
#: could not be reverted is destroyed, as if that had been requested.
ENDS = {
    ("provision", Result.SUCCESS): states.ACTIVE,
    ("provision", Result.REVERTED): states.ERROR,
    ("provision", Result.FAILED): states.DESTROYING,
    ("destroy", Result.SUCCESS): states.DELETED,
    ("destroy", Result.REVERTED): states.ERROR,
    ("destroy", Result.FAILED): states.ERROR,
}

#: operation, result -> the cleanup of a failed provision. A revert has released everything;
#: otherwise the destroy flow that follows does.
CLEANUPS = {
    ("provision", Result.REVERTED): db_instances.DONE,
    ("provision", Result.FAILED): db_instances.PENDING,
}

#: Names of exceptions that have no code of their own -> code.
CODES = {"TimedOut": errors.TIMED_OUT, "Cancelled": errors.CANCELLED}

_STATES = {operation: state for state, operation in states.OPERATIONS.items()}


class InstanceLedger:
    """The rows of instances, and the flows that change them."""

    name = NAME

    def __init__(self, context: Context) -> None:
        self.instances = context.instances
        self.context = context
        self.rows = Rows(context.instances.db, f"[{integration_conf.GROUP}] connection")
        self._audit = audit.Audit(context)

    def pending(self) -> Iterable[Job]:
        """Return the jobs of the rows in a transitional state, oldest first."""
        return [job_of(instance) for instance in self.instances.list(states.OPERATIONS)]

    def is_pending(self, job: Job) -> bool:
        """Return whether the row still requests exactly this job."""
        try:
            instance = self.instances.get(job.uuid)
        except errors.InstanceNotFound:
            return False
        return instance.state in states.OPERATIONS and job_of(instance) == job

    def flow(self, job: Job) -> FlowSpec:
        """Return the flow that runs the job."""
        kwargs = {}
        if job.operation == "provision":
            kwargs = {"deploy": self.instances.get(job.uuid).deploy is not None}
        store = {"instance_uuid": job.uuid, "generation": job.generation}
        return FlowSpec(FACTORIES[job.operation], store, kwargs)

    def task_arguments(self, job: Job) -> Mapping[str, Any]:
        """Return the live objects that tasks require by name."""
        return {"context": self.context}

    def task_started(self, job: Job, task: str, reverting: bool) -> None:
        """Record which task runs, and in which process.

        The time stays when a resumed task runs again: its deadline is counted from it.
        """
        label = f"undo {task}" if reverting else task
        instance = self.instances.get(job.uuid)
        changes: dict[str, Any] = {}
        if instance.task != label:
            LOG.info("Instance %s entered task %s", job.uuid, label)
            changes = {"task": label, "task_since": waiting.now()}
        if instance.conductor != ids.process_name():
            changes["conductor"] = ids.process_name()
        if changes:
            self.instances.write(job.uuid, job.generation, _STATES[job.operation], **changes)

    def settle(self, job: Job, outcome: Outcome) -> Job | None:
        """End the row's transition, and begin a destruction that waited for this end."""
        end = db_instances.Ending(ENDS[job.operation, outcome.result], _fault(job, outcome))
        instance = self.instances.settle(job.uuid, job.generation, _STATES[job.operation], end)
        return job_of(instance) if instance.state in states.OPERATIONS else None

    def count_by_state(self) -> Mapping[str, int]:
        """Return the number of rows in each state."""
        return self.instances.count_by_state()

    def audit(self) -> Iterable[Stray]:
        """Find nodes that no instance owns, and instances in error that may hold resources.

        These are destroyed again: the service that was unavailable then may have recovered.
        """
        strays = self._audit.run()
        if self.context.limits.give_back_strays:
            strays += [_unreleased(instance) for instance in self._retry_cleanups()]
        return strays

    def _retry_cleanups(self) -> Iterable[Instance]:
        for instance in self.instances.list([states.ERROR]):
            if db_instances.may_hold_resources(instance.fault) and self.instances.retry_cleanup(
                instance.uuid, instance.generation
            ):
                yield instance


def load(conf: cfg.ConfigOpts) -> InstanceLedger:
    """Open the ledger of a configuration, and upgrade its schema.

    No request is sent to Valence or Ironic before a flow needs it.

    :raises Unreachable: the database of instances does not answer.
    """
    integration_conf.register_opts(conf)
    conductor_conf.register_opts(conf)
    path = sqlite_file(conf[integration_conf.GROUP].connection)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    ledger = open_existing(conf)
    ledger.instances.reach(conf[conductor_conf.GROUP].start_timeout)
    ledger.instances.upgrade()
    return ledger


def open_existing(conf: cfg.ConfigOpts) -> InstanceLedger:
    """Open the ledger of a configuration without creating or upgrading its schema."""
    integration_conf.register_opts(conf)
    return InstanceLedger(
        Context(
            db_instances.Instances(Database(conf[integration_conf.GROUP].connection)),
            ValenceNodes(lambda: clients.valence(conf)),
            IronicNodes(lambda: clients.ironic(conf)),
            integration_conf.limits(conf),
            integration_conf.registration(conf),
        )
    )


def flows_connection(conf: cfg.ConfigOpts) -> str:
    """Return the default database of flows: a SQLite file of their own."""
    options = conf[integration_conf.GROUP]
    path = sqlite_file(options.connection)
    folder = path.parent if path is not None else pathlib.Path(options.state_path)
    return f"sqlite:///{folder}/integration-flows.sqlite"


def sqlite_file(connection: str) -> pathlib.Path | None:
    """Return the file of a SQLite database; None for any other database."""
    url = sa.make_url(connection)
    is_file = url.get_backend_name() == "sqlite" and url.database
    return pathlib.Path(str(url.database)) if is_file else None


def job_of(instance: Instance) -> Job:
    """Return the job of an instance in a transitional state."""
    operation = states.OPERATIONS[instance.state]
    return Job(NAME, instance.uuid, instance.generation, operation)


def _unreleased(instance: Instance) -> Stray:
    what = f"instance {instance.uuid} ({instance.name}) is in error and may still hold resources"
    return Stray("row", what, repaired=True)


def _fault(job: Job, outcome: Outcome) -> dict[str, Any] | None:
    if outcome.result is Result.SUCCESS:
        return None
    fault = {
        "code": outcome.details.get("code") or CODES.get(outcome.error or "", errors.UNEXPECTED),
        "detail": outcome.reason or f"The flow failed ({outcome.error}); see the log.",
        "reason": outcome.details.get("reason"),
        "error": outcome.error,
        "operation": job.operation,
        "cleanup": None,
        "given_back": False,
        "at": waiting.now().isoformat(),
    }
    cleanup = CLEANUPS.get((job.operation, outcome.result))
    if cleanup is None:
        return fault
    return db_instances.with_cleanup(fault, cleanup, outcome.revert_reason)
