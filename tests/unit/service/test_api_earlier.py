# SPDX-License-Identifier: Apache-2.0

"""Deprecated paths of pod managers, for clients of earlier releases."""

from typing import Any

from tests.unit.service import base


class TestPodManagers(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start()

    def body(self, **changes: Any) -> dict[str, Any]:
        credentials = {"username": "admin", "password": "admin"}
        return {
            "name": "podm1",
            "url": self.pod.url,
            "driver": "redfishv1",
            "authentication": [{"type": "basic", "auth_items": credentials}],
            **changes,
        }

    def test_one_is_registered_shown_listed_changed_and_deleted(self) -> None:
        created = self.api("POST", "/v1/pod_managers", self.body())
        self.assertEqual(200, created.status_code, created.get_data(as_text=True))
        path = f"/v1/pod_managers/{created.json['uuid']}"
        self.assertEqual(created.json, self.api("GET", path).json)
        self.assertEqual([created.json], self.api("GET", "/v1/pod_managers").json)
        changed = self.api("PATCH", path, {"name": "podm2"}).json
        self.assertEqual(("podm2", "online"), (changed["name"], changed["status"]))
        self.assertEqual(204, self.api("DELETE", path).status_code)
        self.assertEqual([], self.api("GET", "/v1/pod_managers").json)

    def test_it_is_the_same_pod_manager_at_the_current_path(self) -> None:
        uuid = self.api("POST", "/v1/pod_managers", self.body()).json["uuid"]
        current = self.api("GET", f"/v1/podmanagers/{uuid}").json
        self.assertEqual(("podm1", "admin"), (current["name"], current["username"]))

    def test_the_password_is_not_shown(self) -> None:
        answer = self.api("POST", "/v1/pod_managers", self.body())
        expected = {"type": "basic", "auth_items": {"username": "admin"}}
        self.assertEqual([expected], answer.json["authentication"])

    def test_new_credentials_are_tried(self) -> None:
        uuid = self.api("POST", "/v1/pod_managers", self.body()).json["uuid"]
        wrong = {"type": "basic", "auth_items": {"username": "admin", "password": "wrong"}}
        answer = self.api("PATCH", f"/v1/pod_managers/{uuid}", {"authentication": [wrong]})
        self.assertRefused(400, "valence.podmanager.unauthorized", answer)

    def test_a_request_without_authentication_is_refused(self) -> None:
        body = self.body()
        del body["authentication"]
        for wrong in (body, self.body(authentication=[]), self.body(authentication=[{}])):
            answer = self.api("POST", "/v1/pod_managers", wrong)
            self.assertRefused(400, "valence.request.invalid", answer)
