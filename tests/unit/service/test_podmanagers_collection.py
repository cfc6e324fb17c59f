# SPDX-License-Identifier: Apache-2.0

"""Collections: pages, and members that come with them."""

from typing import Any
from unittest import mock

import testscenarios

from tests import base
from tests.unit.service import fake_redfish
from valence import errors
from valence.podmanagers.redfish import collection

THINGS = "/redfish/v1/Things"


class TestExpansion(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (str(said), {"said": said, "query": query})
        for said, query in [
            ({}, None),
            ({"ExpandAll": False, "NoLinks": False, "Links": True, "Levels": True}, None),
            ({"NoLinks": True, "ExpandAll": True, "Levels": True}, "$expand=.($levels=1)"),
            ({"NoLinks": True}, "$expand=."),
            ({"ExpandAll": True, "Levels": True, "MaxLevels": 2}, "$expand=*($levels=1)"),
            ({"ExpandAll": True}, "$expand=*"),
            ({"NoLinks": "true"}, None),
        ]
    ]
    said: dict[str, Any]
    query: str | None

    def test_expansion(self) -> None:
        root = {"ProtocolFeaturesSupported": {"ExpandQuery": self.said}}
        self.assertEqual(self.query, collection.expansion(root))


class TestCollections(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.transport = fake_redfish.Transport()
        self.collections = collection.Collections(fake_redfish.client(self.transport))
        features = {"ExpandQuery": {"NoLinks": True}}
        self.collections.learn({"ProtocolFeaturesSupported": features})

    def on(self, path: str, *members: Any, **more: Any) -> None:
        self.transport.on("GET", path, fake_redfish.ok(fake_redfish.page(path, *members, **more)))

    def walk(self) -> list[str]:
        first = self.collections.first(THINGS, expanded=True)
        return [path for path, _ in self.collections.walk(THINGS, first)]

    def test_members_come_with_it(self) -> None:
        self.on(f"{THINGS}?$expand=.", {"@odata.id": f"{THINGS}/1", "Name": "one"})
        first = self.collections.first(THINGS, expanded=True)
        ((path, member),) = self.collections.walk(THINGS, first)
        self.assertEqual((f"{THINGS}/1", "one"), (path, member["Name"]))

    def test_one_that_cannot_do_what_it_says_is_asked_once(self) -> None:
        self.on(THINGS, f"{THINGS}/1")
        for status in (400, 404, 500, 501):
            self.collections.learn(
                {"ProtocolFeaturesSupported": {"ExpandQuery": {"NoLinks": True}}}
            )
            self.transport.on("GET", f"{THINGS}?$expand=.", fake_redfish.refusal(status))
            self.transport.requests.clear()
            self.assertEqual([f"{THINGS}/1"], self.walk())
            self.assertEqual([f"{THINGS}/1"], self.walk())
            asked = [f"GET {THINGS}?$expand=.", f"GET {THINGS}", f"GET {THINGS}"]
            self.assertEqual(asked, self.transport.asked)

    def test_the_next_page_is_where_the_link_says_however_it_says_it(self) -> None:
        for link in (
            f"{THINGS}?$skip=1",
            f"https://10.0.0.1:8443{THINGS}?$skip=1",
            "?$skip=1",
            {"@odata.id": f"{THINGS}?$skip=1"},
        ):
            self.on(f"{THINGS}?$expand=.", f"{THINGS}/1", **{"Members@odata.nextLink": link})
            self.on(f"{THINGS}?$skip=1", f"{THINGS}/2")
            self.assertEqual([f"{THINGS}/1", f"{THINGS}/2"], self.walk(), link)

    def test_a_count_is_not_needed(self) -> None:
        body = {"Members": [{"@odata.id": f"{THINGS}/1"}]}
        self.transport.on("GET", f"{THINGS}?$expand=.", fake_redfish.ok(body))
        self.assertEqual([f"{THINGS}/1"], self.walk())

    def test_pages_without_end_end(self) -> None:
        for number in range(9):
            path = f"{THINGS}?$skip={number}" if number else f"{THINGS}?$expand=."
            link = {"Members@odata.nextLink": f"{THINGS}?$skip={number + 1}"}
            self.on(path, f"{THINGS}/{number}", **link)
        with mock.patch.object(collection, "PAGES", 5):
            exc = self.assertRaises(errors.PodManagerFailed, self.walk)
        self.assertIn("no end after 5 pages", exc.detail)
        self.assertEqual(5, len(self.transport.requests))
