# SPDX-License-Identifier: Apache-2.0

"""Listings of nodes: their fields, their errors, and their pages."""

from typing import Any
import uuid as uuids

import sqlalchemy as sa

from tests.unit.service import base
from valence.objects import node as node_objects
from valence_conductor import waiting

ODD = {"name": "\N{SNOWMAN} 7", "description": "two\nlines"}


class ListingTestCase(base.ServiceTestCase):
    def get(self, path: str) -> Any:
        answer = self.api("GET", path.replace("http://localhost", ""))
        self.assertEqual(200, answer.status_code, answer.get_data(as_text=True))
        return answer.json

    def pages(self, path: str) -> list[str]:
        """Follow the pages of a listing, and return the uuids in their order."""
        listed = []
        while path:
            page = self.get(path)
            listed += [node["uuid"] for node in page["nodes"]]
            path = page.get("next", "")
        return listed


class TestListed(ListingTestCase):
    def test_a_listed_node_equals_the_single_node(self) -> None:
        self.start()
        pod = self.simulate(systems=2)
        self.know(pod)
        nodes = [
            self.composed(name=ODD["name"], description=ODD["description"]),
            self.settled(self.compose(properties=base.TOO_MUCH)["uuid"]),
        ]
        listed = self.get("/v1/nodes")["nodes"]
        self.assertEqual(["composed", "error"], [node["state"] for node in listed])
        self.assertEqual(nodes, listed)
        self.assertEqual(list(nodes[0] or {}), list(listed[0]))
        self.assertEqual(
            [{"uuid": node["uuid"], "fault": node["fault"]} for node in listed],
            self.get("/v1/nodes?fields=uuid,fault")["nodes"],
        )


class TestUnavailable(ListingTestCase):
    """Two pod managers with a node each, one of which stops responding."""

    def setUp(self) -> None:
        super().setUp()
        self.start()
        self.podms, self.nodes = {}, {}
        for name in ("gone", "there"):
            podm = self.know(self.simulate(name, systems=1))["uuid"]
            self.podms[name], self.nodes[name] = podm, self.composed(name=name, podm_id=podm)
        self.assertEqual([], self.get("/v1/nodes")["errors"])
        self.simulators["gone"].stop()
        answer = self.api("GET", "/v1/nodes/gone?refresh=true")
        self.assertRefused(503, "valence.podmanager.unreachable", answer)

    def failing(self, query: str = "") -> list[str]:
        return [error["podm_name"] for error in self.get(f"/v1/nodes{query}")["errors"]]

    def test_one_that_is_down_keeps_its_nodes_and_costs_one_entry(self) -> None:
        answer = self.get("/v1/nodes")
        stale = {node["name"]: node["stale"] for node in answer["nodes"]}
        self.assertEqual({"gone": True, "there": False}, stale)
        (error,) = answer["errors"]
        self.assertEqual(
            (self.podms["gone"], "gone", "valence.podmanager.unreachable"),
            (error["podm_id"], error["podm_name"], error["code"]),
        )
        self.assertIn(self.simulators["gone"].url, error["reason"])
        self.assertEqual((None, None), (error["refreshed_at"], error["age"]))
        self.assertEqual(
            {**self.nodes["gone"], "stale": True},
            self.get(f"/v1/nodes/{self.nodes['gone']['uuid']}"),
        )
        self.assertFalse(self.get("/v1/nodes/there")["stale"])

    def test_it_is_in_the_errors_of_listings_that_may_have_its_nodes(self) -> None:
        for field in ("podm_id", "podm_uuid"):
            self.assertEqual(["gone"], self.failing(f"?{field}={self.podms['gone']}"))
            self.assertEqual([], self.failing(f"?{field}={self.podms['there']}"))
        self.assertEqual([], self.failing("?project_id=unknown"))
        # The state of its node may have changed meanwhile.
        self.assertEqual(["gone"], self.failing("?state=missing"))
        self.assertEqual(["gone"], self.failing("?limit=1&sort=name:desc&fields=uuid"))

    def test_when_it_responds_again_its_nodes_are_not_stale(self) -> None:
        self.simulators["gone"].start()
        self.assertFalse(self.get("/v1/nodes/gone?refresh=true")["stale"])
        self.assertEqual([], self.failing())

    def test_one_without_nodes_is_not_in_the_errors(self) -> None:
        self.api("DELETE", "/v1/nodes/there")
        self.settled("there")
        self.simulators["there"].stop()
        self.assertEqual(2, len(self.get("/v1/systems?refresh=true")["errors"]))
        self.assertEqual(["gone"], self.failing())


class TestPages(ListingTestCase):
    """Rows that were created at the same time, so that only their uuids order them."""

    def setUp(self) -> None:
        super().setUp()
        self.start()
        now = waiting.now()
        self.uuids = sorted(str(uuids.uuid4()) for _ in range(7))
        fresh = {"state": "error", "state_since": now, "created_at": now, "generation": 1}
        same = {**fresh, "fingerprint": "-", "properties": {}, "interfaces": []}
        rows = [{**same, "uuid": uuid, "name": f"n-{uuid}"} for uuid in self.uuids]
        with self.service.db.writer() as session:
            session.execute(sa.insert(node_objects.Node), rows)

    def test_every_row_is_on_one_page_in_every_order(self) -> None:
        for key in ("uuid", "name", "state", "created_at"):
            self.assertEqual(self.uuids, self.pages(f"/v1/nodes?limit=2&sort={key}"))
            down = self.pages(f"/v1/nodes?limit=3&sort={key}:desc")
            self.assertEqual(self.uuids[::-1], down, key)
