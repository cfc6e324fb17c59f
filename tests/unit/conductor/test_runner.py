# SPDX-License-Identifier: Apache-2.0

"""One job: how its flow is run, interrupted, settled, and how its end is recognized."""

import pathlib
import threading

from taskflow import states
from taskflow.persistence import models
from taskflow.types import failure

from tests import base
from tests.unit.conductor import base as conductor_base
from tests.unit.conductor import toy
from valence_conductor import errors
from valence_conductor import runner
from valence_conductor.job import Job
from valence_conductor.job import Outcome
from valence_conductor.job import Result


class StoppedToys(toy.Toys):
    """Toys whose conductor is stopped while the first task runs."""

    def __init__(self, folder: pathlib.Path, halt: threading.Event) -> None:
        super().__init__(folder)
        self.halt = halt

    def task_started(self, job: Job, task: str, reverting: bool) -> None:
        super().task_started(job, task, reverting)
        self.halt.set()


class SupersededToys(toy.Toys):
    """Toys whose row changes before its job is settled."""

    def settle(self, job: Job, outcome: Outcome) -> Job | None:
        raise errors.Superseded("the row is in generation 2")


class RunTest(conductor_base.ConductorTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.flows = self.journal()
        self.halt = threading.Event()

    def run_toy(self, toys: toy.Toys) -> Job | None:
        job = toys.add("t1")
        return runner.Runner(self.flows, {"toys": toys}).run(job, self.halt)

    def test_a_stopped_conductor_starts_no_other_task(self) -> None:
        toys = StoppedToys(self.folder, self.halt)
        self.assertRaises(errors.Abandoned, self.run_toy, toys)
        self.assertEqual(["saw begins", "saw ends"], toys.diary())
        self.assertEqual("building", toys.read("t1").state)

    def test_the_ledger_is_called_for_every_task_and_its_direction(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "fail"})
        self.run_toy(toys)
        forward = [("saw", False), ("glue", False)]
        self.assertEqual([*forward, ("glue", True), ("saw", True)], toys.started)

    def test_a_job_whose_row_has_changed_is_forgotten(self) -> None:
        self.assertIsNone(self.run_toy(SupersededToys(self.folder)))
        self.assertEqual([], list(self.flows.jobs()))


def flow(state: str, *tasks: tuple[str, bool]) -> models.FlowDetail:
    """Return a flow detail whose tasks have these states and, if True, a failure."""
    detail = models.FlowDetail("flow", "f")
    detail.state = state
    for number, (task_state, has_failure) in enumerate(tasks):
        atom = models.TaskDetail(f"task-{number}", f"t{number}")
        atom.state = task_state
        if has_failure:
            atom.failure = failure.Failure.from_exception(ValueError("No wheels."))
        detail.add(atom)
    return detail


class OutcomeTest(base.TestCase):
    def result(self, state: str, *tasks: tuple[str, bool]) -> Result | None:
        outcome = runner.outcome_of(flow(state, *tasks))
        return outcome and outcome.result

    def test_a_flow_that_ended_has_a_result(self) -> None:
        done, reverted = (states.SUCCESS, False), (states.REVERTED, False)
        failed = (states.REVERTED, True)
        self.assertEqual(Result.SUCCESS, self.result(states.SUCCESS, done, done))
        self.assertEqual(Result.REVERTED, self.result(states.REVERTED, reverted, failed))
        pending = (states.PENDING, False)
        self.assertEqual(Result.REVERTED, self.result(states.REVERTED, failed, pending))

    def test_a_state_that_its_tasks_contradict_is_ignored(self) -> None:
        """Two processes wrote it: one of them had slept past the end of its lease."""
        done, running = (states.SUCCESS, False), (states.RUNNING, False)
        reverted, failed = (states.REVERTED, False), (states.REVERTED, True)
        for state, tasks in (
            (states.REVERTED, (running, reverted)),
            (states.REVERTED, (done, failed)),
            (states.REVERTED, (reverted, reverted)),
            (states.SUCCESS, (done, running)),
        ):
            self.assertIsNone(self.result(state, *tasks))

    def test_a_flow_whose_engine_broke_has_not_ended(self) -> None:
        self.assertIsNone(self.result(states.FAILURE, (states.SUCCESS, False)))
        self.assertIsNone(self.result(states.RUNNING, (states.RUNNING, False)))
