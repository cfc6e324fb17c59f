# SPDX-License-Identifier: Apache-2.0

"""Paths that earlier clients know."""

from typing import Any

from tests.unit.service import base


class TestPodManagers(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start()

    def body(self, **changes: Any) -> dict[str, Any]:
        known = {"username": "admin", "password": "admin"}
        return {
            "name": "podm1",
            "url": self.pod.url,
            "driver": "redfishv1",
            "authentication": [{"type": "basic", "auth_items": known}],
            **changes,
        }

    def test_one_is_made_known_shown_listed_changed_and_forgotten(self) -> None:
        made = self.api("POST", "/v1/pod_managers", self.body())
        self.assertEqual(200, made.status_code, made.get_data(as_text=True))
        path = f"/v1/pod_managers/{made.json['uuid']}"
        self.assertEqual(made.json, self.api("GET", path).json)
        self.assertEqual([made.json], self.api("GET", "/v1/pod_managers").json)
        changed = self.api("PATCH", path, {"name": "podm2"}).json
        self.assertEqual(("podm2", "online"), (changed["name"], changed["status"]))
        self.assertEqual(204, self.api("DELETE", path).status_code)
        self.assertEqual([], self.api("GET", "/v1/pod_managers").json)

    def test_it_is_the_same_pod_manager_by_its_path_of_today(self) -> None:
        uuid = self.api("POST", "/v1/pod_managers", self.body()).json["uuid"]
        today = self.api("GET", f"/v1/podmanagers/{uuid}").json
        self.assertEqual(("podm1", "admin"), (today["name"], today["username"]))

    def test_the_password_is_not_shown_any_more(self) -> None:
        answer = self.api("POST", "/v1/pod_managers", self.body())
        known = {"type": "basic", "auth_items": {"username": "admin"}}
        self.assertEqual([known], answer.json["authentication"])

    def test_new_credentials_are_tried(self) -> None:
        uuid = self.api("POST", "/v1/pod_managers", self.body()).json["uuid"]
        wrong = {"type": "basic", "auth_items": {"username": "admin", "password": "wrong"}}
        answer = self.api("PATCH", f"/v1/pod_managers/{uuid}", {"authentication": [wrong]})
        self.assertRefused(400, "valence.podmanager.unauthorized", answer)

    def test_what_has_no_authentication_is_refused_as_it_was(self) -> None:
        body = self.body()
        del body["authentication"]
        for wrong in (body, self.body(authentication=[]), self.body(authentication=[{}])):
            answer = self.api("POST", "/v1/pod_managers", wrong)
            self.assertRefused(400, "valence.request.invalid", answer)
