# SPDX-License-Identifier: Apache-2.0

"""The tally counts every test, and names those that failed or were skipped."""

import os
from pathlib import Path
import subprocess
import sys

import fixtures
import subunit

from devstack import tally
from tests import base

ROOT = Path(__file__).resolve().parents[3]


class TestTally(base.TestCase):
    """The counts, the names and the exit code."""

    def setUp(self) -> None:
        super().setUp()
        self.directory = Path(self.useFixture(fixtures.TempDir()).path)

    def results(self, **tests: str) -> Path:
        """Store results: id of a test -> its status."""
        path = self.directory / "results"
        with path.open("wb") as file:
            stream = subunit.StreamResultToBytes(file)
            for name, status in tests.items():
                stream.status(test_id=name, test_status="inprogress")
                stream.status(test_id=name, test_status=status)
        return path

    def run_tally(self, *arguments: str | Path) -> tuple[int, list[str]]:
        """Run the command; return its exit code and its output."""
        process = subprocess.run(
            [sys.executable, "-m", "devstack.tally", *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return process.returncode, process.stdout.splitlines()

    def test_everything_passed(self) -> None:
        code, lines = self.run_tally(self.results(a="success", b="success"))
        self.assertEqual((0, ["2 passed, 0 failed, 0 skipped"]), (code, lines))

    def test_a_failure_is_named_and_fails(self) -> None:
        code, lines = self.run_tally(self.results(a="success", b="fail"))
        self.assertEqual((1, ["failed: b", "1 passed, 1 failed, 0 skipped"]), (code, lines))

    def test_a_test_that_never_ended_has_failed(self) -> None:
        code, lines = self.run_tally(self.results(a="success", b="inprogress"))
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"), (code, lines[-1]))

    def test_a_listed_test_without_a_result_is_named_and_fails(self) -> None:
        listed = self.directory / "listed"
        listed.write_text("a\nb\n")
        results = self.results(**{"a": "success", "b(one)": "success"})
        self.assertEqual(0, self.run_tally("--listed", listed, results)[0])
        code, lines = self.run_tally("--listed", listed, self.results(a="success"))
        self.assertEqual((1, "not run: b"), (code, lines[0]))

    def test_a_skipped_test_is_named_and_fails_only_when_strict(self) -> None:
        results = self.results(a="success", b="skip")
        code, lines = self.run_tally(results)
        self.assertEqual((0, "1 passed, 0 failed, 1 skipped"), (code, lines[-1]))
        self.assertIn("skipped: b", lines[0])
        self.assertEqual(1, self.run_tally("--strict", results)[0])

    def test_results_without_a_test_fail(self) -> None:
        noise = self.directory / "noise"
        noise.write_text("/bin/sh: 1: not found\n")
        for path in (self.directory / "missing", noise):
            code, lines = self.run_tally(self.results(a="success"), path)
            self.assertEqual((1, f"no test was run: {path}"), (code, lines[0]))

    def test_every_test_that_may_be_skipped_exists(self) -> None:
        for identity in tally.MAY_BE_SKIPPED:
            module = identity.partition("(")[0].rsplit(".", 2)[0]
            self.assertTrue((ROOT / f"{module.replace('.', os.sep)}.py").exists(), identity)
