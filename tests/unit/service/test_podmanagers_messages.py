# SPDX-License-Identifier: Apache-2.0

"""The reason of an error, in the pod manager's own words."""

from typing import Any

import testscenarios

from tests import base
from valence.podmanagers import messages

EXTENDED = "@Message.ExtendedInfo"


class TestReason(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (name, {"body": body, "text": text, "reason": reason})
        for name, body, text, reason in [
            (
                "every message of the extended info",
                {"error": {"message": "See", EXTENDED: [{"Message": "a"}, {"Message": "b"}]}},
                "",
                "a; b",
            ),
            ("a message once", {"error": {EXTENDED: [{"Message": "a"}] * 2}}, "", "a"),
            ("one that is no list", {"error": {EXTENDED: {"Message": "a"}}}, "", "a"),
            ("one of strings", {"error": {EXTENDED: ["a"]}}, "", "a"),
            (
                "beside the error",
                {"error": {"message": "See"}, EXTENDED: [{"Message": "a"}]},
                "",
                "a",
            ),
            (
                "an id where there is no message",
                {"error": {EXTENDED: [{"MessageId": "X.1"}]}},
                "",
                "X.1",
            ),
            (
                "the message where there is no more",
                {"error": {"message": "a", EXTENDED: []}},
                "",
                "a",
            ),
            (
                "the code where there is no message",
                {"error": {"code": "Base.1.0.X"}},
                "",
                "Base.1.0.X",
            ),
            ("an error that is a string", {"error": "a"}, "", "a"),
            ("a message without an error", {"message": "a"}, "", "a"),
            ("JSON that is a string", "a", "", "a"),
            (
                "the title of a page",
                None,
                "<html><title>502 Bad\nGateway</title><p>x",
                "502 Bad Gateway",
            ),
            ("the heading of a page", None, "<html><h1>No <b>way</b></h1>", "No way"),
            ("a page without text", None, "<html>", None),
            ("text", None, "no\x00pe\r\n", "no pe"),
            ("nothing", None, "", None),
            ("null", {"error": None}, "", None),
            ("an empty object", {}, "{}", None),
            ("a number", 7, "7", "7"),
        ]
    ]
    reason: str | None
    body: Any
    text: str

    def test_reason(self) -> None:
        self.assertEqual(self.reason, messages.reason(self.body, self.text))


class TestLength(base.TestCase):
    def test_a_dump_is_cut(self) -> None:
        reason = messages.reason({"error": {"message": "x" * 10000}})
        self.assertEqual(messages.MAX_LENGTH + 3, len(reason or ""))

    def test_arguments_are_cut_before_they_multiply(self) -> None:
        info = {"Message": "%1" * 10**6, "MessageArgs": ["x" * 10**6]}
        reason = messages.reason({"@Message.ExtendedInfo": [info]})
        self.assertEqual(messages.MAX_LENGTH + 3, len(reason or ""))


class TestErrorInASuccess(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (name, {"body": body, "status": status})
        for name, body, status in [
            ("a number in the error", {"error": {"code": 404}}, 404),
            ("a number that is text", {"error": {"code": "409", "message": "m"}}, 409),
            ("a status in the error", {"error": {"status": 503, "code": "Base.1.0.X"}}, 503),
            ("a number beside the error", {"error": "nope", "code": 404}, 404),
            ("no number", {"error": {"code": "Base.1.0.GeneralError"}}, 500),
            ("the error is the number", {"error": 405}, 405),
            ("a resource that has a property of this name", {"@odata.id": "/x", "error": 1}, None),
            ("no error", {"Members": []}, None),
            ("an empty error", {"error": {}}, None),
            ("null", {"error": None}, None),
            (
                "success, as HPE iLO has it",
                {
                    "error": {
                        "code": "iLO.0.10.ExtendedInfo",
                        "message": "See @Message.ExtendedInfo for more information.",
                        "@Message.ExtendedInfo": [{"MessageId": "Base.1.4.Success"}],
                    }
                },
                None,
            ),
            ("success without a message", {"error": {"code": "Base.1.0.Success"}}, None),
            (
                "success, and a failure",
                {
                    "error": {
                        "code": "iLO.0.10.ExtendedInfo",
                        "@Message.ExtendedInfo": [
                            {"MessageId": "Base.1.4.Success"},
                            {"MessageId": "Base.1.4.PropertyNotWritable"},
                        ],
                    }
                },
                500,
            ),
            (
                "success under the code of a failure",
                {
                    "error": {
                        "code": "Base.1.0.GeneralError",
                        "@Message.ExtendedInfo": ["Base.1.4.Success"],
                    }
                },
                500,
            ),
            ("only what would hold messages", {"error": {"code": "iLO.0.10.ExtendedInfo"}}, 500),
        ]
    ]
    status: int | None
    body: dict[str, Any]

    def test_status(self) -> None:
        self.assertEqual(self.status, messages.error_status(self.body))
