# SPDX-License-Identifier: Apache-2.0

"""The ledger of nodes: their rows as the conductor needs them."""

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
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting
from valence_conductor.job import FlowSpec
from valence_conductor.job import Job
from valence_conductor.job import Outcome
from valence_conductor.job import Result
from valence_conductor.ledger import Rows
from valence_conductor.strays import Stray

NAME = "nodes"

#: operation -> the factory of its flow. Journals store the path: an old one stays as an alias.
FLOWS = {
    "compose": "valence.flows.compose.compose",
    "release": "valence.flows.release.release",
    "register": "valence.flows.register.register",
    "unregister": "valence.flows.unregister.unregister",
}

UNREGISTERED = {
    "managed_by": None,
    "ironic_uuid": None,
    "ironic_access": None,
    "registration": None,
}

Ends = Mapping[Result, Mapping[str, Any] | None]

#: The values of a row after an operation; None: the row is deleted. A failed register keeps
#: ``managed_by``: Ironic may still have the node.
ENDS: Mapping[str, Ends] = {
    "compose": {
        Result.SUCCESS: {"state": "composed"},
        Result.REVERTED: {"state": "error", "podm_uuid": None},
        Result.FAILED: {"state": "releasing"},  # the revert failed: release it at once
    },
    "release": {
        Result.SUCCESS: None,
        Result.REVERTED: {"state": "error"},
        Result.FAILED: {"state": "error"},
    },
    "register": {
        Result.SUCCESS: {"state": "composed"},
        Result.REVERTED: {"state": "composed", **UNREGISTERED},
        Result.FAILED: {"state": "composed"},
    },
    "unregister": {
        Result.SUCCESS: {"state": "composed", **UNREGISTERED},
        Result.REVERTED: {"state": "composed"},
        Result.FAILED: {"state": "composed"},
    },
}

#: The same for a compose whose node was deleted meanwhile.
ENDS_CANCELLED: Ends = {
    Result.SUCCESS: {"state": "releasing"},
    Result.REVERTED: None,
    Result.FAILED: {"state": "releasing"},
}

#: Faults of the conductor -> the error of the API that stands for them.
FAULTS: Mapping[str | None, type[errors.ValenceError]] = {
    "Cancelled": errors.NodeCancelled,
    "TimedOut": errors.PodManagerFailed,
}

#: Details of an error that its fault has, too.
FAULT_DETAILS = ("reason", "refusals", "path", "agree", "contradict")

#: operation, result -> how far the clean-up of a failed operation has come.
CLEANUPS = {
    ("compose", Result.REVERTED): "done",
    ("compose", Result.FAILED): "pending",
    ("register", Result.REVERTED): "done",
    ("register", Result.FAILED): "failed",
}


class NodeLedger:
    """The ledger of nodes."""

    name = NAME

    def __init__(self, context: wiring.Context) -> None:
        self._context = context
        self._db = context.db
        self.rows = Rows(context.db, "[database] connection")
        self._audit = audit.Audit(context)

    def pending(self) -> Iterable[Job]:
        """List the jobs that nodes in a transitional state request, oldest first."""
        return [job_of(row) for row in node_objects.pending(self._db)]

    def is_pending(self, job: Job) -> bool:
        """Return whether the node still requests exactly this job."""
        row = node_objects.find(self._db, job.uuid)
        if row is None or row.state not in node_objects.OPERATION_OF_STATE:
            return False
        return job_of(row) == job

    def flow(self, job: Job) -> FlowSpec:
        """Return the flow of a job, with its symbols."""
        store = {"node_uuid": job.uuid, "generation": job.generation}
        return FlowSpec(FLOWS[job.operation], store)

    def task_arguments(self, job: Job) -> Mapping[str, Any]:
        """Return the live object that every task takes: the context of this process."""
        return {"context": self._context}

    def task_started(self, job: Job, task: str, reverting: bool) -> None:
        """Record the task that runs, or is reverted, from now on.

        A task that is resumed keeps the time at which it first started: its deadlines
        count from there.
        """
        label = f"undo {task}" if reverting else task
        with contextlib.suppress(conductor_errors.Superseded):
            row = node_objects.get_expected(self._db, job.uuid, job.generation, _state(job))
            if row.task != label:
                node_changes.record(self._db, row, task=label, task_since=waiting.now())

    def settle(self, job: Job, outcome: Outcome) -> Job | None:
        """End the operation of a node; return its release, if that is to follow at once."""
        following: list[Job] = []

        def decide(row: node_objects.Node) -> Mapping[str, Any] | None:
            end = _end_of(job, row, outcome.result)
            if end is None:
                return None
            values = {"fault": _fault_after(job, row, outcome), **end}
            if end["state"] in node_objects.OPERATION_OF_STATE:
                following.append(Job(NAME, row.uuid, row.generation + 1, "release"))
                values["generation"] = row.generation + 1
            return values

        node_changes.settle(self._db, job.uuid, job.generation, _state(job), decide)
        return following[0] if following else None

    def count_by_state(self) -> Mapping[str, int]:
        """Count the nodes by state."""
        return node_objects.count_by_state(self._db)

    def audit(self) -> Iterable[Stray]:
        """Compare the rows with Ironic and the pod managers, and repair what is safe to repair.

        Nodes in error that may still hold hardware are released once more: what was
        unreachable when their release failed may be back.
        """
        return self._audit.run()


def job_of(row: node_objects.Node) -> Job:
    """Return the job that a node in a transitional state requests."""
    return Job(NAME, row.uuid, row.generation, node_objects.OPERATION_OF_STATE[row.state])


def _end_of(job: Job, row: node_objects.Node, result: Result) -> Mapping[str, Any] | None:
    if job.operation == "compose" and row.release_requested:
        return ENDS_CANCELLED[result]
    if row.is_cleanup_release and result is Result.SUCCESS:
        # The row stays, so that the user can read why there is no node.
        return {"state": "error", "podm_uuid": None}
    return ENDS[job.operation][result]


def _fault_after(job: Job, row: node_objects.Node, outcome: Outcome) -> dict[str, Any] | None:
    """Return the fault of a node after a job; a clean-up keeps the fault that it cleans up."""
    fault = fault_of(job, outcome)
    if row.is_cleanup_release and row.fault is not None:
        if fault is None:
            return node_objects.with_cleanup(row.fault, "done")
        return node_objects.with_cleanup(row.fault, "failed", fault["detail"], fault["code"])
    cleanup = CLEANUPS.get((job.operation, outcome.result))
    if fault is None or cleanup is None:
        return fault
    return node_objects.with_cleanup(fault, cleanup, outcome.revert_reason)


def fault_of(job: Job, outcome: Outcome) -> dict[str, Any] | None:
    """Return why a job failed, as the API shows it; None if it succeeded."""
    if outcome.result is Result.SUCCESS:
        return None
    kind = FAULTS.get(outcome.error, errors.ValenceError)
    details = {"status": kind.status, "code": kind.code, **outcome.details}
    status = int(details["status"])
    fault = {
        "status": status,
        "code": details["code"],
        "title": http.HTTPStatus(status).phrase,
        "detail": details.get("shown")
        or outcome.reason
        or "The operation failed for an unknown reason. See the log.",
        "operation": job.operation,
        "at": waiting.now().isoformat(),
    }
    if details.get("shown"):
        return fault
    return fault | {key: details[key] for key in FAULT_DETAILS if details.get(key)}


def load(conf: cfg.ConfigOpts) -> NodeLedger:
    """Return the ledger for a conductor with this configuration."""
    service_conf.register_opts(conf)
    context = wiring.make(conf)
    # The conductor knows nothing of pod managers, and would leave their sessions open.
    atexit.register(context.drivers.connections.close)
    return NodeLedger(context)


def _state(job: Job) -> str:
    return node_objects.OPERATIONS[job.operation]
