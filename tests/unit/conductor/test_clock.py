# SPDX-License-Identifier: Apache-2.0

"""Deadlines of tasks, when the wall clock is set while they run."""

import datetime
import itertools
import threading

import fixtures

from tests import base
from tests.unit.conductor import base as conductor_base
from tests.unit.conductor import toy
from valence_conductor import clock
from valence_conductor import errors
from valence_conductor import runner
from valence_conductor import waiting


class WallClock(fixtures.Fixture):
    """A wall clock that a test sets; the monotonic clock runs on."""

    def __init__(self) -> None:
        self.offset = datetime.timedelta()

    def _setUp(self) -> None:
        original = clock.now
        self.useFixture(fixtures.MockPatchObject(clock, "now", lambda: original() + self.offset))
        self.useFixture(fixtures.MockPatchObject(clock, "STEPS", clock.StepWatch()))

    def set(self, **offset: float) -> None:
        """Set it forward, or back by a negative number."""
        self.offset += datetime.timedelta(**offset)


class TestDeadlines(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.wall = self.useFixture(WallClock())

    def probe_after_step(self, hours: float) -> list[int]:
        """Set the clock at the first probe; return the probes."""
        probes: list[int] = []

        def probe() -> bool | None:
            if not probes:
                self.wall.set(hours=hours)
            probes.append(len(probes))
            return True if len(probes) == 3 else None

        waiting.wait_until(probe, deadline=waiting.deadline_in(600), interval=0.01, what="it")
        return probes

    def test_a_wait_continues_when_the_clock_is_set_forward(self) -> None:
        self.assertEqual([0, 1, 2], self.probe_after_step(1))

    def test_a_wait_ends_in_time_when_the_clock_is_set_back(self) -> None:
        deadline = waiting.deadline_in(0.05)
        self.assertRaises(
            errors.TimedOut,
            waiting.wait_until,
            lambda: self.wall.set(hours=-1),
            deadline=deadline,
            interval=0.01,
            what="it",
        )

    def test_a_deadline_begins_with_the_clock_of_its_task(self) -> None:
        with clock.kept():
            clock.start(clock.SteadyClock())
            deadline = waiting.deadline_in(600)
            self.wall.set(hours=1)
            again = waiting.deadline_in(600)
            self.assertLess(again - deadline, datetime.timedelta(minutes=1))
        self.assertGreater(waiting.deadline_in(600) - again, datetime.timedelta(minutes=50))


class TestTasks(conductor_base.ConductorTestCase):
    """Tasks whose deadlines are derived from the time in their row: an hour after it."""

    def setUp(self) -> None:
        super().setUp()
        self.wall = self.useFixture(WallClock())
        self.logs = self.useFixture(fixtures.FakeLogger("valence_conductor.clock"))
        self.toys = toy.Toys(self.folder, {"glue": "wait"})

    def start_waiting(self) -> None:
        self.conductor = self.start(self.toys)
        self.job = self.toys.add("t1")
        self.conductor.submit(self.job)
        self.wait_for(lambda: "glue begins" in self.toys.diary())

    def end(self) -> str:
        (self.folder / "go").touch()
        self.assertTrue(self.conductor.wait(self.job, conductor_base.PATIENCE))
        return self.toys.read("t1").state

    def test_a_running_task_survives_that_the_clock_is_set_forward(self) -> None:
        self.start_waiting()
        self.wall.set(hours=2)
        self.wait_for(lambda: "The clock was set forward by 7200 s" in self.logs.output)
        self.assertEqual("built", self.end())
        self.assertEqual(1, self.logs.output.count("The clock was set"))

    def test_a_running_task_survives_that_the_clock_is_set_back(self) -> None:
        self.start_waiting()
        self.wall.set(hours=-2)
        self.wait_for(lambda: "The clock was set back by 7200 s" in self.logs.output)
        self.assertEqual("built", self.end())

    def run_until_abandoned(self, running: runner.Runner) -> None:
        """Run the job until it waits, and abandon it."""
        halt = threading.Event()

        def abandon() -> None:
            self.wait_for(lambda: "glue begins" in self.toys.diary())
            halt.set()

        thread = threading.Thread(target=abandon)
        thread.start()
        self.assertRaises(errors.Abandoned, running.run, self.job, halt)
        thread.join()

    def test_a_task_that_its_process_resumes_keeps_its_clock(self) -> None:
        self.job = self.toys.add("t1")
        running = runner.Runner(self.journal(), {"toys": self.toys})
        self.run_until_abandoned(running)
        self.wall.set(hours=2)
        (self.folder / "go").touch()
        running.run(self.job, threading.Event())
        self.assertEqual("built", self.toys.read("t1").state)

    def test_in_another_process_the_time_in_the_row_counts(self) -> None:
        self.job = self.toys.add("t1")
        self.run_until_abandoned(runner.Runner(self.journal(), {"toys": self.toys}))
        self.wall.set(hours=2)
        other = runner.Runner(self.journal(), {"toys": self.toys})
        other.run(self.job, threading.Event())
        row = self.toys.read("t1")
        self.assertEqual("error", row.state)
        self.assertIn("Gave up waiting", row.reason or "")

    def test_the_next_task_starts_with_the_clock_as_it_is(self) -> None:
        seen: list[clock.SteadyClock] = []
        original = toy.Toys.task_started

        def task_started(*args: object, **kwargs: object) -> None:
            seen.append(clock.steady())
            self.wall.set(hours=1)
            original(*args, **kwargs)  # type: ignore[arg-type]

        self.useFixture(fixtures.MockPatchObject(toy.Toys, "task_started", task_started))
        toys = toy.Toys(self.folder)
        runner.Runner(self.journal(), {"toys": toys}).run(toys.add("t2"), threading.Event())
        starts = [each.started_at for each in seen]
        self.assertEqual(3, len(starts))
        for earlier, later in itertools.pairwise(starts):
            self.assertGreater(later - earlier, datetime.timedelta(minutes=59))


class TestStepWatch(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.wall = self.useFixture(WallClock())
        self.logs = self.useFixture(fixtures.FakeLogger("valence_conductor.clock"))
        self.watch = clock.StepWatch()
        self.watch.check()

    def test_a_step_is_logged_once_in_either_direction(self) -> None:
        self.wall.set(minutes=5)
        for _ in range(3):
            self.watch.check()
        self.assertEqual(1, self.logs.output.count("set forward by 300 s"))
        self.wall.set(minutes=-10)
        for _ in range(3):
            self.watch.check()
        self.assertEqual(1, self.logs.output.count("set back by 600 s"))

    def test_a_clock_that_is_adjusted_slowly_is_not_reported(self) -> None:
        for _ in range(100):
            self.wall.set(seconds=0.5)
            self.watch.check()
        self.assertEqual("", self.logs.output)
