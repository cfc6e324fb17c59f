# SPDX-License-Identifier: Apache-2.0

"""A flake8 plugin that reports words which HACKING.rst rules out.

V100: a word in a docstring. V101: a word in the format string of a ``LOG`` call.
V102: the first word of a docstring.
"""

import ast
from collections.abc import Iterator
import re

#: Regular expression of a word -> what to write instead.
WORDS = {
    "nobody": "name the process, request or caller that does not exist",
    "somebody": "name the process, request or caller",
    "whoever": "name the process, request or caller",
    "anew": "again",
    "ours": "name the owner",
    "bears": "has",
    "unwell": "unavailable, or failing",
    r"convalesc\w*": "retry, or recovery",
    "told": "name the message, setting or record",
    "scribe": "writer",
    "ghosts?": "placeholder",
    "who is asking": "the caller",
    "as one would": "name the program that does so",
    "makes known": "registers",
    "let go of": "released",
}
FIRST_WORDS = {
    "Tell": "Return, or Log",
    "Give": "Return, or Assign",
    "Say": "Return, or Print",
    "Let": "Allow, or name the effect",
    "Have": "name the effect",
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
LOG_METHODS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})

_WORDS = re.compile(rf"\b(?:{'|'.join(WORDS)})\b", re.IGNORECASE)
_FIRST_WORD = re.compile(rf"\s*({'|'.join(FIRST_WORDS)})\b")

Finding = tuple[int, int, str, type]


class Checker:
    """Checks one module.

    :param tree: the parsed module, as flake8 passes it.
    """

    name = "plain-english"
    version = "1"

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree

    def run(self) -> Iterator[Finding]:
        """Yield line, column, message and type of each finding, as flake8 expects."""
        for node in ast.walk(self._tree):
            if isinstance(node, DOCUMENTED):
                yield from self._docstrings(node.body)
            elif isinstance(node, ast.Call) and _is_log_call(node):
                for string in _format_strings(node):
                    yield from self._words(string, "V101", "a log message")

    def _docstrings(self, body: list[ast.stmt]) -> Iterator[Finding]:
        """Check the strings that are statements: docstrings, and those below attributes."""
        for statement in body:
            if not isinstance(statement, ast.Expr):
                continue
            for string in _strings(statement.value):
                yield from self._words(string, "V100", "a docstring")
                first = _FIRST_WORD.match(_text(string))
                if first:
                    message = f'"{first[1]}" begins a docstring; write: {FIRST_WORDS[first[1]]}'
                    yield self._finding(string, first.start(1), f"V102 {message}")

    def _words(self, string: ast.Constant, code: str, place: str) -> Iterator[Finding]:
        for match in _WORDS.finditer(_text(string)):
            alternative = next(
                alternative
                for word, alternative in WORDS.items()
                if re.fullmatch(word, match[0], re.IGNORECASE)
            )
            yield self._finding(
                string, match.start(), f'{code} "{match[0]}" in {place}; write: {alternative}'
            )

    def _finding(self, string: ast.Constant, offset: int, message: str) -> Finding:
        line = string.lineno + _text(string).count("\n", 0, offset)
        return line, string.col_offset, message, type(self)


def _is_log_call(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr in LOG_METHODS
        and isinstance(function.value, ast.Name | ast.Attribute)
        and "LOG" in (getattr(function.value, "id", ""), getattr(function.value, "attr", ""))
    )


def _format_strings(call: ast.Call) -> Iterator[ast.Constant]:
    position = 1 if getattr(call.func, "attr", "") == "log" else 0  # after the level
    for argument in call.args[position : position + 1]:
        for node in ast.walk(argument):
            yield from _strings(node)


def _strings(node: ast.AST) -> Iterator[ast.Constant]:
    """Yield the node if it is a string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node


def _text(string: ast.Constant) -> str:
    return str(string.value)
