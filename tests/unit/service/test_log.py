# SPDX-License-Identifier: Apache-2.0

"""One line for each change of a node's state, and no secret in any line."""

from tests import log_lines
from tests.unit.service import base

SECRET = "correct-horse-battery"


class TestLog(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.log = self.useFixture(log_lines.LogLines())
        self.start()
        self.know(self.pod)

    def test_each_change_is_one_line_with_the_id_of_its_request(self) -> None:
        answer = self.api("POST", "/v1/nodes", {"properties": base.FOUR_CORES})
        uuid, request = answer.json["uuid"], answer.headers["X-Openstack-Request-Id"]
        self.settled(uuid)
        self.api("POST", f"/v1/nodes/{uuid}/register", {})
        self.settled(uuid)
        self.api("POST", f"/v1/nodes/{uuid}/unregister")
        self.settled(uuid)
        self.api("DELETE", f"/v1/nodes/{uuid}")
        self.assertIsNone(self.settled(uuid))
        self.assertEqual(
            [
                "(new) -> composing 1",
                "composing -> composed 1",
                "composed -> registering 2",
                "registering -> composed 2",
                "composed -> unregistering 3",
                "unregistering -> composed 3",
                "composed -> releasing 4",
                "releasing -> (gone) 4",
            ],
            self.log.changes(uuid),
        )
        requests = self.log.requests(uuid)
        self.assertEqual([request, request], requests[:2])
        self.assertEqual(4, len(set(requests)))

    def test_a_failed_compose_is_logged_in_the_same_way(self) -> None:
        uuid = self.compose(properties=base.TOO_MUCH)["uuid"]
        self.settled(uuid)
        self.assertEqual(["(new) -> composing 1", "composing -> error 1"], self.log.changes(uuid))

    def test_no_line_contains_the_password_of_a_pod_manager(self) -> None:
        other = self.simulate("pod-2")
        other.sessions._password = SECRET
        body = {"name": "p", "url": other.url, "username": "admin", "password": SECRET}
        self.assertEqual(201, self.api("POST", "/v1/podmanagers", body).status_code)
        podm = self.api("GET", "/v1/podmanagers/p").json["uuid"]
        uuid = self.composed(podm_id=podm)["uuid"]
        self.api("POST", f"/v1/nodes/{uuid}/register", {})
        self.settled(uuid)
        self.assertEqual([], [line for line in self.log.lines() if SECRET in line])
