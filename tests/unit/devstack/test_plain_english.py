# SPDX-License-Identifier: Apache-2.0

"""The checker reports each word that is ruled out, where it stands, and nothing else."""

import ast
import textwrap

from devstack import plain_english
from tests import base


def findings(source: str) -> list[tuple[int, str]]:
    """Return line and message of each finding in a module."""
    checker = plain_english.Checker(ast.parse(textwrap.dedent(source)))
    return sorted((line, message) for line, _column, message, _type in checker.run())


def codes(source: str) -> list[tuple[int, str]]:
    """Return line and code of each finding in a module."""
    return [(line, message.partition(" ")[0]) for line, message in findings(source)]


class TestDocstrings(base.TestCase):
    def test_every_word_is_reported_with_what_to_write_instead(self) -> None:
        for word in (
            "nobody",
            "Somebody",
            "whoever",
            "anew",
            "ours",
            "bears",
            "unwell",
            "convalescence",
            "told",
            "who is asking",
        ):
            [(line, message)] = findings(f'"""A job that {word} holds."""')
            self.assertEqual(1, line)
            self.assertRegex(message, f'V100 "{word}" in a docstring; write: .')

    def test_a_word_is_reported_at_its_own_line_in_modules_classes_and_functions(self) -> None:
        source = '''
            """Jobs.

            Nobody owns them, and nobody waits.
            """
            class Job:
                """Anew."""
                async def run(self):
                    """Run.

                    :raises Lost: somebody else.
                    """
            LIMIT = 3
            """Told by the server."""
        '''
        expected = [(4, "V100"), (4, "V100"), (7, "V100"), (11, "V100"), (14, "V100")]
        self.assertEqual(expected, codes(source))

    def test_a_word_inside_another_word_or_outside_docstrings_is_not_reported(self) -> None:
        source = '''
            """Return hours, colours and a retold story; the forebears renewed it."""
            WORD = "nobody"
            def told(anew):  # somebody
                """Return the body."""
                raise ValueError("whoever")
        '''
        self.assertEqual([], codes(source))

    def test_a_docstring_does_not_begin_with_certain_verbs(self) -> None:
        for verb in ("Tell", "Give", "Say", "Let", "Have"):
            self.assertEqual([(1, "V102")], codes(f'"""{verb} it."""'))
            self.assertEqual([(3, "V102")], codes(f'def f():\n    """\n    {verb} it."""'))
            self.assertEqual([(2, "V102")], codes(f'LIMIT = 3\n"""{verb} it."""'))
        self.assertEqual([], codes('"""Letters that programs tell, and give."""'))


class TestLogMessages(base.TestCase):
    def test_a_word_in_a_format_string_is_reported_whatever_the_level(self) -> None:
        for call in (
            'LOG.info("Job %s: nobody holds it", uuid)',
            'LOG.exception(f"{uuid}: nobody holds it")',
            'LOG.log(level, "Job %s: " "nobody holds it", uuid)',
            'module.LOG.warning("nobody")',
            'self.LOG.error("nobody")',
        ):
            self.assertEqual([(1, "V101")], codes(call), call)

    def test_arguments_and_other_calls_are_not_checked(self) -> None:
        for call in (
            'LOG.info("Job %s", "nobody")',
            'LOG.log(level, "Job %s", "nobody")',
            'print("nobody")',
            'LOG.isEnabledFor("nobody")',
            'other.info("nobody")',
        ):
            self.assertEqual([], codes(call), call)
