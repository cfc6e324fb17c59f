# SPDX-License-Identifier: Apache-2.0

"""The README tells the truth."""

import os
from pathlib import Path
import subprocess
import sys
import textwrap

from tests.functional import base

README = Path(__file__).resolve().parents[2] / "README.rst"


def python_block() -> str:
    """Return the first block of Python in the README."""
    _, _, rest = README.read_text().partition(".. code-block:: python\n")
    lines = []
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            break
        lines.append(line)
    return textwrap.dedent("\n".join(lines))


class TestReadme(base.FunctionalTestCase):
    """What it says to type works as it is typed."""

    def test_its_use_of_the_library_runs_as_written(self) -> None:
        code = python_block()
        self.assertIn("import", code)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={**os.environ, "VALENCE_ENDPOINT": self.lab.service.url},
            capture_output=True,
            text=True,
            timeout=base.PATIENCE,
            check=False,
        )
        self.assertEqual("", done.stderr)
        self.assertEqual(0, done.returncode)
        self.assertIn("composed", done.stdout)
