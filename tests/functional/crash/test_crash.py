# SPDX-License-Identifier: Apache-2.0

"""Victims are killed, and nothing leaks: a sample of what ``python -m tests.crash`` does.

Each runs in a process of its own, for it forks.
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


#: Elsewhere than in CI one pair of servers is enough; ``make crash`` has them all.
PAIRS = shared.PAIRS if "CI" in os.environ else shared.PAIRS[:1]


class CrashTest(base.TestCase):
    def crash(self, *arguments: str) -> str:
        """Run the harness; it must find nothing."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.crash", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout


class TestSample(CrashTest):
    def test_nothing_leaks_wherever_a_conductor_is_killed(self) -> None:
        for flows in ("plugin provision without", "service compose"):
            told = self.crash("--only", flows, "--sample", "6")
            self.assertRegex(told, re.compile("killed at [1-9]"))

    def test_nothing_leaks_whatever_a_seed_draws(self) -> None:
        for kind in schedule.USERS:
            told = self.crash("--seeds", "2", "--kind", kind)
            self.assertIn(f"2 seeds of the {kind}", told)
            self.assertIn("nothing leaked", told)

    def test_nothing_leaks_in_any_named_case(self) -> None:
        told = self.crash("--case", "one conductor")
        self.assertEqual(len(cases.CASES), told.count("well: "), told)


class TestSeveral(testscenarios.WithScenarios, CrashTest):
    """Several processes, with real boards and databases."""

    scenarios: ClassVar = [(board, {"board": board, "database": db}) for board, db in PAIRS]
    board: str
    database: str

    def test_nothing_leaks_in_any_named_case_of_several_conductors(self) -> None:
        named = f"on {self.board} and {self.database}"
        names = [name for name in several.CASES if name.endswith(named)]
        self.need_servers()
        told = self.crash("--case", named)
        self.assertEqual(len(names), told.count("well: "), told)

    def test_whoever_lives_on_finishes_what_a_killed_one_left(self) -> None:
        self.need_servers()
        on = f"{self.board}+{self.database}"
        told = self.crash("--several", on, "--only", "service release", "--sample", "3")
        self.assertRegex(told, re.compile("killed at [1-9]"))

    def need_servers(self) -> None:
        """Skip what cannot run here; in CI it must."""
        self.need(shared.missing(self.board, self.database))
