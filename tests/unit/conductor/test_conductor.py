# SPDX-License-Identifier: Apache-2.0

"""How a conductor runs jobs, and what remains of those that it cannot finish."""

from concurrent import futures
import gc
import json
import threading
from typing import Any

import fixtures

from tests.unit.conductor import base
from tests.unit.conductor import toy
from valence_conductor import errors
from valence_conductor.job import Job
from valence_conductor.runner import Runner


class TestConfiguration(base.ConductorTestCase):
    def test_a_configuration_without_any_worker_is_refused(self) -> None:
        exc = self.assertRaises(ValueError, self.start, toy.Toys(self.folder), workers=0)
        self.assertIn("[conductor] workers = 0", str(exc))


class TestLeftovers(base.ConductorTestCase):
    def test_a_flow_whose_row_was_settled_before_a_crash_is_forgotten(self) -> None:
        toys, journal = toy.Toys(self.folder), self.journal()
        Runner(journal, {"toys": toys}).save(Job("toys", "gone", 1, "build"))
        self.assertEqual(1, len(list(journal.jobs())))
        self.start(toys)
        self.wait_for(lambda: not list(journal.jobs()))

    def test_listing_the_flows_leaves_nothing_in_memory(self) -> None:
        journal = self.journal()
        kinds = ("MetaData", "Table")

        def count() -> int:
            list(journal.jobs())
            gc.collect()
            return sum(type(thing).__name__ in kinds for thing in gc.get_objects())

        before = count()
        for _ in range(20):
            list(journal.jobs())
        self.assertEqual(before, count())

    def test_two_threads_that_open_a_job_at_once_open_the_same_flow(self) -> None:
        toys, journal = toy.Toys(self.folder), self.journal()
        both = threading.Barrier(2)
        find = journal.find

        def find_together(job: Job) -> Any:
            detail = find(job)
            if detail is None:
                both.wait(base.PATIENCE)
            return detail

        self.useFixture(fixtures.MockPatchObject(journal, "find", find_together))
        for number in range(8):
            job = Job("toys", f"t{number}", 1, "build")
            with futures.ThreadPoolExecutor(2) as pool:
                pending = [pool.submit(journal.open, job, toys.flow(job)) for _ in "ab"]
            self.assertEqual({job.flow_uuid}, {future.result().uuid for future in pending})
        self.assertEqual(8, len(list(journal.jobs())))


class TestJobs(base.ConductorTestCase):
    def test_a_job_runs_its_tasks_in_order_and_settles_its_row(self) -> None:
        toys = self.run_job()
        self.assertEqual("built", toys.read("t1").state)
        self.assertEqual(
            ["saw begins", "saw ends", "glue begins", "glue ends", "paint begins", "paint ends"],
            toys.diary(),
        )

    def test_a_failure_reverts_earlier_tasks_and_its_reason_and_details_are_stored(self) -> None:
        toys = self.run_job({"glue": "fail"})
        row = toys.read("t1")
        self.assertEqual(("error", "No wheels are left."), (row.state, row.reason))
        self.assertEqual({"error": "Fault", "code": "wheels"}, json.loads(row.details or ""))
        self.assertEqual(["glue is undone", "saw is undone"], toys.diary()[-2:])

    def test_a_bug_in_a_task_is_a_failure_like_any_other(self) -> None:
        toys = self.run_job({"paint": "bug"})
        row = toys.read("t1")
        self.assertEqual(("error", "a bug"), (row.state, row.reason))
        self.assertEqual({"error": "ZeroDivisionError"}, json.loads(row.details or ""))

    def test_a_revert_that_fails_keeps_the_earlier_ones_from_running(self) -> None:
        toys = self.run_job({"paint": "fail", "undo glue": "fail"})
        row = toys.read("t1")
        self.assertEqual(("broken", "No wheels are left."), (row.state, row.reason))
        self.assertEqual("The glue holds.", json.loads(row.details or "")["revert"])
        self.assertNotIn("saw is undone", toys.diary())

    def test_a_cancelled_task_reverts_and_the_next_job_of_the_row_runs(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        conductor = self.start(toys)
        conductor.submit(toys.add("t1"))
        self.wait_for(lambda: "glue begins" in toys.diary())
        toys.request_scrap("t1")
        self.assertTrue(conductor.wait(Job("toys", "t1", 1, "build"), base.PATIENCE))
        self.assertTrue(conductor.wait(Job("toys", "t1", 1, "scrap"), base.PATIENCE))
        self.assertEqual("gone", toys.read("t1").state)
        self.assertEqual(["saw is undone", "burn begins", "burn ends"], toys.diary()[-3:])

    def test_the_same_job_submitted_twice_runs_once(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        conductor = self.start(toys)
        job = toys.add("t1")
        conductor.submit(job)
        conductor.submit(job)
        conductor.sweep()
        (self.folder / "go").touch()
        self.assertTrue(conductor.wait(job, base.PATIENCE))
        self.assertEqual(1, toys.diary().count("saw begins"))

    def test_the_flow_of_a_settled_job_is_deleted(self) -> None:
        toys = toy.Toys(self.folder)
        conductor = self.start(toys)
        job = toys.add("t1")
        conductor.submit(job)
        conductor.wait(job, base.PATIENCE)
        self.wait_for(lambda: not list(conductor._journal.jobs()))

    def test_the_row_names_the_running_task(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        conductor = self.start(toys)
        job = toys.add("t1")
        conductor.submit(job)
        self.wait_for(lambda: "glue begins" in toys.diary())
        self.assertEqual("glue", toys.read("t1").task)
        (self.folder / "go").touch()
        self.assertTrue(conductor.wait(job, base.PATIENCE))

    def test_a_wait_for_a_job_that_goes_on_ends_at_its_timeout(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        conductor = self.start(toys)
        conductor.submit(job := toys.add("t1"))
        self.assertFalse(conductor.wait(job, 0.1))


class TestRestarts(base.ConductorTestCase):
    def test_a_stopped_conductor_abandons_a_wait_and_the_next_one_finishes_the_job(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        first = self.start(toys)
        job = toys.add("t1")
        first.submit(job)
        self.wait_for(lambda: "glue begins" in toys.diary())
        first.stop(base.PATIENCE)
        self.assertEqual("building", toys.read("t1").state)
        self.assertNotIn("glue is undone", toys.diary())
        (self.folder / "go").touch()
        second = self.start(toys)
        self.assertTrue(second.wait(job, base.PATIENCE))
        self.assertEqual("built", toys.read("t1").state)
        self.assertEqual(1, toys.diary().count("saw begins"))
        self.assertEqual(2, toys.diary().count("glue begins"))

    def test_a_row_that_was_committed_but_never_submitted_is_found_by_the_next_start(self) -> None:
        toys = toy.Toys(self.folder)
        job = toys.add("t1")
        conductor = self.start(toys)
        self.assertTrue(conductor.wait(job, base.PATIENCE))
        self.assertEqual("built", toys.read("t1").state)

    def test_a_row_that_was_not_submitted_is_found_by_the_next_sweep(self) -> None:
        toys = toy.Toys(self.folder)
        conductor = self.start(toys)
        self.assertTrue(conductor.wait(toys.add("t1"), base.PATIENCE))
        self.assertEqual("built", toys.read("t1").state)

    def test_a_second_conductor_on_the_same_flows_does_not_start(self) -> None:
        toys = toy.Toys(self.folder)
        self.start(toys)
        self.assertRaises(errors.AlreadyRunning, self.start, toys)
