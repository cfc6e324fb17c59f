# SPDX-License-Identifier: Apache-2.0

"""The same jobs over real Redis, ZooKeeper and etcd, run by several conductors."""

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
from tests.unit.conductor.base import PATIENCE
from valence_conductor import conf as conductor_conf
from valence_conductor import errors
from valence_conductor.boards import jobboard
from valence_conductor.boards import notifier
from valence_conductor.conductor import Conductor
from valence_conductor.conductor import from_conf
from valence_conductor.job import Job
from valence_conductor.locks import election

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
        for name in ("toys", "flows"):  # for other processes that use the folder
            databases.url(self.folder, name)

    def conf(self, workers: int = 4) -> cfg.ConfigOpts:
        conf = cfg.ConfigOpts()
        conf([])
        conductor_conf.register_opts(conf)
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

    def start(self, *ledgers: toy.Toys, runs_jobs: bool = True, workers: int = 4) -> Conductor:
        flows = databases.url(self.folder, "flows")
        conductor = from_conf(self.conf(workers), ledgers, flows, runs_jobs=runs_jobs)
        conductor.start()
        self.addCleanup(conductor.stop, 1)
        return conductor

    def board_of(self, conductor: Conductor) -> jobboard.JobboardBoard:
        """Return the board of a conductor, which has that of TaskFlow inside."""
        assert isinstance(conductor._board, jobboard.JobboardBoard)
        return conductor._board


class Parts(toy.Toys):
    """Another ledger, for whose jobs those of the first may wait."""

    name = "parts"


class TestElection(JobboardTest):
    """One of several conductors is elected to sweep."""

    def candidate(self, name: str) -> election.ToozElection:
        candidate = election.ToozElection(self.server.url, name)
        self.addCleanup(candidate.close)
        return candidate

    def test_one_of_two_is_elected_and_stays_the_leader(self) -> None:
        first, second = self.candidate("a"), self.candidate("b")
        self.wait_for(first.is_leader)
        for _check in range(3):
            self.assertEqual([True, False], [first.is_leader(), second.is_leader()])

    def test_the_other_takes_over_when_the_leader_resigns(self) -> None:
        first, second = self.candidate("a"), self.candidate("b")
        self.wait_for(first.is_leader)
        first.close()
        self.wait_for(second.is_leader)
        self.assertFalse(first.is_leader())

    def test_no_leader_is_elected_until_the_servers_are_reachable(self) -> None:
        first, second = self.candidate("a"), self.candidate("b")
        self.wait_for(first.is_leader)
        first.close()
        self.server.kill()
        self.assertFalse(second.is_leader())
        self.server.start()
        self.wait_for(second.is_leader)


class TestNotifier(JobboardTest):
    """Where the board has notifications, a conductor does not wait for its next poll."""

    scenarios: ClassVar = [
        (name, {"kind": boards.ALL[name]}) for name in sorted(notifier.NOTIFIERS)
    ]

    def test_a_conductor_that_hardly_ever_polls_is_notified_of_a_job(self) -> None:
        self.useFixture(fixtures.MockPatchObject(jobboard, "POLL_INTERVAL", 600))
        toys = toy.Toys(self.folder)
        submitter = self.start(toys, runs_jobs=False)
        self.start(toys)
        jobs = [toys.add(f"t{n}") for n in range(40)]

        def is_notified() -> bool:  # the first may be posted before the conductor listens
            submitter.submit(jobs.pop())
            time.sleep(0.5)
            return bool(toys.diary())

        self.wait_for(is_notified)

    def test_a_worker_that_becomes_free_claims_a_job_without_another_poll(self) -> None:
        toys = toy.Toys(self.folder)
        submitter = self.start(toys, runs_jobs=False)
        jobs = [toys.add(f"t{n}") for n in range(5)]
        for job in jobs:
            submitter.submit(job)
        self.useFixture(fixtures.MockPatchObject(jobboard, "POLL_INTERVAL", 600))
        self.start(toys, workers=1)
        for job in jobs:
            self.assertTrue(submitter.wait(job, PATIENCE))


class TestJobboards(JobboardTest):
    def test_a_process_that_only_submits_leaves_its_jobs_to_a_conductor(self) -> None:
        toys = toy.Toys(self.folder)
        submitter = self.start(toys, runs_jobs=False)
        job = toys.add("t1")
        submitter.submit(job)
        self.assertFalse(submitter.wait(job, 1))
        self.start(toys)
        self.assertTrue(submitter.wait(job, PATIENCE))
        self.assertEqual("built", toys.read("t1").state)

    def test_a_process_without_workers_leaves_its_jobs_to_a_conductor(self) -> None:
        toys = toy.Toys(self.folder)
        submitter = self.start(toys, workers=0)
        job = toys.add("t1")
        submitter.submit(job)
        self.assertFalse(submitter.wait(job, 1))
        self.start(toys)
        self.assertTrue(submitter.wait(job, PATIENCE))

    def test_a_conductor_that_is_started_before_its_board_waits_for_it(self) -> None:
        self.server.kill()
        timer = threading.Timer(1, self.server.start)
        timer.start()
        self.addCleanup(timer.join)
        toys = toy.Toys(self.folder)
        job = toys.add("t1")
        self.assertTrue(self.start(toys).wait(job, PATIENCE))

    def test_the_error_is_one_line_that_names_the_unreachable_board(self) -> None:
        self.server.kill()
        self.start_timeout = 0
        exc = self.assertRaises(errors.Unreachable, self.start, toy.Toys(self.folder))
        self.assertThat(str(exc), matchers.MatchesRegex(f"The jobboard in .*:{self.server.port} "))
        self.assertEqual(1, len(str(exc).splitlines()))

    def test_jobs_that_wait_for_those_of_another_ledger_leave_them_a_worker(self) -> None:
        folder = self.folder / "parts"
        folder.mkdir()
        toys, parts = toy.Toys(self.folder, {"glue": "wait"}), Parts(folder)
        conductor = self.start(toys, parts, workers=1)
        build = toys.add("t1")
        conductor.submit(build)
        self.wait_for(lambda: "glue begins" in toys.diary())
        part = parts.add("p1")
        conductor.submit(part)
        self.assertTrue(conductor.wait(part, PATIENCE))
        (self.folder / "go").touch()
        self.assertTrue(conductor.wait(build, PATIENCE))

    def test_two_conductors_run_every_job_once(self) -> None:
        toys = toy.Toys(self.folder)
        first, second = self.start(toys), self.start(toys)
        jobs = [toys.add(f"t{n}") for n in range(12)]
        for n, job in enumerate(jobs):
            (first, second)[n % 2].submit(job)
        for job in jobs:
            self.assertTrue(first.wait(job, PATIENCE))
        self.assertEqual(12, toys.diary().count("saw begins"))
        self.assertEqual(12, toys.diary().count("paint ends"))

    def test_a_stopping_conductor_hands_its_jobs_over_at_once(self) -> None:
        self.lease = 10 * int(PATIENCE)  # so that it does not expire meanwhile
        toys = toy.Toys(self.folder, {"glue": "wait"})
        conductor = self.start(toys)
        job = toys.add("t1")
        conductor.submit(job)
        self.wait_for(lambda: "glue begins" in toys.diary())
        self.start(toys)
        conductor.stop(5)
        self.wait_for(lambda: toys.diary().count("glue begins") == 2)
        (self.folder / "go").touch()
        self.wait_for(lambda: toys.read("t1").state == "built")
        self.assertNotIn("glue is undone", toys.diary())
        self.assertEqual(1, toys.diary().count("saw begins"))

    def test_a_job_that_is_claimed_while_the_conductor_stops_is_handed_over(self) -> None:
        self.lease = 10 * int(PATIENCE)
        toys = toy.Toys(self.folder)
        conductor = self.start(toys)
        board = self.board_of(conductor)
        claim, stopping = (
            board._board.claim,
            threading.Thread(target=conductor.stop, args=[PATIENCE]),
        )

        def claim_and_stop(*args: Any, **kwargs: Any) -> None:
            claim(*args, **kwargs)
            stopping.start()
            board._stopping.wait()
            time.sleep(0.2)  # until stop() has listed the claims

        self.useFixture(fixtures.MockPatchObject(board._board, "claim", claim_and_stop))
        job = toys.add("t1")
        conductor.submit(job)
        self.wait_for(board._stopping.is_set)
        stopping.join()
        self.assertNotIn("saw begins", toys.diary())
        self.assertTrue(self.start(toys).wait(job, PATIENCE))

    def test_a_task_that_outlives_its_lease_keeps_its_job(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        conductor, _other = self.start(toys), self.start(toys)
        job = toys.add("t1")
        conductor.submit(job)
        self.wait_for(lambda: "glue begins" in toys.diary())
        time.sleep(LEASE * 1.5)
        (self.folder / "go").touch()
        self.assertTrue(conductor.wait(job, PATIENCE))
        self.assertEqual(1, toys.diary().count("glue begins"))

    def test_the_board_is_empty_when_all_is_done(self) -> None:
        toys = toy.Toys(self.folder, {"paint": "fail"})
        conductor = self.start(toys)
        jobs = [toys.add(f"t{n}") for n in range(3)]
        for job in jobs:
            conductor.submit(job)
        for job in jobs:
            self.assertTrue(conductor.wait(job, PATIENCE))
        self.wait_for(lambda: not conductor._board.live())

    def test_a_job_that_was_posted_twice_runs_once(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        conductor = self.start(toys)
        job = toys.add("t1")
        details = {"job": {"ledger": "toys", "uuid": "t1", "generation": 1, "operation": "build"}}
        conductor.submit(job)
        self.board_of(conductor)._board.post(job.name, details=details)
        self.wait_for(lambda: "glue begins" in toys.diary())
        time.sleep(1)
        (self.folder / "go").touch()
        self.assertTrue(conductor.wait(job, PATIENCE))
        self.wait_for(lambda: not conductor._board.live())
        self.assertEqual(1, toys.diary().count("saw begins"))

    def test_a_killed_conductor_is_replaced_when_its_lease_has_expired(self) -> None:
        child = self.child({"glue": "wait"})
        toys = toy.Toys(self.folder, {"glue": "wait"})
        self.wait_for(lambda: "glue begins" in toys.diary())
        child.send_signal(signal.SIGKILL)
        child.wait()
        (self.folder / "go").touch()
        conductor = self.start(toys)
        self.assertTrue(conductor.wait(Job("toys", "t1", 1, "build"), PATIENCE))
        self.assertEqual("built", toys.read("t1").state)
        self.assertEqual(1, toys.diary().count("saw begins"))
        self.assertEqual(2, toys.diary().count("glue begins"))

    def test_a_board_that_was_restarted_empty_is_filled_again_by_the_sweep(self) -> None:
        toys = toy.Toys(self.folder, {"glue": "wait"})
        conductor = self.start(toys)
        job = toys.add("t1")
        conductor.submit(job)
        self.wait_for(lambda: "glue begins" in toys.diary())
        self.server.kill()
        time.sleep(LEASE * 1.5)
        self.server.start()
        (self.folder / "go").touch()
        self.assertTrue(conductor.wait(job, PATIENCE))
        self.assertEqual("built", toys.read("t1").state)
        self.assertEqual(1, toys.diary().count("saw begins"))
        self.wait_for(lambda: not conductor._board.live())

    def child(self, script: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a conductor in a process of its own, with one job."""
        program = textwrap.dedent(
            f"""
            import pathlib, threading
            from oslo_config import cfg
            from tests.servers import databases
            from tests.unit.conductor import toy
            from valence_conductor import conf as conductor_conf
            from valence_conductor.conductor import from_conf
            folder = pathlib.Path({str(self.folder)!r})
            toys = toy.Toys(folder, {script!r})
            conf = cfg.ConfigOpts(); conf([])
            conductor_conf.register_opts(conf)
            conf.set_override("jobboard", {self.server.url!r}, group="conductor")
            conf.set_override("lease", {LEASE}, group="conductor")
            conductor = from_conf(conf, [toys], databases.url(folder, "flows"))
            conductor.start()
            conductor.submit(toys.add("t1"))
            threading.Event().wait()
            """
        )
        child = subprocess.Popen([sys.executable, "-c", program])
        self.addCleanup(child.kill)
        return child


class TestLostResponses(JobboardTest):
    """The board executed a request or not, and its response was lost.

    The lease does not expire meanwhile; on ZooKeeper it never does while the process lives.
    """

    lease = 10 * int(PATIENCE)

    def setUp(self) -> None:
        super().setUp()
        self.toys = toy.Toys(self.folder)
        self.conductor = self.start(self.toys)
        self.job = self.toys.add("t1")

    def lose(self, method: str, times: int, *, executed: bool) -> None:
        """Fail requests of one kind to the board, after they were executed or before.

        :param times: how many.
        """
        board = self.board_of(self.conductor)._board
        call, failures = getattr(board, method), iter(range(times))

        def fail(*args: Any, **kwargs: Any) -> Any:
            if next(failures, None) is None:
                return call(*args, **kwargs)
            if executed:
                call(*args, **kwargs)
            raise taskflow_exceptions.JobFailure("the connection was lost")

        self.useFixture(fixtures.MockPatchObject(board, method, fail))

    def test_a_job_that_may_have_been_claimed_is_run(self) -> None:
        self.lose("claim", 1, executed=True)
        self.lose("claim", 1, executed=False)
        self.conductor.submit(self.job)
        self.assertTrue(self.conductor.wait(self.job, PATIENCE))

    def test_a_claim_that_could_not_be_released_is_released_later(self) -> None:
        self.lose("claim", 1, executed=True)
        self.lose("abandon", 3, executed=False)
        self.conductor.submit(self.job)
        self.assertTrue(self.conductor.wait(self.job, PATIENCE))

    def test_a_job_that_could_not_be_removed_from_the_board_is_removed_later(self) -> None:
        self.lose("consume", 2, executed=False)
        self.conductor.submit(self.job)
        self.assertTrue(self.conductor.wait(self.job, PATIENCE))
        self.wait_for(lambda: not self.conductor._board.live())
        self.assertEqual(1, self.toys.diary().count("saw begins"))
