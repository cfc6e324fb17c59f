# SPDX-License-Identifier: Apache-2.0

"""The ledger of nodes: what a conductor needs of their rows."""

import atexit
from collections.abc import Iterable
from collections.abc import Mapping
import contextlib
import http
from typing import Any

from oslo_config import cfg

from valence import audit
from valence import conf as service_conf
from valence import errors
from valence import wiring
from valence.drivers import Drivers
from valence.ironic import Ironic
from valence.objects import node as node_objects
from valence.scheduler import Scheduler
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting
from valence_conductor.db.engine import Database
from valence_conductor.job import FlowSpec
from valence_conductor.job import Job
from valence_conductor.job import Outcome
from valence_conductor.job import Result
from valence_conductor.strays import Stray

NAME = "nodes"

#: operation -> the factory of its flow. Journals name them: an old path stays as an alias.
FLOWS = {
    "compose": "valence.flows.compose.compose",
    "release": "valence.flows.release.release",
    "register": "valence.flows.register.register",
    "unregister": "valence.flows.unregister.unregister",
}

FORGOTTEN = {"managed_by": None, "ironic_uuid": None, "registration": None}

Ends = Mapping[Result, Mapping[str, Any] | None]

#: How a row ends; None: it goes. A failed register keeps ``managed_by``: Ironic
#: may still have the node.
ENDS: Mapping[str, Ends] = {
    "compose": {
        Result.SUCCESS: {"state": "composed"},
        Result.REVERTED: {"state": "error", "podm_uuid": None},
        Result.FAILED: {"state": "releasing"},  # undoing it failed: it is given back at once
    },
    "release": {
        Result.SUCCESS: None,
        Result.REVERTED: {"state": "error"},
        Result.FAILED: {"state": "error"},
    },
    "register": {
        Result.SUCCESS: {"state": "composed"},
        Result.REVERTED: {"state": "composed", **FORGOTTEN},
        Result.FAILED: {"state": "composed"},
    },
    "unregister": {
        Result.SUCCESS: {"state": "composed", **FORGOTTEN},
        Result.REVERTED: {"state": "composed"},
        Result.FAILED: {"state": "composed"},
    },
}

#: How a compose ends whose node was deleted meanwhile; None: nothing is left of it.
ENDS_CANCELLED: Ends = {
    Result.SUCCESS: {"state": "releasing"},
    Result.REVERTED: None,
    Result.FAILED: {"state": "releasing"},
}

#: Between why a node could not be composed, and why it is not given back since.
AND_GIVING_BACK = " Giving it back: "

#: What the conductor's own faults are to users of the API.
FAULTS: Mapping[str | None, type[errors.ValenceError]] = {
    "Cancelled": errors.NodeCancelled,
    "TimedOut": errors.PodManagerFailed,
}


class NodeLedger:
    """The ledger of nodes."""

    name = NAME

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        db: Database,
        drivers: Drivers,
        ironic: Ironic,
    ) -> None:
        self._conf = conf
        self._db = db
        self._audit = audit.Audit(conf, db, drivers, ironic)
        self._tools = {
            "conf": conf,
            "db": db,
            "drivers": drivers,
            "ironic": ironic,
            "scheduler": Scheduler(conf),
        }

    def pending(self) -> Iterable[Job]:
        """List the jobs that nodes ask for, oldest first."""
        return [job_of(row) for row in node_objects.pending(self._db)]

    def is_pending(self, job: Job) -> bool:
        """Tell whether the node still asks for exactly this job."""
        row = node_objects.find(self._db, job.uuid)
        return row is not None and row.state in node_objects.ASKED_IN and job_of(row) == job

    def flow(self, job: Job) -> FlowSpec:
        """Say which flow does the job."""
        store = {"node_uuid": job.uuid, "generation": job.generation}
        return FlowSpec(FLOWS[job.operation], store)

    def task_arguments(self, job: Job) -> Mapping[str, Any]:
        """Give the live objects that tasks ask for by name."""
        return self._tools

    def task_started(self, job: Job, task: str, reverting: bool) -> None:
        """Note which task runs from now on.

        A task that is resumed keeps the time at which it began: its deadlines
        count from there.
        """
        label = f"undo {task}" if reverting else task
        with contextlib.suppress(conductor_errors.Superseded):
            row = node_objects.get_expected(self._db, job.uuid, job.generation, _state(job))
            if row.task != label:
                node_objects.record(self._db, row, task=label, task_since=waiting.now())

    def settle(self, job: Job, outcome: Outcome) -> Job | None:
        """End the node's transition; its release follows if it was deleted meanwhile."""
        following: list[Job] = []

        def decide(row: node_objects.Node) -> Mapping[str, Any] | None:
            end = _end_of(job, row, outcome.result)
            if end is None:
                return None
            values = {"fault": _fault_after(job, row, outcome), **end}
            if end["state"] in node_objects.ASKED_IN:
                following.append(Job(NAME, row.uuid, row.generation + 1, "release"))
                values["generation"] = row.generation + 1
            return values

        node_objects.settle(self._db, job.uuid, job.generation, _state(job), decide)
        return following[0] if following else None

    def count_by_state(self) -> Mapping[str, int]:
        """Count the nodes by state."""
        return node_objects.count_by_state(self._db)

    def audit(self) -> Iterable[Stray]:
        """Look for what no node owns, and for nodes in error that hold something.

        These are released once more: whoever was away when that failed may be back.
        """
        strays = self._audit.look()
        if self._conf.nodes.give_back_strays:
            strays += [_left_behind(row) for row in self._release_again()]
        return strays

    def _release_again(self) -> Iterable[node_objects.Node]:
        for row in node_objects.list_unreleased(self._db):
            with contextlib.suppress(conductor_errors.Superseded):
                node_objects.begin(self._db, row, "release", fault=row.fault)
                yield row


def job_of(row: node_objects.Node) -> Job:
    """Give the job that a node in a transitional state asks for."""
    return Job(NAME, row.uuid, row.generation, node_objects.ASKED_IN[row.state])


def _left_behind(row: node_objects.Node) -> Stray:
    what = f"node {row.uuid} ended in error and may still hold something on {row.podm_uuid}"
    return Stray("row", what, repaired=True)


def _end_of(job: Job, row: node_objects.Node, result: Result) -> Mapping[str, Any] | None:
    if job.operation == "compose" and row.release_requested:
        return ENDS_CANCELLED[result]
    if row.is_cleanup_release and result is Result.SUCCESS:
        # Whoever asked for the node has not seen yet why there is none.
        return {"state": "error", "podm_uuid": None}
    return ENDS[job.operation][result]


def _fault_after(job: Job, row: node_objects.Node, outcome: Outcome) -> dict[str, Any] | None:
    """Tell what a node suffers from; a compose that failed is not forgotten over its release."""
    fault = fault_of(job, outcome)
    if not row.is_cleanup_release or row.fault is None:
        return fault
    if fault is None:
        return row.fault
    first = str(row.fault["detail"]).partition(AND_GIVING_BACK)[0]
    return {**row.fault, "detail": f"{first}{AND_GIVING_BACK}{fault['detail']}"}


def fault_of(job: Job, outcome: Outcome) -> dict[str, Any] | None:
    """Describe to users why a job failed; None when it did not."""
    if outcome.result is Result.SUCCESS:
        return None
    kind = FAULTS.get(outcome.error, errors.ValenceError)
    details = {"status": kind.status, "code": kind.code, **outcome.details}
    status = int(details["status"])
    fault = {
        "status": status,
        "code": details["code"],
        "title": http.HTTPStatus(status).phrase,
        "detail": outcome.reason or "It failed, and nothing more is known.",
        "operation": job.operation,
        "at": waiting.now().isoformat(),
    }
    more = ("reason", "refusals")
    return fault | {key: details[key] for key in more if details.get(key)}


def load(conf: cfg.ConfigOpts) -> NodeLedger:
    """Make the ledger that a configuration asks for."""
    service_conf.register_opts(conf)
    found = wiring.make(conf)
    # A conductor knows no pod managers, and does not end their sessions for us.
    atexit.register(found.drivers.connections.close)
    return NodeLedger(conf, found.db, found.drivers, found.ironic)


def _state(job: Job) -> str:
    return node_objects.OPERATIONS[job.operation]
