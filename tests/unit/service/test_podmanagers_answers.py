# SPDX-License-Identifier: Apache-2.0

"""What is read of a pod manager's answer, as a database can keep it."""

import json
from typing import Any

import requests
import testscenarios

from tests import base
from valence.podmanagers.http import exchange


def read(content: bytes) -> Any:
    return exchange.Exchange("http://pod", "GET", "/", requests.Response(), content).json


class TestText(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (name, {"written": written, "said": said})
        for name, written, said in [
            ("NUL is nothing", r"rack\u00007", "rack7"),
            ("nor are several", r"\u0000\u0000", ""),
            ("a backslash before it stays", r"a\\\u0000b", "a\\b"),
            ("what only looks like it stays", r"a\\u0000b", r"a\u0000b"),
            ("half of a character is a question mark", r"a\ud83db", "a?b"),
            ("both halves are the character", r"\ud83d\ude00", "\N{GRINNING FACE}"),
            ("any other escape stays", r"\u00e9\n", "\u00e9\n"),
        ]
    ]
    written: str
    said: str

    def test_every_string_of_an_answer_can_be_kept(self) -> None:
        found = read(b'{"Name": ["' + self.written.encode() + b'"]}')
        self.assertEqual({"Name": [self.said]}, found)


class TestWhatIsNoJSON(base.TestCase):
    def test_it_is_no_body(self) -> None:
        for content in (b"", b" ", b"<html>", b'{"a": "\x00"}', b"[" * 100_000, b"\xff\xfe"):
            self.assertIsNone(read(content), content[:20])

    def test_a_long_number_is_a_number(self) -> None:
        self.assertEqual(10**30, read(json.dumps(10**30).encode()))
