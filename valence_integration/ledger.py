# SPDX-License-Identifier: Apache-2.0

"""The ledger of instances: what a conductor needs to know of them."""

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
from valence_conductor.strays import Stray
from valence_integration import audit
from valence_integration import conf as integration_conf
from valence_integration import errors
from valence_integration import states
from valence_integration.db.instances import Ending
from valence_integration.db.instances import holds
from valence_integration.db.instances import Instances
from valence_integration.objects.instance import Instance
from valence_integration.peers import clients
from valence_integration.peers.ironic import IronicNodes
from valence_integration.peers.valence import ValenceNodes
from valence_integration.tasks.context import Tools

LOG = logging.getLogger(__name__)

NAME = "instances"

#: operation -> the factory of its flow. Written down with every flow: frozen.
FACTORIES = {
    "provision": "valence_integration.flows.provision.provision",
    "destroy": "valence_integration.flows.destroy.destroy",
}

#: operation, result -> the state that the row ends in. What could not be undone is
#: destroyed, as if somebody had asked for it.
ENDS = {
    ("provision", Result.SUCCESS): states.ACTIVE,
    ("provision", Result.REVERTED): states.ERROR,
    ("provision", Result.FAILED): states.DESTROYING,
    ("destroy", Result.SUCCESS): states.DELETED,
    ("destroy", Result.REVERTED): states.ERROR,
    ("destroy", Result.FAILED): states.ERROR,
}

#: Exceptions that bring no code of their own.
CODES = {"TimedOut": errors.TIMED_OUT, "Cancelled": errors.CANCELLED}

_STATES = {operation: state for state, operation in states.OPERATIONS.items()}


class InstanceLedger:
    """The rows of instances, and the flows that move them."""

    name = NAME

    def __init__(self, tools: Tools) -> None:
        self.instances = tools.instances
        self.toolbox = tools
        self._audit = audit.Audit(tools)

    def pending(self) -> Iterable[Job]:
        """List the jobs that rows in a transitional state ask for, oldest first."""
        return [job_of(found) for found in self.instances.list(states.OPERATIONS)]

    def is_pending(self, job: Job) -> bool:
        """Tell whether the row still asks for exactly this job."""
        try:
            instance = self.instances.get(job.uuid)
        except errors.InstanceNotFound:
            return False
        return instance.state in states.OPERATIONS and job_of(instance) == job

    def flow(self, job: Job) -> FlowSpec:
        """Say which flow does the job."""
        kwargs = {}
        if job.operation == "provision":
            kwargs = {"deploy": self.instances.get(job.uuid).deploy is not None}
        store = {"instance_uuid": job.uuid, "generation": job.generation}
        return FlowSpec(FACTORIES[job.operation], store, kwargs)

    def task_arguments(self, job: Job) -> Mapping[str, Any]:
        """Give the live objects that tasks ask for by name."""
        return {"tools": self.toolbox}

    def task_started(self, job: Job, task: str, reverting: bool) -> None:
        """Note which task runs, and who runs it.

        The time stays when a resumed task runs again: its deadline counts from there.
        """
        label = f"undo {task}" if reverting else task
        seen, news = self.instances.get(job.uuid), {}
        if seen.task != label:
            LOG.info("instance %s: %s", job.uuid, label)
            news = {"task": label, "task_since": waiting.now()}
        if seen.conductor != ids.process_name():
            news["conductor"] = ids.process_name()
        if news:
            self.instances.write(job.uuid, job.generation, _STATES[job.operation], **news)

    def settle(self, job: Job, outcome: Outcome) -> Job | None:
        """End the row's transition, and begin a destruction that waited for that."""
        end = Ending(ENDS[job.operation, outcome.result], _fault(job, outcome))
        instance = self.instances.settle(job.uuid, job.generation, _STATES[job.operation], end)
        return job_of(instance) if instance.state in states.OPERATIONS else None

    def count_by_state(self) -> Mapping[str, int]:
        """Count the rows by state."""
        return self.instances.count_by_state()

    def audit(self) -> Iterable[Stray]:
        """Look for what no instance owns, and for instances in error that hold something.

        These are destroyed once more: whoever was away when that failed may be back.
        """
        strays = self._audit.look()
        if self.toolbox.limits.give_back_strays:
            strays += [_left_behind(row) for row in self._give_back_again()]
        return strays

    def _give_back_again(self) -> Iterable[Instance]:
        for row in self.instances.list([states.ERROR]):
            if holds(row.fault) and self.instances.give_back_again(row.uuid, row.generation):
                yield row


def load(conf: cfg.ConfigOpts) -> InstanceLedger:
    """Open the ledger that a configuration names; its schema is brought up to date.

    Neither Valence nor Ironic is spoken to before a flow needs it.

    :raises Unreachable: the database of instances is away.
    """
    integration_conf.register_opts(conf)
    conductor_conf.register_opts(conf)
    path = sqlite_file(conf[integration_conf.GROUP].connection)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    opened = open_beside(conf)
    opened.instances.reach(conf[conductor_conf.GROUP].start_timeout)
    opened.instances.upgrade()
    return opened


def open_beside(conf: cfg.ConfigOpts) -> InstanceLedger:
    """Open the ledger that a configuration names as it stands: nothing is made or changed."""
    integration_conf.register_opts(conf)
    return InstanceLedger(
        Tools(
            Instances(Database(conf[integration_conf.GROUP].connection)),
            ValenceNodes(lambda: clients.valence(conf)),
            IronicNodes(lambda: clients.ironic(conf)),
            integration_conf.limits(conf),
            integration_conf.registration(conf),
        )
    )


def flows_connection(conf: cfg.ConfigOpts) -> str:
    """Say where flows are kept by default: a file of SQLite of their own."""
    options = conf[integration_conf.GROUP]
    rows = sqlite_file(options.connection)
    folder = rows.parent if rows is not None else pathlib.Path(options.state_path)
    return f"sqlite:///{folder}/integration-flows.sqlite"


def sqlite_file(connection: str) -> pathlib.Path | None:
    """Tell the file of a SQLite database; None for any other."""
    url = sa.make_url(connection)
    named = url.get_backend_name() == "sqlite" and url.database
    return pathlib.Path(str(url.database)) if named else None


def job_of(instance: Instance) -> Job:
    """Tell the job that an instance in a transitional state asks for."""
    operation = states.OPERATIONS[instance.state]
    return Job(NAME, instance.uuid, instance.generation, operation)


def _left_behind(row: Instance) -> Stray:
    what = f"instance {row.uuid} ({row.name}) ended in error and may still hold something"
    return Stray("row", what, repaired=True)


def _fault(job: Job, outcome: Outcome) -> dict[str, Any] | None:
    if outcome.result is Result.SUCCESS:
        return None
    return {
        "code": outcome.details.get("code") or CODES.get(outcome.error or "", errors.UNEXPECTED),
        "detail": outcome.reason or f"The flow failed ({outcome.error}); see the log.",
        "reason": outcome.details.get("reason"),
        "error": outcome.error,
        "operation": job.operation,
        "given_back": job.operation == "provision" and outcome.result is Result.REVERTED,
        "at": waiting.now().isoformat(),
    }
