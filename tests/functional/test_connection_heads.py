# SPDX-License-Identifier: Apache-2.0

"""Responses whose heads and lengths depart from RFC 9110 and RFC 9112."""

import json
from typing import ClassVar

import testscenarios

from tests.functional.connection_base import OddTestCase
from tests.functional.connection_base import THING
from tests.servers import odd
from valence import errors

BODY = json.dumps(THING).encode()
LENGTH = f"Content-Length: {len(BODY)}"


def response(status: str, *lines: str, body: bytes = b"") -> bytes:
    """The bytes of a response."""
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *lines, ""))
    return head.encode() + body


class HeadTestCase(OddTestCase):
    def answer(self, content: bytes) -> None:
        def send(handler: odd.Handler) -> None:
            handler.close_connection = True
            handler.wfile.write(content)

        for method in ("GET", "DELETE"):
            self.odd.answers[method, "/thing"] = send  # type: ignore[assignment]


OK = response("200 OK", LENGTH, body=BODY)


class TestReadable(testscenarios.WithScenarios, HeadTestCase):
    scenarios: ClassVar = [
        (name, {"content": content})
        for name, content in [
            ("after 100 Continue", response("100 Continue") + OK),
            ("after 102 Processing", response("102 Processing") + OK),
            ("after early hints", response("103 Early Hints", "Link: </x>") * 3 + OK),
            ("a line without a colon", response("200 OK", "garbage", LENGTH, body=BODY)),
            ("its status line twice", response("200 OK", "HTTP/1.1 200 OK", LENGTH, body=BODY)),
            ("a space before the colon", response("200 OK", f" {LENGTH}", LENGTH, body=BODY)),
            (
                "spaces before colons",
                response("200 OK", LENGTH.replace(":", " :"), "X : y", body=BODY),
            ),
            ("a field in two lines", response("200 OK", "X: a\r\n b", LENGTH, body=BODY)),
        ]
    ]
    content: bytes

    def test_the_resource_is_read(self) -> None:
        self.answer(self.content + b"what is not part of the response")
        self.assertEqual(THING, self.connect(self.odd.url).get("/thing"))


class TestUnreadable(testscenarios.WithScenarios, HeadTestCase):
    scenarios: ClassVar = [
        (name, {"content": content})
        for name, content in [
            ("only an interim response", response("102 Processing")),
            ("a head that is cut", b"HTTP/1.1 200 OK\r\nContent-Le"),
            ("a head without an end", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"),
            (
                "a chunk of a negative length",
                response("200 OK", "Transfer-Encoding: chunked", body=b"-5\r\n{}\r\n0\r\n\r\n"),
            ),
        ]
    ]
    content: bytes

    def test_it_is_no_response_and_a_change_was_not_made_by_it(self) -> None:
        self.answer(self.content)
        client = self.connect(self.odd.url)
        self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")
        self.assertRaises(errors.PodManagerUnreachable, client.delete, "/thing")


class TestInterim(HeadTestCase):
    def test_the_final_response_to_a_change_counts(self) -> None:
        self.answer(response("102 Processing") + response("500 E", "Content-Length: 0"))
        client = self.connect(self.odd.url)
        self.assertRaises(errors.PodManagerFailed, client.delete, "/thing")

    def test_another_protocol_is_no_response_to_a_change(self) -> None:
        self.answer(response("101 Switching Protocols", "Upgrade: x"))
        client = self.connect(self.odd.url)
        self.assertRaises(errors.PodManagerFailed, client.delete, "/thing")
