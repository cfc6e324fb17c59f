# SPDX-License-Identifier: Apache-2.0

"""What responses of Ironic, and of what stands in front of it, mean to a registration."""

import json
from typing import Any

import testscenarios

from tests.unit.service import fake_redfish
from tests.unit.service import test_ironic as ironic
from valence import errors

HTML = "<html><head><title>Not here</title></head></html>"
IS_FOREIGN = "not one of Ironic's"
IS_DOWN = "Check that it is running"
CREDENTIALS = "Check the credentials"
NODE = (ironic.UUID, ironic.COMPOSED)


def answer(status: int, body: Any = None, **headers: str) -> fake_redfish.Canned:
    return fake_redfish.ok(body, status, **headers)


def own(status: int, message: Any) -> fake_redfish.Canned:
    """Return an error whose ``error_message`` is any JSON."""
    return answer(status, {"error_message": message})


class TestRefusals(testscenarios.WithScenarios, ironic.IronicTestCase):
    """Ironic's own decision: its words at once, and no second request."""

    FAULT = {"faultcode": "Client", "faultstring": "Not so.", "debuginfo": None}
    scenarios = [
        (name, {"answer": answered, "words": words})
        for name, answered, words in [
            ("400", ironic.fault(400, "Not so."), "Not so."),
            ("403 protected", ironic.fault(403, "Node n is protected."), "Node n is protected."),
            ("409", ironic.fault(409, "Instance x is taken."), "Instance x is taken."),
            ("410", answer(410, None), "HTTP 410 Gone"),
            ("413 of a proxy", answer(413, HTML, Retry_After="2"), "HTTP 413"),
            ("a message as an object", own(400, FAULT), "Not so."),
            ("a message in a message", own(400, json.dumps(FAULT)), "Not so."),
            ("a description", own(400, json.dumps({"description": "Not so."})), "Not so."),
            ("plain text", own(400, "Not so."), "Not so."),
            ("text that is a number", own(400, "5"), "5"),
            ("no message", own(400, None), "HTTP 400 Bad Request"),
            ("an empty message", own(400, ""), "HTTP 400 Bad Request"),
            ("a list", answer(400, [1]), "HTTP 400 Bad Request"),
            ("null", answer(400, "null"), "HTTP 400 Bad Request"),
            ("a page", answer(400, HTML), "HTTP 400 Bad Request (Not here)"),
            ("nothing", answer(403), "HTTP 403 Forbidden"),
        ]
    ]
    answer: fake_redfish.Canned
    words: str

    def test_a_refusal_has_the_words_and_is_not_repeated(self) -> None:
        self.transport.on("DELETE", ironic.NODE, self.answer)
        refusal = self.assertRaises(errors.IronicRefused, self.ironic.delete_node, *NODE)
        self.assertIn(self.words, str(refusal.own_words))
        self.assertNotIn(CREDENTIALS, refusal.detail)
        self.assertEqual(1, self.transport.asked.count(f"DELETE {ironic.NODE}"))
        self.assertEqual([], self.pauses)


class TestUnusable(testscenarios.WithScenarios, ironic.IronicTestCase):
    """No decision of Ironic: nothing is concluded, and the flows send the request again."""

    scenarios = [
        (name, {"answer": answered, "advice": advice})
        for name, answered, advice in [
            ("401", ironic.fault(401, "Who are you?"), CREDENTIALS),
            ("401 of a proxy", answer(401, HTML), CREDENTIALS),
            ("404 of a proxy", answer(404, HTML), IS_FOREIGN),
            ("404 without a body", answer(404), IS_FOREIGN),
            ("404 of another service", answer(404, {"error": {"message": "No."}}), IS_FOREIGN),
            ("404 of Ironic for a path", ironic.fault(404, "No such resource."), IS_FOREIGN),
            ("404 for another node", ironic.fault(404, "Node x was not found."), IS_FOREIGN),
            ("408", answer(408), IS_DOWN),
            ("429", answer(429, {}, Retry_After="1"), IS_DOWN),
            ("500", ironic.fault(500, "Oops"), IS_DOWN),
            ("502", answer(502, HTML), IS_DOWN),
            ("503 with Retry-After", answer(503, None, Retry_After="2"), IS_DOWN),
            ("200 with a page", answer(200, HTML), IS_FOREIGN),
            ("200 without a body", answer(200), IS_FOREIGN),
            ("200 with a list", answer(200, []), IS_FOREIGN),
            ("200 of another form", answer(200, {}), IS_FOREIGN),
            ("another node", ironic.node(uuid=ironic.OTHER), IS_FOREIGN),
        ]
    ]
    answer: fake_redfish.Canned
    advice: str

    def test_nothing_is_concluded_from_it(self) -> None:
        self.transport.on("GET", ironic.NODE, self.answer)
        for call in (self.ironic.delete_node, self.ironic.evict_node, self.ironic.delete_unused):
            failure = self.assertRaises(errors.IronicUnavailable, call, *NODE)
            self.assertIn(self.advice, failure.detail)
        self.assertEqual({f"GET {ironic.NODE}"}, set(self.transport.asked))


class TestListings(ironic.IronicTestCase):
    FIELDS = "uuid,provision_state,reservation,instance_uuid,extra,driver_info"
    PATH = f"/v1/nodes/?fields={FIELDS}"

    def test_a_listing_that_is_not_one_is_not_empty(self) -> None:
        for body in ({}, {"servers": []}, {"nodes": None}, [], HTML, None):
            self.transport.on("GET", self.PATH, answer(200, body))
            self.assertRaises(errors.IronicUnavailable, self.ironic.list_marked)

    def test_a_listing_with_a_page_that_fails_is_not_shorter(self) -> None:
        first = {"nodes": [{"uuid": "a", "extra": {"valence_node": "b"}}]}
        following = f"{ironic.URL}{self.PATH}&marker=a"
        self.transport.on("GET", self.PATH, answer(200, {**first, "next": following}))
        for failing in (answer(404, HTML), answer(410, HTML), answer(200, {})):
            self.transport.on("GET", f"{self.PATH}&marker=a", failing)
            self.assertRaises(errors.ValenceError, self.ironic.list_marked)
        self.transport.on("GET", f"{self.PATH}&marker=a", answer(200, {"nodes": []}))
        self.assertEqual(["a"], [node.uuid for node in self.ironic.list_marked()])


class TestVersions(ironic.IronicTestCase):
    def test_an_ironic_that_is_too_old_is_refused_with_its_range(self) -> None:
        versions = {
            "X-OpenStack-Ironic-API-Minimum-Version": "1.1",
            "X-OpenStack-Ironic-API-Maximum-Version": "1.31",
        }
        self.transport.on("POST", "/v1/nodes", (406, None, versions))
        self.transport.on("GET", "/v1", (200, {"id": "v1"}, versions))
        refusal = self.assertRaises(errors.IronicRefused, self.create)
        self.assertIn("1.31", str(refusal.own_words))
        self.assertIn("Upgrade Ironic", refusal.detail)

    def test_a_406_of_another_service_is_refused(self) -> None:
        self.transport.on("POST", "/v1/nodes", answer(406, HTML))
        refusal = self.assertRaises(errors.IronicRefused, self.create)
        self.assertIn(IS_FOREIGN, refusal.detail)
