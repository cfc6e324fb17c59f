# SPDX-License-Identifier: Apache-2.0

"""Bodies of responses as firmware writes them."""

import json
from typing import Any

import testscenarios

from tests import base
from valence.podmanagers.http import body
from valence.podmanagers.odata import UNREADABLE


class TestParse(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (name, {"content": content, "value": value})
        for name, content, value in [
            ("UTF-8", '{"a": "\N{SNOWMAN}"}'.encode(), {"a": "\N{SNOWMAN}"}),
            ("a byte order mark", b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
            ("UTF-16", '{"a": "\u00e9"}'.encode("utf-16"), {"a": "\u00e9"}),
            ("UTF-16 without a mark", '{"a": 1}'.encode("utf-16-be"), {"a": 1}),
            ("UTF-32", '{"a": 1}'.encode("utf-32"), {"a": 1}),
            (
                "bytes of an erased FRU",
                b'{"a": "\xff\xff", "b": 1}',
                {"a": UNREADABLE * 2, "b": 1},
            ),
            ("Latin-1", b'{"a": "M\xfcller"}', {"a": f"M{UNREADABLE}ller"}),
            ("half of a surrogate pair", rb'{"a": "x\ud800"}', {"a": f"x{UNREADABLE}"}),
            ("a pair in bytes of its own", b'{"a": "\xed\xa0\x80"}', {"a": UNREADABLE * 3}),
            ("a pair", rb'{"a": "\ud83d\ude00"}', {"a": "\N{GRINNING FACE}"}),
            ("an escaped NUL", rb'{"a": "x\u0000"}', {"a": "x"}),
            ("a NUL", b'{"a": "x\x00"}', {"a": "x"}),
            ("a NUL in a key", rb'{"a\u0000": 1}', {"a": 1}),
            ("a line feed", b'{"a": "x\ny"}', {"a": "x\ny"}),
            (
                "an escape that is none",
                rb'{"a": "C:\path", "b": "\\x"}',
                {"a": "C:\ufffdpath", "b": "\\x"},
            ),
            ("half of an escape", rb'{"a": "\u12", "b": 1}', {"a": "\ufffdu12", "b": 1}),
            ("NULs behind it", b'{"a": 1}\r\n\x00\x00', {"a": 1}),
            ("a key twice", b'{"a": 1, "a": 2}', {"a": 2}),
            ("a very large number", b'{"a": 1e400, "b": 1}', {"a": float("inf"), "b": 1}),
            ("infinity", b'{"a": -Infinity}', {"a": float("-inf")}),
            ("a very long integer", b'{"a": %s}' % (b"9" * 5000), {"a": float("inf")}),
            ("an integer of 30 digits", b'{"a": %d}' % 10**30, {"a": 10**30}),
            ("a bare string", b'"a"', "a"),
            ("a bare number", b"7", 7),
            ("100 levels", b"[" * 100 + b"]" * 100, json.loads("[" * 100 + "]" * 100)),
        ]
    ]
    content: bytes
    value: Any

    def test_whatever_is_readable_is_read(self) -> None:
        self.assertEqual(self.value, body.parse(self.content))


class TestNoJSON(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (str(content[:20]), {"content": content})
        for content in (
            b"",
            b"\x00",
            b"<html>",
            b"\xff\xfe",
            b'{"a": 1} {"b": 2}',
            b'{"a": 1,}',
            b'{"a": 1',
            b"{'a': 1}",
            b'{"a": 007}',
            b"[" * 101 + b"]" * 101,
            b"[" * 100_000 + b"]" * 100_000,
            b'{"a":' * 100_000,
        )
    ]
    content: bytes

    def test_it_is_refused_as_a_whole(self) -> None:
        self.assertRaises(ValueError, body.parse, self.content)
