# SPDX-License-Identifier: Apache-2.0

"""Periodic work of the elected process."""

import threading
import time
from unittest import mock

from tests import base
from valence_conductor import periodic
from valence_conductor.locks.election import AlwaysLeader

#: Seconds that a busy machine may take to run a thread.
PATIENCE = 30.0


class Follower:
    """The election of a process that never is the leader."""

    def __init__(self) -> None:
        self.calls = 0
        self.again, self.closed = threading.Event(), threading.Event()

    def is_leader(self) -> bool:
        self.calls += 1
        if self.calls > 1:
            self.again.set()
        return False

    def close(self) -> None:
        self.closed.set()


class TestElectedPeriodic(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.calls = 0
        self.again = threading.Event()

    def work(self) -> None:
        self.calls += 1
        if self.calls > 1:
            self.again.set()
        raise ZeroDivisionError("a bug")

    def test_the_first_run_is_at_once(self) -> None:
        ran = threading.Event()
        thread = periodic.ElectedPeriodic("test", ran.set, AlwaysLeader(), 3600)
        thread.start()
        self.assertTrue(ran.wait(PATIENCE))
        thread.stop()

    def test_a_run_that_failed_is_repeated(self) -> None:
        thread = periodic.ElectedPeriodic("test", self.work, AlwaysLeader(), 0.01)
        thread.start()
        self.assertTrue(self.again.wait(PATIENCE))
        thread.stop()

    def test_a_follower_does_nothing_and_retries_its_election(self) -> None:
        election = Follower()
        thread = periodic.ElectedPeriodic("test", self.work, election, 0.01)
        thread.start()
        self.assertTrue(election.again.wait(PATIENCE))
        thread.stop()
        self.assertEqual(0, self.calls)

    def test_a_stopped_thread_resigns(self) -> None:
        election = Follower()
        thread = periodic.ElectedPeriodic("test", self.work, election, 3600)
        thread.start()
        thread.stop()
        self.assertTrue(election.closed.wait(PATIENCE))

    def test_one_that_was_never_started_can_be_stopped(self) -> None:
        periodic.ElectedPeriodic("test", self.work, AlwaysLeader(), 3600).stop()

    def test_stop_does_not_wait_for_work_that_hangs(self) -> None:
        self.patch(periodic, "STOP_TIMEOUT", 0.01)
        running, end = threading.Event(), threading.Event()
        self.addCleanup(end.set)

        def hang() -> None:
            running.set()
            end.wait()

        thread = periodic.ElectedPeriodic("test", hang, AlwaysLeader(), 3600)
        thread.start()
        self.assertTrue(running.wait(PATIENCE))
        started = time.monotonic()
        thread.stop()
        self.assertLess(time.monotonic() - started, PATIENCE)

    def test_the_interval_varies_by_its_jitter(self) -> None:
        pauses: list[float] = []
        thread = periodic.ElectedPeriodic("test", int, AlwaysLeader(), 100, jitter=0.1)

        def wait(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 50:
                thread._stopping.set()

        with mock.patch.object(thread._stopping, "wait", wait):
            thread._run()
        self.assertTrue(all(90 <= pause <= 110 for pause in pauses), pauses)
        self.assertGreater(len(set(pauses)), 40)
