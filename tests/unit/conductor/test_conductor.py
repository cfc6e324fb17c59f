# SPDX-License-Identifier: Apache-2.0

"""How a conductor does its jobs, and what it leaves behind when it cannot."""

from collections.abc import Callable
from concurrent import futures
import gc
import json
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any

import fixtures
from oslo_config import cfg

from tests import base
from tests.servers import databases
from tests.unit.conductor import toy
from valence_conductor import conductor
from valence_conductor import errors
from valence_conductor.db.engine import Database
from valence_conductor.job import Job
from valence_conductor.journal import Journal
from valence_conductor.runner import Runner


class ConductorTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for name in ("toys", "flows"):  # for processes that are given the folder
            databases.url(self.folder, name)

    def start(self, toys: toy.Toys, workers: int = 4) -> conductor.Conductor:
        conf = cfg.ConfigOpts()
        conf([])
        conductor.conductor_conf.register_opts(conf)
        conf.set_override("workers", workers, group="conductor")
        conf.set_override("sweep_interval", 0.2, group="conductor")
        one = conductor.from_conf(conf, [toys], databases.url(self.folder, "flows"))
        one.start()
        self.addCleanup(one.stop, 1)
        return one

    def journal(self) -> Journal:
        """Open what is remembered of flows, with no conductor at work on it."""
        db = Database(databases.url(self.folder, "flows"))
        self.addCleanup(db.close)
        made = Journal(db)
        made.upgrade()
        return made

    def until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not happened():
            self.assertLess(time.monotonic(), deadline, "it did not happen in time")
            time.sleep(0.02)

    def do(self, script: dict[str, str] | None = None) -> toy.Toys:
        toys = toy.Toys(self.folder, script)
        one = self.start(toys)
        job = toys.add("t1")
        one.submit(job)
        self.assertTrue(one.wait(job, 60))
        return toys

    def books(self, one: conductor.Conductor) -> int:
        return len(list(one._journal.backend.get_connection().get_logbooks()))


class TestConfiguration(ConductorTest):
    def test_nobody_who_works_here_or_elsewhere_is_refused(self) -> None:
        exc = self.assertRaises(ValueError, self.start, toy.Toys(self.folder), workers=0)
        self.assertIn("[conductor] workers = 0", str(exc))


class TestLeftovers(ConductorTest):
    def test_a_flow_whose_row_was_settled_before_a_crash_is_forgotten(self) -> None:
        toys, journal = toy.Toys(self.folder), self.journal()
        Runner(journal, {"toys": toys}).save(Job("toys", "gone", 1, "build"))
        self.assertEqual(1, len(list(journal.jobs())))
        self.start(toys)
        self.until(lambda: not list(journal.jobs()))

    def test_looking_for_flows_leaves_nothing_in_memory(self) -> None:
        journal = self.journal()
        kinds = ("MetaData", "Table")

        def held() -> int:
            list(journal.jobs())
            gc.collect()
            return sum(type(thing).__name__ in kinds for thing in gc.get_objects())

        before = held()
        for _ in range(20):
            list(journal.jobs())
        self.assertEqual(before, held())

    def test_two_who_begin_to_remember_a_job_at_once_remember_the_same_flow(self) -> None:
        toys, journal = toy.Toys(self.folder), self.journal()
        both = threading.Barrier(2)
        find = journal.find

        def find_nothing_yet(job: Job) -> Any:
            found = find(job)
            if found is None:
                both.wait(60)
            return found

        self.useFixture(fixtures.MockPatchObject(journal, "find", find_nothing_yet))
        for number in range(8):
            job = Job("toys", f"t{number}", 1, "build")
            with futures.ThreadPoolExecutor(2) as pool:
                opened = [pool.submit(journal.open, job, toys.flow(job)) for _ in "ab"]
            self.assertEqual({job.flow_uuid}, {one.result().uuid for one in opened})
        self.assertEqual(8, len(list(journal.jobs())))

    def test_a_name_that_is_no_job_is_refused(self) -> None:
        self.assertRaises(ValueError, Job.from_name, "a book of somebody else's")


class TestJobs(ConductorTest):
    def test_a_job_runs_its_tasks_in_order_and_settles_its_row(self) -> None:
        toys = self.do()
        self.assertEqual("built", toys.read("t1").state)
        self.assertEqual(
            ["saw begins", "saw ends", "glue begins", "glue ends", "paint begins", "paint ends"],
            toys.diary(),
        )

    def test_a_failure_undoes_what_was_done_and_gives_its_reason_and_details(self) -> None:
        toys = self.do({"glue": "fail"})
        row = toys.read("t1")
        self.assertEqual(("error", "No wheels are left."), (row.state, row.reason))
        self.assertEqual({"error": "Fault", "code": "wheels"}, json.loads(row.details or ""))
        self.assertEqual(["glue is undone", "saw is undone"], toys.diary()[-2:])

    def test_a_bug_in_a_task_is_a_failure_like_any_other(self) -> None:
        toys = self.do({"paint": "bug"})
        row = toys.read("t1")
        self.assertEqual(("error", "a bug"), (row.state, row.reason))
        self.assertEqual({"error": "ZeroDivisionError"}, json.loads(row.details or ""))

    def test_a_revert_that_fails_keeps_the_earlier_ones_from_running(self) -> None:
        toys = self.do({"paint": "fail", "undo glue": "fail"})
        row = toys.read("t1")
        self.assertEqual("broken", row.state)
        self.assertEqual("No wheels are left. Undoing it failed too: The glue holds.", row.reason)
        self.assertNotIn("saw is undone", toys.diary())

    def test_a_task_that_is_asked_to_stop_reverts_and_the_row_asks_for_the_next_job(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        one = self.start(toys)
        one.submit(toys.add("t1"))
        self.until(lambda: "glue begins" in toys.diary())
        toys.ask_to_scrap("t1")
        self.assertTrue(one.wait(Job("toys", "t1", 1, "build"), 60))
        self.assertTrue(one.wait(Job("toys", "t1", 1, "scrap"), 60))
        self.assertEqual("gone", toys.read("t1").state)
        self.assertEqual(["saw is undone", "burn begins", "burn ends"], toys.diary()[-3:])

    def test_the_same_job_submitted_twice_runs_once(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        one = self.start(toys)
        job = toys.add("t1")
        one.submit(job)
        one.submit(job)
        one.sweep()
        (self.folder / "go").touch()
        self.assertTrue(one.wait(job, 60))
        self.assertEqual(1, toys.diary().count("saw begins"))

    def test_nothing_is_remembered_of_a_job_that_is_settled(self) -> None:
        toys = toy.Toys(self.folder)
        one = self.start(toys)
        job = toys.add("t1")
        one.submit(job)
        one.wait(job, 60)
        self.until(lambda: self.books(one) == 0)

    def test_the_row_names_the_task_it_has_come_to(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        one = self.start(toys)
        job = toys.add("t1")
        one.submit(job)
        self.until(lambda: "glue begins" in toys.diary())
        self.assertEqual("glue", toys.read("t1").task)
        (self.folder / "go").touch()
        self.assertTrue(one.wait(job, 60))


class TestRestarts(ConductorTest):
    def test_a_stopped_conductor_leaves_a_wait_and_the_next_one_finishes_the_job(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        first = self.start(toys)
        job = toys.add("t1")
        first.submit(job)
        self.until(lambda: "glue begins" in toys.diary())
        first.stop(5)
        self.assertEqual("building", toys.read("t1").state)
        self.assertNotIn("glue is undone", toys.diary())
        (self.folder / "go").touch()
        second = self.start(toys)
        self.assertTrue(second.wait(job, 60))
        self.assertEqual("built", toys.read("t1").state)
        self.assertEqual(1, toys.diary().count("saw begins"))
        self.assertEqual(2, toys.diary().count("glue begins"))

    def test_a_row_that_was_committed_but_never_submitted_is_found_by_the_next_start(self) -> None:
        toys = toy.Toys(self.folder)
        job = toys.add("t1")
        one = self.start(toys)
        self.assertTrue(one.wait(job, 60))
        self.assertEqual("built", toys.read("t1").state)

    def test_a_row_that_nobody_submitted_is_found_by_the_next_sweep(self) -> None:
        toys = toy.Toys(self.folder)
        one = self.start(toys)
        self.assertTrue(one.wait(toys.add("t1"), 60))
        self.assertEqual("built", toys.read("t1").state)

    def test_two_processes_never_run_the_same_flows(self) -> None:
        toys = toy.Toys(self.folder)
        self.start(toys)
        self.assertRaises(errors.AlreadyRunning, self.start, toys)

    def test_a_killed_process_is_resumed_and_its_finished_tasks_are_not_repeated(self) -> None:
        self.kill_in({"glue": "wait"}, "glue begins")
        (self.folder / "go").touch()
        toys = toy.Toys(self.folder, {"glue": "wait"})
        one = self.start(toys)
        self.assertTrue(one.wait(Job("toys", "t1", 1, "build"), 60))
        self.assertEqual("built", toys.read("t1").state)
        self.assertEqual(1, toys.diary().count("saw begins"))
        self.assertEqual(2, toys.diary().count("glue begins"))

    def test_a_process_killed_while_undoing_undoes_on_and_keeps_the_reason(self) -> None:
        script = {"paint": "fail", "undo glue": "hang"}
        self.kill_in(script, "glue is undone")
        toys = toy.Toys(self.folder)
        one = self.start(toys)
        self.assertTrue(one.wait(Job("toys", "t1", 1, "build"), 60))
        row = toys.read("t1")
        self.assertEqual(("error", "No wheels are left."), (row.state, row.reason))
        self.assertEqual({"error": "Fault", "code": "wheels"}, json.loads(row.details or ""))
        self.assertEqual(1, toys.diary().count("paint is undone"))
        self.assertEqual(["glue is undone", "saw is undone"], toys.diary()[-2:])

    def kill_in(self, script: dict[str, str], line: str) -> None:
        """Run a conductor in a process of its own, and kill it when the diary says so."""
        program = textwrap.dedent(
            f"""
            import pathlib, time
            from oslo_config import cfg
            from tests.servers import databases
            from tests.unit.conductor import toy
            from valence_conductor import conductor
            folder = pathlib.Path({str(self.folder)!r})
            toys = toy.Toys(folder, {script!r})
            conf = cfg.ConfigOpts(); conf([])
            one = conductor.from_conf(conf, [toys], databases.url(folder, "flows"))
            one.start()
            one.submit(toys.add("t1"))
            time.sleep(120)
            """
        )
        child = subprocess.Popen([sys.executable, "-c", program])
        self.addCleanup(child.kill)
        toys = toy.Toys(self.folder)
        deadline = time.monotonic() + 60
        while line not in toys.diary() and time.monotonic() < deadline:
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
        self.assertIn(line, toys.diary())
