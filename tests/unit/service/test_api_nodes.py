# SPDX-License-Identifier: Apache-2.0

"""Listings of nodes: what they say of each, and how they are paged."""

from typing import Any
import uuid as uuids

import sqlalchemy as sa

from tests.unit.service import base
from valence.objects import node as node_objects
from valence_conductor import waiting

#: Of what no two rows have to agree in.
ODD = {"name": "\N{SNOWMAN} 7", "description": "two\nlines"}


class ListingTestCase(base.ServiceTestCase):
    def get(self, path: str) -> Any:
        answer = self.api("GET", path.replace("http://localhost", ""))
        self.assertEqual(200, answer.status_code, answer.get_data(as_text=True))
        return answer.json

    def pages(self, path: str) -> list[str]:
        """Follow the pages of a listing, and give the uuids in their order."""
        found = []
        while path:
            page = self.get(path)
            found += [node["uuid"] for node in page["nodes"]]
            path = page.get("next", "")
        return found


class TestListed(ListingTestCase):
    def test_a_listed_node_is_the_node_that_is_shown(self) -> None:
        self.start()
        pod = self.simulate(systems=2)
        self.know(pod)
        whole = [
            self.composed(name=ODD["name"], description=ODD["description"]),
            self.settled(self.compose(properties=base.TOO_MUCH)["uuid"]),
        ]
        listed = self.get("/v1/nodes")["nodes"]
        self.assertEqual(["composed", "error"], [node["state"] for node in listed])
        self.assertEqual(whole, listed)
        self.assertEqual(list(whole[0] or {}), list(listed[0]))
        self.assertEqual(
            [{"uuid": node["uuid"], "fault": node["fault"]} for node in listed],
            self.get("/v1/nodes?fields=uuid,fault")["nodes"],
        )


class TestUnwell(ListingTestCase):
    """Two pod managers with a node each; one of them goes away."""

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

    def told(self, query: str = "") -> list[str]:
        return [trouble["podm_name"] for trouble in self.get(f"/v1/nodes{query}")["errors"]]

    def test_one_that_is_down_keeps_its_nodes_and_costs_one_entry(self) -> None:
        answer = self.get("/v1/nodes")
        stale = {node["name"]: node["stale"] for node in answer["nodes"]}
        self.assertEqual({"gone": True, "there": False}, stale)
        (trouble,) = answer["errors"]
        self.assertEqual(
            (self.podms["gone"], "gone", "valence.podmanager.unreachable"),
            (trouble["podm_id"], trouble["podm_name"], trouble["code"]),
        )
        self.assertIn(self.simulators["gone"].url, trouble["reason"])
        self.assertEqual((None, None), (trouble["refreshed_at"], trouble["age"]))
        self.assertEqual(
            {**self.nodes["gone"], "stale": True},
            self.get(f"/v1/nodes/{self.nodes['gone']['uuid']}"),
        )
        self.assertFalse(self.get("/v1/nodes/there")["stale"])

    def test_it_is_told_of_where_the_listing_is_about_it(self) -> None:
        for field in ("podm_id", "podm_uuid"):
            self.assertEqual(["gone"], self.told(f"?{field}={self.podms['gone']}"))
            self.assertEqual([], self.told(f"?{field}={self.podms['there']}"))
        self.assertEqual([], self.told("?project_id=nobodys"))
        # On it there may be one that only looks composed.
        self.assertEqual(["gone"], self.told("?state=missing"))
        self.assertEqual(["gone"], self.told("?limit=1&sort=name:desc&fields=uuid"))

    def test_when_it_answers_again_its_nodes_are_as_they_are(self) -> None:
        self.simulators["gone"].start()
        self.assertFalse(self.get("/v1/nodes/gone?refresh=true")["stale"])
        self.assertEqual([], self.told())

    def test_one_without_nodes_is_none_of_their_business(self) -> None:
        self.api("DELETE", "/v1/nodes/there")
        self.settled("there")
        self.simulators["there"].stop()
        self.assertEqual(2, len(self.get("/v1/systems?refresh=true")["errors"]))
        self.assertEqual(["gone"], self.told())


class TestPages(ListingTestCase):
    """Rows that were made at the same moment, which only their uuids tell apart."""

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
