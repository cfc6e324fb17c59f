# SPDX-License-Identifier: Apache-2.0

"""The same jobs over real Redis, ZooKeeper and etcd, done by several conductors."""

from collections.abc import Callable
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any
from typing import ClassVar

import fixtures
from oslo_config import cfg
from taskflow import exceptions as taskflow_exceptions
import testscenarios
from testtools import matchers

from tests import base
from tests.servers import boards
from tests.servers import databases
from tests.unit.conductor import toy
from valence_conductor import conductor
from valence_conductor import errors
from valence_conductor.boards import jobboard
from valence_conductor.boards import notifier
from valence_conductor.job import Job
from valence_conductor.locks import election

#: Seconds that a busy machine may take for what an idle one does in a few.
PATIENCE = 120.0

#: Seconds; short, so that a dead conductor is replaced while the test waits.
LEASE = 3


class JobboardTest(testscenarios.WithScenarios, base.TestCase):
    scenarios: ClassVar = [(name, {"kind": kind}) for name, kind in boards.ALL.items()]
    kind: type[boards.Board]
    lease = LEASE
    start_timeout = PATIENCE

    def setUp(self) -> None:
        super().setUp()
        self.need(self.kind.missing())
        self.server = self.useFixture(self.kind())
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for name in ("toys", "flows"):  # for processes that are given the folder
            databases.url(self.folder, name)

    def conf(self, workers: int = 4) -> cfg.ConfigOpts:
        conf = cfg.ConfigOpts()
        conf([])
        conductor.conductor_conf.register_opts(conf)
        options = {
            "jobboard": self.server.url,
            "lease": self.lease,
            "sweep_interval": 0.5,
            "workers": workers,
            "start_timeout": self.start_timeout,
        }
        for name, value in options.items():
            conf.set_override(name, value, group="conductor")
        return conf

    def start(
        self, *ledgers: toy.Toys, works: bool = True, workers: int = 4
    ) -> conductor.Conductor:
        flows = databases.url(self.folder, "flows")
        one = conductor.from_conf(self.conf(workers), ledgers, flows, works=works)
        one.start()
        self.addCleanup(one.stop, 1)
        return one

    def board_of(self, one: conductor.Conductor) -> jobboard.JobboardBoard:
        """Give the board of a conductor; TaskFlow's is inside."""
        assert isinstance(one._board, jobboard.JobboardBoard)
        return one._board

    def until(self, happened: Callable[[], bool], seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            self.assertLess(time.monotonic(), deadline, "it did not happen in time")
            time.sleep(0.02)


class Parts(toy.Toys):
    """Another ledger, whose jobs those of the first may wait for."""

    name = "parts"


class TestElection(JobboardTest):
    """Of several conductors one is elected to sweep."""

    def candidate(self, name: str) -> election.ToozElection:
        one = election.ToozElection(self.server.url, name)
        self.addCleanup(one.close)
        return one

    def test_one_of_two_is_elected_and_stays_so(self) -> None:
        first, second = self.candidate("a"), self.candidate("b")
        self.until(first.is_leader)
        for _look in range(3):
            self.assertEqual([True, False], [first.is_leader(), second.is_leader()])

    def test_the_other_takes_over_when_the_first_leaves(self) -> None:
        first, second = self.candidate("a"), self.candidate("b")
        self.until(first.is_leader)
        first.close()
        self.until(second.is_leader)
        self.assertFalse(first.is_leader())

    def test_nobody_is_elected_while_the_servers_are_away_and_somebody_afterwards(self) -> None:
        first, second = self.candidate("a"), self.candidate("b")
        self.until(first.is_leader)
        first.close()
        self.server.kill()
        self.assertFalse(second.is_leader())
        self.server.start()
        self.until(second.is_leader)


class TestBell(JobboardTest):
    """Where the board can tell that there is a job, nobody waits for the next look."""

    scenarios: ClassVar = [
        (name, {"kind": boards.ALL[name]}) for name in sorted(notifier.NOTIFIERS)
    ]

    def test_a_conductor_that_hardly_ever_looks_hears_of_a_job(self) -> None:
        self.useFixture(fixtures.MockPatchObject(jobboard, "IDLE", 600))
        toys = toy.Toys(self.folder)
        submitter = self.start(toys, works=False)
        self.start(toys)
        jobs = [toys.add(f"t{n}") for n in range(40)]

        def done() -> bool:  # the first may be posted before anybody listens
            submitter.submit(jobs.pop())
            time.sleep(0.5)
            return bool(toys.diary())

        self.until(done)

    def test_a_place_that_becomes_free_is_taken_without_another_look(self) -> None:
        toys = toy.Toys(self.folder)
        submitter = self.start(toys, works=False)
        jobs = [toys.add(f"t{n}") for n in range(5)]
        for job in jobs:
            submitter.submit(job)
        self.useFixture(fixtures.MockPatchObject(jobboard, "IDLE", 600))
        self.start(toys, workers=1)
        for job in jobs:
            self.assertTrue(submitter.wait(job, PATIENCE))


class TestJobboards(JobboardTest):
    def test_a_process_that_only_submits_leaves_the_work_to_a_conductor(self) -> None:
        toys = toy.Toys(self.folder)
        submitter = self.start(toys, works=False)
        job = toys.add("t1")
        submitter.submit(job)
        self.assertFalse(submitter.wait(job, 1))
        self.start(toys)
        self.assertTrue(submitter.wait(job, PATIENCE))
        self.assertEqual("built", toys.read("t1").state)

    def test_a_process_without_workers_leaves_the_work_to_a_conductor(self) -> None:
        toys = toy.Toys(self.folder)
        submitter = self.start(toys, workers=0)
        job = toys.add("t1")
        submitter.submit(job)
        self.assertFalse(submitter.wait(job, 1))
        self.start(toys)
        self.assertTrue(submitter.wait(job, PATIENCE))

    def test_a_conductor_that_is_started_before_its_board_waits_for_it(self) -> None:
        self.server.kill()
        soon = threading.Timer(1, self.server.start)
        soon.start()
        self.addCleanup(soon.join)
        toys = toy.Toys(self.folder)
        job = toys.add("t1")
        self.assertTrue(self.start(toys).wait(job, PATIENCE))

    def test_a_board_that_is_away_is_named_in_one_line(self) -> None:
        self.server.kill()
        self.start_timeout = 0
        exc = self.assertRaises(errors.Unreachable, self.start, toy.Toys(self.folder))
        self.assertThat(str(exc), matchers.MatchesRegex(f"The jobboard in .*:{self.server.port} "))
        self.assertEqual(1, len(str(exc).splitlines()))

    def test_jobs_that_wait_for_those_of_another_ledger_leave_them_a_place(self) -> None:
        folder = self.folder / "parts"
        folder.mkdir()
        toys, parts = toy.Toys(self.folder, {"glue": "wait"}), Parts(folder)
        one = self.start(toys, parts, workers=1)
        waiting = toys.add("t1")
        one.submit(waiting)
        self.until(lambda: "glue begins" in toys.diary())
        part = parts.add("p1")
        one.submit(part)
        self.assertTrue(one.wait(part, PATIENCE))
        (self.folder / "go").touch()
        self.assertTrue(one.wait(waiting, PATIENCE))

    def test_two_conductors_do_every_job_once(self) -> None:
        toys = toy.Toys(self.folder)
        one, two = self.start(toys), self.start(toys)
        jobs = [toys.add(f"t{n}") for n in range(12)]
        for n, job in enumerate(jobs):
            (one, two)[n % 2].submit(job)
        for job in jobs:
            self.assertTrue(one.wait(job, PATIENCE))
        self.assertEqual(12, toys.diary().count("saw begins"))
        self.assertEqual(12, toys.diary().count("paint ends"))

    def test_a_stopping_conductor_hands_its_jobs_over_at_once(self) -> None:
        self.lease = 10 * int(PATIENCE)  # so that it does not end meanwhile
        toys = toy.Toys(self.folder, {"glue": "wait"})
        one = self.start(toys)
        job = toys.add("t1")
        one.submit(job)
        self.until(lambda: "glue begins" in toys.diary())
        self.start(toys)
        one.stop(5)
        self.until(lambda: toys.diary().count("glue begins") == 2)
        (self.folder / "go").touch()
        self.until(lambda: toys.read("t1").state == "built")
        self.assertNotIn("glue is undone", toys.diary())
        self.assertEqual(1, toys.diary().count("saw begins"))

    def test_a_job_that_is_claimed_while_the_conductor_stops_is_handed_over(self) -> None:
        self.lease = 10 * int(PATIENCE)
        toys = toy.Toys(self.folder)
        one = self.start(toys)
        board = self.board_of(one)
        claim, stopping = board._board.claim, threading.Thread(target=one.stop, args=[PATIENCE])

        def claim_and_stop(*args: Any, **kwargs: Any) -> None:
            claim(*args, **kwargs)
            stopping.start()
            board._stopping.wait()
            time.sleep(0.2)  # for stop() to look which jobs there are

        self.useFixture(fixtures.MockPatchObject(board._board, "claim", claim_and_stop))
        job = toys.add("t1")
        one.submit(job)
        self.until(board._stopping.is_set)
        stopping.join()
        self.assertNotIn("saw begins", toys.diary())
        self.assertTrue(self.start(toys).wait(job, PATIENCE))

    def test_a_task_that_outlives_its_lease_keeps_its_job(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        one, _two = self.start(toys), self.start(toys)
        job = toys.add("t1")
        one.submit(job)
        self.until(lambda: "glue begins" in toys.diary())
        time.sleep(LEASE * 1.5)
        (self.folder / "go").touch()
        self.assertTrue(one.wait(job, PATIENCE))
        self.assertEqual(1, toys.diary().count("glue begins"))

    def test_the_board_is_empty_when_all_is_done(self) -> None:
        toys = toy.Toys(self.folder, {"paint": "fail"})
        one = self.start(toys)
        jobs = [toys.add(f"t{n}") for n in range(3)]
        for job in jobs:
            one.submit(job)
        for job in jobs:
            self.assertTrue(one.wait(job, PATIENCE))
        self.until(lambda: not one._board.live())

    def test_a_job_that_was_posted_twice_runs_once(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        one = self.start(toys)
        job = toys.add("t1")
        details = {"job": {"ledger": "toys", "uuid": "t1", "generation": 1, "operation": "build"}}
        one.submit(job)
        self.board_of(one)._board.post(job.name, details=details)
        self.until(lambda: "glue begins" in toys.diary())
        time.sleep(1)
        (self.folder / "go").touch()
        self.assertTrue(one.wait(job, PATIENCE))
        self.until(lambda: not one._board.live())
        self.assertEqual(1, toys.diary().count("saw begins"))

    def test_a_killed_conductor_is_replaced_when_its_lease_has_ended(self) -> None:
        child = self.child({"glue": "wait"})
        toys = toy.Toys(self.folder, {"glue": "wait"})
        self.until(lambda: "glue begins" in toys.diary())
        child.send_signal(signal.SIGKILL)
        child.wait()
        (self.folder / "go").touch()
        one = self.start(toys)
        self.assertTrue(one.wait(Job("toys", "t1", 1, "build"), PATIENCE))
        self.assertEqual("built", toys.read("t1").state)
        self.assertEqual(1, toys.diary().count("saw begins"))
        self.assertEqual(2, toys.diary().count("glue begins"))

    def test_a_board_that_was_restarted_empty_is_filled_again_by_the_sweep(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        one = self.start(toys)
        job = toys.add("t1")
        one.submit(job)
        self.until(lambda: "glue begins" in toys.diary())
        self.server.kill()
        time.sleep(LEASE * 1.5)
        self.server.start()
        (self.folder / "go").touch()
        self.assertTrue(one.wait(job, PATIENCE))
        self.assertEqual("built", toys.read("t1").state)
        self.assertEqual(1, toys.diary().count("saw begins"))
        self.until(lambda: not one._board.live())

    def child(self, script: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a conductor in a process of its own, with one job."""
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
            conductor.conductor_conf.register_opts(conf)
            conf.set_override("jobboard", {self.server.url!r}, group="conductor")
            conf.set_override("lease", {LEASE}, group="conductor")
            one = conductor.from_conf(conf, [toys], databases.url(folder, "flows"))
            one.start()
            one.submit(toys.add("t1"))
            time.sleep(60)
            """
        )
        child = subprocess.Popen([sys.executable, "-c", program])
        self.addCleanup(child.kill)
        return child


class TestAnswersLost(JobboardTest):
    """What the board was asked for it did, or did not, and its answer tells neither.

    The lease does not end meanwhile, as on ZooKeeper it never does while the process lives.
    """

    lease = 10 * int(PATIENCE)

    def setUp(self) -> None:
        super().setUp()
        self.toys = toy.Toys(self.folder)
        self.conductor = self.start(self.toys)
        self.job = self.toys.add("t1")

    def lose(self, method: str, times: int, *, done: bool) -> None:
        """Have the board fail so many times, having done what it was asked for or not."""
        board = self.board_of(self.conductor)._board
        call, left = getattr(board, method), iter(range(times))

        def fail(*args: Any, **kwargs: Any) -> Any:
            if next(left, None) is None:
                return call(*args, **kwargs)
            if done:
                call(*args, **kwargs)
            raise taskflow_exceptions.JobFailure("the connection was lost")

        self.useFixture(fixtures.MockPatchObject(board, method, fail))

    def test_a_job_that_may_have_been_claimed_is_done(self) -> None:
        self.lose("claim", 1, done=True)
        self.lose("claim", 1, done=False)
        self.conductor.submit(self.job)
        self.assertTrue(self.conductor.wait(self.job, PATIENCE))

    def test_a_job_that_could_not_be_given_back_is_given_back_later(self) -> None:
        self.lose("claim", 1, done=True)
        self.lose("abandon", 3, done=False)
        self.conductor.submit(self.job)
        self.assertTrue(self.conductor.wait(self.job, PATIENCE))

    def test_a_job_that_is_done_leaves_the_board_though_it_could_not_at_once(self) -> None:
        self.lose("consume", 2, done=False)
        self.conductor.submit(self.job)
        self.assertTrue(self.conductor.wait(self.job, PATIENCE))
        self.until(lambda: not self.conductor._board.live())
        self.assertEqual(1, self.toys.diary().count("saw begins"))
