# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Listings of nodes: what they say of each, and how they are paged."""

from typing import Any
import uuid as uuids

import sqlalchemy as sa

from tests.unit.service import base
from valence.objects import node as nodes
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
            session.execute(sa.insert(nodes.Node), rows)

    def test_every_row_is_on_one_page_in_every_order(self) -> None:
        for key in ("uuid", "name", "state", "created_at"):
            self.assertEqual(self.uuids, self.pages(f"/v1/nodes?limit=2&sort={key}"))
            down = self.pages(f"/v1/nodes?limit=3&sort={key}:desc")
            self.assertEqual(self.uuids[::-1], down, key)
