# SPDX-License-Identifier: Apache-2.0

"""Victims are killed, and nothing leaks: a small sample of ``python -m tests.crash``.

The points and seeds are always the same; those of CI change from day to day. Each test
runs the harness in a process of its own, because it forks.
"""

import os
import pathlib
import re
import subprocess
import sys
from typing import ClassVar

import testscenarios

from tests import base
from tests.crash import cases
from tests.crash import schedule
from tests.crash import several
from tests.crash import shared

ROOT = pathlib.Path(__file__).resolve().parents[3]


#: Outside CI one pair of servers is enough; ``make crash`` has them all.
PAIRS = shared.PAIRS if "CI" in os.environ else shared.PAIRS[:1]


class CrashTest(base.TestCase):
    def crash(self, *arguments: str) -> str:
        """Run the harness, which must find no violations; return its output."""
        process = subprocess.run(
            [sys.executable, "-m", "tests.crash", "--of", "20260101", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        self.assertEqual(0, process.returncode, process.stdout + process.stderr)
        return process.stdout


class TestSample(CrashTest):
    def test_nothing_leaks_at_any_point_of_a_kill(self) -> None:
        for flows in ("plugin provision without", "service compose"):
            output = self.crash("--only", flows, "--sample", "6")
            self.assertRegex(output, re.compile("killed at [1-9]"))
            self.assertRegex(
                output, r"sample 20260101: 6 of \d+ points; repeat with --of 20260101"
            )

    def test_nothing_leaks_in_any_schedule_of_a_seed(self) -> None:
        for kind in schedule.USERS:
            output = self.crash("--seeds", "2", "--first", "1", "--kind", kind)
            self.assertIn(f"2 seeds of the {kind}", output)
            self.assertIn("nothing leaked", output)

    def test_nothing_leaks_in_any_named_case(self) -> None:
        output = self.crash("--case", "one conductor")
        self.assertEqual(len(cases.CASES), output.count("passed: "), output)


class TestSeveral(testscenarios.WithScenarios, CrashTest):
    """Several processes, with real boards and databases."""

    scenarios: ClassVar = [(board, {"board": board, "database": db}) for board, db in PAIRS]
    board: str
    database: str

    def test_nothing_leaks_in_any_named_case_of_several_conductors(self) -> None:
        named = f"on {self.board} and {self.database}"
        names = [name for name in several.CASES if name.endswith(named)]
        self.need_servers()
        output = self.crash("--case", named)
        self.assertEqual(len(names), output.count("passed: "), output)

    def test_another_process_finishes_what_a_killed_one_left(self) -> None:
        self.need_servers()
        on = f"{self.board}+{self.database}"
        output = self.crash("--several", on, "--only", "service release", "--sample", "3")
        self.assertRegex(output, re.compile("killed at [1-9]"))

    def need_servers(self) -> None:
        """Skip the test when a server is not installed; in CI that fails."""
        self.need(shared.missing(self.board, self.database))
