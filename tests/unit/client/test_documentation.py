# SPDX-License-Identifier: Apache-2.0

"""The examples in the manual pages of the client work."""

import pathlib
import re
import shlex
import textwrap

from tests import base
from tests.unit.client import clock
from tests.unit.client import shell_base
from valenceclient import testing

PAGES = pathlib.Path(__file__).resolve().parents[3] / "doc" / "source" / "client"


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a page in one language."""
    text = (PAGES / f"{page}.rst").read_text(encoding="utf-8")
    pattern = rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)"
    return [textwrap.dedent(block) for block in re.findall(pattern, text, re.M)]


class TestPython(base.TestCase):
    def run_page(self, page: str) -> testing.FakeValence:
        self.useFixture(clock.Clock())
        valence = testing.FakeValence(url="http://127.0.0.1:8881")
        names: dict[str, object] = {"print": lambda *args: None}
        with valence.intercept():
            for block in blocks(page, "python"):
                exec(compile(block, f"{page}.rst", "exec"), names)
        return valence

    def test_the_library_page_works_as_written(self) -> None:
        valence = self.run_page("library")
        self.assertEqual(1, len(valence.flavors.all()))
        self.assertEqual([], valence.nodes.all())

    def test_the_testing_page_works_as_written(self) -> None:
        self.assertTrue(blocks("testing", "python"))
        self.run_page("testing")


class TestConsole(shell_base.ShellTest):
    def test_the_program_page_works_as_written(self) -> None:
        self.environ({"VALENCE_PODM_PASSWORD": "secret"}, clear=False)
        (block,) = blocks("program", "console")
        lines = [shlex.split(line.removeprefix("$ ")) for line in block.splitlines()]
        commands = [words[1:] for words in lines if words and words[0] == "valence"]
        for command in commands:
            self.run_program(*command)
        self.assertEqual(7, len(commands))
        self.assertEqual([], self.valence.nodes.all())
