# SPDX-License-Identifier: Apache-2.0

"""Flavors, and the pages and filters of all collections."""

from typing import Any
import uuid as uuids

from tests.unit.service import base
from valence.api.schemas import base as base_schemas

SMALL: dict[str, Any] = {"name": "small", "properties": base.FOUR_CORES}


class TestFlavors(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def create(self, name: str, **fields: Any) -> dict[str, Any]:
        answer = self.api("POST", "/v1/flavors", {**SMALL, "name": name, **fields})
        self.assertEqual(201, answer.status_code)
        return dict(answer.json)

    def names(self, query: str = "") -> list[str]:
        answer = self.api("GET", f"/v1/flavors{query}")
        return [flavor["name"] for flavor in answer.json["flavors"]]

    def test_a_flavor_is_created_shown_changed_and_deleted(self) -> None:
        flavor = self.create("small", description="four cores")
        self.assertEqual(flavor, self.api("GET", "/v1/flavors/small").json)
        self.assertEqual(flavor, self.api("GET", f"/v1/flavors/{flavor['uuid']}").json)
        self.assertEqual(flavor, self.api("GET", f"/v1/flavors/{flavor['uuid'].upper()}").json)
        changed = self.api("PATCH", "/v1/flavors/small", {"name": "tiny", "description": None})
        self.assertEqual(("tiny", None), (changed.json["name"], changed.json["description"]))
        self.assertIsNotNone(changed.json["updated_at"])
        self.assertEqual(204, self.api("DELETE", "/v1/flavors/tiny").status_code)
        self.assertEqual([], self.names())

    def test_a_description_of_the_maximum_length_is_stored_and_a_longer_one_is_refused(
        self,
    ) -> None:
        longest = "\N{ROCKET}" * base_schemas.TEXT["maxLength"]
        self.assertEqual(longest, self.create("small", description=longest)["description"])
        answer = self.api("POST", "/v1/flavors", {**SMALL, "description": longest + "."})
        self.assertRefused(400, "valence.request.invalid", answer)

    def test_location_is_the_url_of_the_flavor(self) -> None:
        answer = self.api("POST", "/v1/flavors", SMALL)
        path = answer.headers["Location"].removeprefix("http://localhost")
        self.assertEqual(answer.json, self.api("GET", path).json)

    def test_the_same_request_again_is_the_same_flavor(self) -> None:
        body = {**SMALL, "uuid": str(uuids.uuid4())}
        self.assertEqual(201, self.api("POST", "/v1/flavors", body).status_code)
        self.assertEqual(200, self.api("POST", "/v1/flavors", body).status_code)
        other = {**body, "description": "another"}
        answer = self.api("POST", "/v1/flavors", other)
        self.assertRefused(409, "valence.flavor.duplicate", answer)

    def test_names_are_unique(self) -> None:
        self.create("small")
        self.create("large")
        answer = self.api("POST", "/v1/flavors", SMALL)
        self.assertRefused(409, "valence.flavor.duplicate", answer)
        answer = self.api("PATCH", "/v1/flavors/large", {"name": "small"})
        self.assertRefused(409, "valence.flavor.duplicate", answer)
        self.assertEqual(200, self.api("PATCH", "/v1/flavors/small", SMALL).status_code)

    def test_pages_are_followed_to_the_end_in_any_order(self) -> None:
        for name in ("b", "d", "a", "e", "c"):
            self.create(name)
        for sort, expected in (
            ("name", "abcde"),
            ("name:desc", "edcba"),
            ("created_at", "bdaec"),
            ("created_at:desc", "ceadb"),
        ):
            names, url = [], f"/v1/flavors?limit=2&sort={sort}"
            while url:
                page = self.api("GET", url).json
                names += [flavor["name"] for flavor in page["flavors"]]
                url = page.get("next", "").removeprefix("http://localhost")
            self.assertEqual(list(expected), names)

    def test_fields_and_filters_are_kept_over_pages(self) -> None:
        for name in ("a", "b"):
            self.create(name)
        page = self.api("GET", "/v1/flavors?limit=1&fields=name&sort=name").json
        self.assertEqual([{"name": "a"}], page["flavors"])
        page = self.api("GET", page["next"].removeprefix("http://localhost")).json
        self.assertEqual({"flavors": [{"name": "b"}]}, page)
        self.assertEqual(["b"], self.names("?name=b"))

    def test_an_unknown_field_is_refused(self) -> None:
        self.create("a")
        answer = self.api("GET", "/v1/flavors?fields=colour")
        self.assertRefused(400, "valence.request.invalid", answer)
