# SPDX-License-Identifier: Apache-2.0

"""The lab of the other functional tests."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import textwrap

import fixtures

from devstack.lab import processes
from tests import base


class TestProcesses(base.TestCase):
    """Children are started, stopped, and never left running."""

    def setUp(self) -> None:
        super().setUp()
        self.directory = Path(self.useFixture(fixtures.TempDir()).path)
        self.reaper = processes.Reaper()
        self.addCleanup(self.reaper.close)

    def child(self, code: str, **options: object) -> processes.Process:
        """Return a child, not started, that runs Python code."""
        return processes.Process(
            "child",
            [sys.executable, "-c", textwrap.dedent(code)],
            self.directory / "child.log",
            **{"ready": lambda: False, "deadline": 60, **options},
        )

    def test_a_child_that_ends_early_is_an_error_with_the_end_of_its_log(self) -> None:
        child = self.child("raise SystemExit('the disk is full')")
        child.start(self.reaper)
        error = self.assertRaises(processes.ProcessFailed, child.wait_ready)
        self.assertIn("ended with 1 before it was ready", str(error))
        self.assertIn("the disk is full", str(error))

    def test_a_child_that_is_never_ready_is_an_error_at_its_deadline(self) -> None:
        child = self.child("import time; time.sleep(60)", deadline=0.2)
        child.start(self.reaper)
        self.addCleanup(child.stop)
        error = self.assertRaises(processes.ProcessFailed, child.wait_ready)
        self.assertIn("was not ready", str(error))

    def test_a_program_that_does_not_exist_is_an_error_at_once(self) -> None:
        child = processes.Process(
            "child", ["/nonexistent"], self.directory / "child.log", ready=lambda: False
        )
        error = self.assertRaises(processes.ProcessFailed, child.start, self.reaper)
        self.assertIn("cannot be started", str(error))

    def test_stop_kills_a_child_that_ignores_sigterm(self) -> None:
        ready = self.directory / "ready"
        child = self.child(
            f"""
            import pathlib, signal, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            pathlib.Path({str(ready)!r}).touch()
            time.sleep(60)
            """,
            ready=ready.exists,
        )
        child.start(self.reaper)
        child.wait_ready()
        pid = child.pid
        child.stop(grace=0.2)
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)
        child.stop()

    def test_no_child_outlives_an_owner_that_is_killed(self) -> None:
        pids = self.directory / "pids"
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(pids), str(self.directory / "child.log")]
        )
        self.addCleanup(owner.wait)
        self.wait_for(
            lambda: pids.exists() and len(pids.read_text().split()) == 2,
            what="the children have started",
        )
        owner.send_signal(signal.SIGKILL)
        self.wait_for(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids.read_text().split()),
            what="the children have ended",
        )

    def test_the_same_port_is_never_returned_twice(self) -> None:
        ports = [processes.free_port() for _ in range(50)]
        self.assertEqual(len(ports), len(set(ports)))


OWNER = """
import pathlib, sys, time
from devstack.lab import processes
child = processes.Process(
    "child",
    ["/bin/sh", "-c", 'sleep 60 & echo $$ $! >"$0"; wait', sys.argv[1]],
    pathlib.Path(sys.argv[2]),
    ready=pathlib.Path(sys.argv[1]).exists,
)
child.start(processes.Reaper())
child.wait_ready()
time.sleep(60)
"""
