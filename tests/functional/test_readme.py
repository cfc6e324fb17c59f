# SPDX-License-Identifier: Apache-2.0

"""The commands and the code of the README work."""

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
    """The example runs unchanged."""

    def test_its_python_example_runs_as_written(self) -> None:
        code = python_block()
        self.assertIn("import", code)
        process = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={**os.environ, "VALENCE_ENDPOINT": self.lab.service.url},
            capture_output=True,
            text=True,
            timeout=base.PATIENCE,
            check=False,
        )
        self.assertEqual("", process.stderr)
        self.assertEqual(0, process.returncode)
        self.assertIn("composed", process.stdout)
