# SPDX-License-Identifier: Apache-2.0

"""A conductor in a process of its own that is killed, and the one that resumes its job."""

import json
import signal
import subprocess
import sys
import textwrap

from tests.unit.conductor import base
from tests.unit.conductor import toy
from valence_conductor import errors
from valence_conductor.job import Job

JOB = Job("toys", "t1", 1, "build")


class TestKilled(base.ConductorTestCase):
    def test_its_job_is_resumed_and_finished_tasks_are_not_repeated(self) -> None:
        self.kill_at("glue begins", {"glue": "wait"})
        (self.folder / "go").touch()
        toys = toy.Toys(self.folder, {"glue": "wait"})
        self.assertTrue(self.start(toys).wait(JOB, base.PATIENCE))
        self.assertEqual("built", toys.read("t1").state)
        self.assertEqual(1, toys.diary().count("saw begins"))
        self.assertEqual(2, toys.diary().count("glue begins"))

    def test_while_reverting_its_job_is_reverted_further_and_keeps_the_reason(self) -> None:
        self.kill_at("glue is undone", {"paint": "fail", "undo glue": "hang"})
        toys = toy.Toys(self.folder)
        self.assertTrue(self.start(toys).wait(JOB, base.PATIENCE))
        row = toys.read("t1")
        self.assertEqual(("error", "No wheels are left."), (row.state, row.reason))
        self.assertEqual({"error": "Fault", "code": "wheels"}, json.loads(row.details or ""))
        self.assertEqual(1, toys.diary().count("paint is undone"))
        self.assertEqual(["glue is undone", "saw is undone"], toys.diary()[-2:])

    def test_its_lock_excludes_other_processes_until_then(self) -> None:
        child = self.child({"glue": "wait"})
        toys = toy.Toys(self.folder)
        self.wait_for(lambda: "glue begins" in toys.diary())
        self.assertRaises(errors.AlreadyRunning, self.start, toys)
        self.kill(child)
        self.assertTrue(self.start(toys).wait(JOB, base.PATIENCE))

    def kill_at(self, line: str, script: dict[str, str]) -> None:
        """Kill a conductor as soon as its diary has this line."""
        child = self.child(script)
        toys = toy.Toys(self.folder)
        self.wait_for(lambda: child.poll() is not None or line in toys.diary())
        self.kill(child)
        self.assertIn(line, toys.diary())

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        child.send_signal(signal.SIGKILL)
        self.assertEqual(-signal.SIGKILL, child.wait(), "the process ended by itself")

    def child(self, script: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a conductor with one job in a process of its own, which runs until killed."""
        program = textwrap.dedent(
            f"""
            import pathlib, threading
            from oslo_config import cfg
            from tests.servers import databases
            from tests.unit.conductor import toy
            from valence_conductor.conductor import from_conf
            folder = pathlib.Path({str(self.folder)!r})
            toys = toy.Toys(folder, {script!r})
            conf = cfg.ConfigOpts(); conf([])
            conductor = from_conf(conf, [toys], databases.url(folder, "flows"))
            conductor.start()
            conductor.submit(toys.add("t1"))
            threading.Event().wait()
            """
        )
        child = subprocess.Popen([sys.executable, "-c", program])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child
