# SPDX-License-Identifier: Apache-2.0

"""JSON of a pod manager's response, as a database can store it."""

import json
from typing import Any

import requests
import testscenarios

from tests import base
from valence.podmanagers.http.exchange import Exchange


def parsed(content: bytes) -> Any:
    return Exchange("http://pod", "GET", "/", requests.Response(), content).json


class TestText(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (name, {"raw": raw, "text": text})
        for name, raw, text in [
            ("NUL is dropped", r"rack\u00007", "rack7"),
            ("several NULs are dropped", r"\u0000\u0000", ""),
            ("a backslash before NUL stays", r"a\\\u0000b", "a\\b"),
            ("an escaped backslash before u0000 stays", r"a\\u0000b", r"a\u0000b"),
            ("half of a surrogate pair cannot be decoded", r"a\ud83db", "a\ufffdb"),
            ("a surrogate pair is the character", r"\ud83d\ude00", "\N{GRINNING FACE}"),
            ("any other escape stays", r"\u00e9\n", "\u00e9\n"),
        ]
    ]
    raw: str
    text: str

    def test_every_string_of_a_response_can_be_stored(self) -> None:
        self.assertEqual(
            {"Name": [self.text]}, parsed(b'{"Name": ["' + self.raw.encode() + b'"]}')
        )


class TestInvalidJSON(base.TestCase):
    def test_it_is_no_body(self) -> None:
        for content in (b"", b" ", b"<html>", b"[" * 100_000, b"\xff\xfe"):
            self.assertIsNone(parsed(content), content[:20])

    def test_a_long_number_is_a_number(self) -> None:
        self.assertEqual(10**30, parsed(json.dumps(10**30).encode()))
