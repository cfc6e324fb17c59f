# SPDX-License-Identifier: Apache-2.0

"""The main job on pod managers with quirks: a small sample of ``python -m tests.quirks``."""

import pathlib
import subprocess
import sys

from tests import base
from tests.quirks import draw

ROOT = pathlib.Path(__file__).resolve().parents[3]

#: A seed with a death of the conductor and two faults.
SEED = "1081"


class TestQuirks(base.TestCase):
    def play(self, *arguments: str) -> str:
        """Run the program, which must find no violations; return its output."""
        process = subprocess.run(
            [sys.executable, "-m", "tests.quirks", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.assertEqual(0, process.returncode, process.stdout + process.stderr)
        return process.stdout

    def test_the_main_job_succeeds_under_a_quirk(self) -> None:
        output = self.play("--quirk", "description-absent")
        self.assertIn("passed: description-absent", output)
        self.assertIn("1 quirks, 0 violations", output)

    def test_a_seed_is_played_and_printed(self) -> None:
        output = self.play("--seed", SEED)
        self.assertIn(str(draw.draw(int(SEED))).splitlines()[0], output)
        self.assertIn("nothing leaked, no machine was touched", output)
