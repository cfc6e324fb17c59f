# SPDX-License-Identifier: Apache-2.0

"""What a journal says of how a flow ended, and when that is to be believed."""

from taskflow import states
from taskflow.persistence import models
from taskflow.types import failure

from tests import base
from valence_conductor import runner
from valence_conductor.job import Result


def flow(state: str, *tasks: tuple[str, bool]) -> models.FlowDetail:
    """Make a flow's detail, of tasks with their states and whether they failed."""
    detail = models.FlowDetail("flow", "f")
    detail.state = state
    for number, (of_task, failed) in enumerate(tasks):
        atom = models.TaskDetail(f"task-{number}", f"t{number}")
        atom.state = of_task
        if failed:
            atom.failure = failure.Failure.from_exception(ValueError("No wheels."))
        detail.add(atom)
    return detail


class OutcomeTest(base.TestCase):
    def result(self, state: str, *tasks: tuple[str, bool]) -> Result | None:
        outcome = runner.outcome_of(flow(state, *tasks))
        return outcome and outcome.result

    def test_a_flow_that_ended_says_how(self) -> None:
        done, undone = (states.SUCCESS, False), (states.REVERTED, False)
        failed = (states.REVERTED, True)
        self.assertEqual(Result.SUCCESS, self.result(states.SUCCESS, done, done))
        self.assertEqual(Result.REVERTED, self.result(states.REVERTED, undone, failed))
        late = (states.PENDING, False)
        self.assertEqual(Result.REVERTED, self.result(states.REVERTED, failed, late))

    def test_a_state_that_its_tasks_do_not_bear_out_is_not_believed(self) -> None:
        """Two processes wrote it: one of them had slept through its lease."""
        done, runs = (states.SUCCESS, False), (states.RUNNING, False)
        undone, failed = (states.REVERTED, False), (states.REVERTED, True)
        for state, tasks in (
            (states.REVERTED, (runs, undone)),
            (states.REVERTED, (done, failed)),
            (states.REVERTED, (undone, undone)),
            (states.SUCCESS, (done, runs)),
        ):
            self.assertIsNone(self.result(state, *tasks))

    def test_a_flow_whose_engine_broke_has_not_ended(self) -> None:
        self.assertIsNone(self.result(states.FAILURE, (states.SUCCESS, False)))
        self.assertIsNone(self.result(states.RUNNING, (states.RUNNING, False)))
