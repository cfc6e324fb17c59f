# SPDX-License-Identifier: Apache-2.0

"""Pod managers: checked before they are stored, and never with their password shown."""

import base64
from concurrent import futures
import logging
import tempfile
from typing import Any
from urllib import parse
import uuid as uuids

import fixtures

from tests.servers import certificates
from tests.unit.service import base
from valence.api import app
from valence.objects import podmanager as podmanager_objects
from valence_conductor import errors as conductor_errors


class TestPodManagers(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start()
        self.body: dict[str, Any] = {
            "name": "pod-1",
            "url": self.pod.url,
            "username": "admin",
            "password": "admin",
        }

    def refuse(self, status: int, code: str, **changes: Any) -> dict[str, Any]:
        answer = self.api("POST", "/v1/podmanagers", {**self.body, **changes})
        error = self.assertRefused(status, code, answer)
        self.assertEqual([], self.api("GET", "/v1/podmanagers").json["podmanagers"])
        return error

    def test_one_that_responds_is_online(self) -> None:
        podm = self.know(self.pod)
        self.assertEqual(
            ("rsd", "online", True), (podm["driver"], podm["status"], podm["verify_ca"])
        )
        self.assertEqual(podm, self.api("GET", "/v1/podmanagers/pod-1").json)

    def test_one_that_does_not_respond_is_refused(self) -> None:
        self.pod.stop()
        self.refuse(400, "valence.podmanager.unreachable")

    def test_wrong_credentials_are_refused(self) -> None:
        self.refuse(400, "valence.podmanager.unauthorized", password="wrong")

    def test_a_server_that_is_not_a_pod_manager_is_refused(self) -> None:
        self.fault(self.pod, "GET", ".*", times=9, action={"type": "garbage"})
        self.refuse(400, "valence.podmanager.failed")

    def test_text_with_a_nul_is_refused_before_the_database_is_queried(self) -> None:
        for field in ("name", "url", "username", "password"):
            with self.subTest(field):
                self.refuse(400, "valence.request.invalid", **{field: f"{self.pod.url}\x00"})
        answer = self.api("GET", "/v1/podmanagers?name=pod%001")
        self.assertRefused(400, "valence.request.invalid", answer)
        self.assertEqual(200, self.api("GET", r"/v1/podmanagers?name=pod\u00001").status_code)

    def test_text_of_every_script_is_stored_and_found(self) -> None:
        name = "Gestell 7 \N{CJK UNIFIED IDEOGRAPH-67B6} \N{ROCKET}"
        answer = self.api("POST", "/v1/podmanagers", {**self.body, "name": name})
        self.assertEqual(201, answer.status_code, answer.get_data(as_text=True))
        (podm,) = self.api("GET", f"/v1/podmanagers?name={parse.quote(name)}").json["podmanagers"]
        self.assertEqual(name, podm["name"])
        for field in ("name", "driver"):
            answer = self.api("GET", f"/v1/podmanagers?{field}=%F0%9F%9A%80")
            self.assertEqual([], answer.json["podmanagers"])

    def test_an_unknown_driver_is_refused(self) -> None:
        self.refuse(400, "valence.podmanager.failed", driver="telepathy")

    def test_names_urls_and_uuids_are_unique(self) -> None:
        podm = self.know(self.pod)
        other = self.simulate("pod-2")
        for changes in (
            {"url": other.url},
            {"name": "pod-2"},
            {"name": "pod-2", "url": self.pod.url.upper() + "/"},
            {"name": "pod-2", "url": other.url, "uuid": podm["uuid"]},
        ):
            answer = self.api("POST", "/v1/podmanagers", {**self.body, **changes})
            self.assertRefused(409, "valence.podmanager.duplicate", answer)

    def test_the_same_request_again_is_the_same_pod_manager(self) -> None:
        body = {**self.body, "uuid": str(uuids.uuid4())}
        self.assertEqual(201, self.api("POST", "/v1/podmanagers", body).status_code)
        self.assertEqual(200, self.api("POST", "/v1/podmanagers", body).status_code)

    def test_the_password_is_never_shown_and_stored_encrypted(self) -> None:
        self.pod.sessions._password = "hunter2"
        self.body["password"] = "hunter2"
        answer = self.api("POST", "/v1/podmanagers", self.body)
        self.assertNotIn("hunter2", answer.get_data(as_text=True))
        listed = self.api("GET", "/v1/podmanagers").get_data(as_text=True)
        self.assertNotIn("hunter2", listed)
        self.assertNotIn("password", listed)
        for path in self.folder.iterdir():
            self.assertNotIn(b"hunter2", path.read_bytes(), path)
        self.assertEqual(0o600, (self.folder / "credentials.keys").stat().st_mode & 0o777)

    def test_no_secret_is_in_the_log(self) -> None:
        self.pod.sessions._password = "hunter2"
        logged = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.start_again(podmanagers__session_after=0)
        self.body["password"] = "hunter2"
        self.assertEqual(201, self.api("POST", "/v1/podmanagers", self.body).status_code)
        self.api("PATCH", "/v1/podmanagers/pod-1", {"password": "hunter2"})
        self.api("PATCH", "/v1/podmanagers/pod-1", {"username": "unknown"})
        self.composed()
        (session,) = self.pod.sessions.all()
        self.assertIn("Logged in at", logged.output)
        for secret in ("hunter2", session.token, base64.b64encode(b"admin:hunter2").decode()):
            self.assertNotIn(secret, logged.output)

    def start_again(self, **options: Any) -> None:
        self.service.stop(5.0)
        self.start(**options)

    def test_new_access_is_tried_before_it_is_stored(self) -> None:
        podm = self.know(self.pod)
        path = f"/v1/podmanagers/{podm['uuid']}"
        answer = self.api("PATCH", path, {"password": "wrong"})
        self.assertRefused(400, "valence.podmanager.unauthorized", answer)
        self.composed()
        moved = self.simulate()
        answer = self.api("PATCH", path, {"url": moved.url + "/", "name": "moved"})
        self.assertEqual(("moved", moved.url), (answer.json["name"], answer.json["url"]))
        self.composed()
        self.assertEqual(1, len(moved.pod.nodes))

    def test_a_change_that_does_not_work_changes_nothing(self) -> None:
        self.know(self.pod)
        other = self.simulate("pod-2")
        self.know(other)
        before = self.api("GET", "/v1/podmanagers").json
        for changes, status in (
            ({"name": "new", "tags": ["new"], "username": "unknown"}, 400),
            ({"name": "new", "url": "http://127.0.0.1:1"}, 400),
            ({"name": "new", "driver": "telepathy"}, 400),
            ({"name": "new", "ca": "no certificate"}, 400),
            ({"name": "new", "url": "http://127.0.0.1:99999"}, 400),
            ({"name": "pod-2", "password": "admin"}, 409),
            ({"tags": ["new"], "url": f"{other.url}/redfish/v1/"}, 409),
        ):
            answer = self.api("PATCH", "/v1/podmanagers/pod-1", changes)
            self.assertEqual(status, answer.status_code, changes)
        self.assertEqual(before, self.api("GET", "/v1/podmanagers").json)

    def test_a_change_is_superseded_if_the_row_has_changed_since_its_check(self) -> None:
        uuid = self.know(self.pod)["uuid"]
        row = podmanager_objects.get(self.service.db, uuid)
        self.api("PATCH", "/v1/podmanagers/pod-1", {"tags": ["fast"]})
        self.assertRaises(
            conductor_errors.Superseded,
            podmanager_objects.update,
            self.service.db,
            row,
            {"name": "x"},
        )

    def test_of_equal_requests_at_the_same_time_one_is_stored(self) -> None:
        self.pod._latency = 0.2  # so that the checks overlap
        with futures.ThreadPoolExecutor(4) as pool:
            statuses = list(pool.map(lambda _: self.post(self.body).status_code, range(4)))
        self.assertEqual([201, 409, 409, 409], sorted(statuses))
        self.assertEqual(1, len(self.api("GET", "/v1/podmanagers").json["podmanagers"]))

    def test_equal_requests_with_one_uuid_all_succeed(self) -> None:
        self.pod._latency = 0.2
        body = {**self.body, "uuid": str(uuids.uuid4())}
        with futures.ThreadPoolExecutor(4) as pool:
            statuses = list(pool.map(lambda _: self.post(body).status_code, range(4)))
        self.assertEqual([200, 200, 200, 201], sorted(statuses))

    def post(self, body: dict[str, Any]) -> Any:
        return base.API(app.application(self.service))("POST", "/v1/podmanagers", body)

    def test_other_spellings_of_a_url_are_duplicates(self) -> None:
        self.know(self.pod)
        for url in (
            f"{self.pod.url}/redfish/v1",
            f"{self.pod.url}/redfish/v1/",
            self.pod.url.replace("http", "HTTP") + "//",
        ):
            answer = self.api("POST", "/v1/podmanagers", {**self.body, "name": "x", "url": url})
            self.assertRefused(409, "valence.podmanager.duplicate", answer)

    def test_only_the_certificates_of_a_ca_are_stored(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            pem = certificates.certificate(folder).read_text()
        self.assertIn("PRIVATE KEY", pem)
        answer = self.api("POST", "/v1/podmanagers", {**self.body, "ca": f"# comment\n{pem}"})
        self.assertEqual(201, answer.status_code, answer.json)
        self.assertTrue(answer.json["ca"].startswith("-----BEGIN CERTIFICATE-----"))
        self.assertNotIn("PRIVATE KEY", answer.json["ca"])
        changed = self.api("PATCH", "/v1/podmanagers/pod-1", {"verify_ca": False})
        self.assertRefused(400, "valence.request.invalid", changed)
        changed = self.api("PATCH", "/v1/podmanagers/pod-1", {"verify_ca": False, "ca": None})
        self.assertEqual((False, None), (changed.json["verify_ca"], changed.json["ca"]))

    def test_a_client_certificate_needs_its_key_which_is_never_returned(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            pem = certificates.certificate(folder, "client").read_text()
            other = certificates.certificate(folder, "other").read_text()
        for fields in (
            {"client_cert": pem},
            {"client_key": pem},
            {"client_cert": pem, "client_key": other},
            {"client_cert": "nonsense", "client_key": pem},
            {"client_cert": pem, "client_key": "hunter2"},
        ):
            error = self.refuse(400, "valence.request.invalid", **fields)
            self.assertIn("client_", error["detail"])
            self.assertNotIn("hunter2", error["detail"])
        body = {**self.body, "client_cert": pem, "client_key": pem, "uuid": str(uuids.uuid4())}
        answer = self.api("POST", "/v1/podmanagers", body)
        self.assertEqual(201, answer.status_code, answer.json)
        again = self.api("POST", "/v1/podmanagers", body)
        self.assertEqual((200, answer.json), (again.status_code, again.json), "the same request")
        self.assertTrue(answer.json["client_cert"].startswith("-----BEGIN CERTIFICATE-----"))
        self.assertNotIn("PRIVATE KEY", answer.get_data(as_text=True))
        self.assertNotIn("client_key", answer.json)
        drivers = self.service.drivers
        row = podmanager_objects.get(self.service.db, "pod-1")
        self.assertNotIn("PRIVATE", str(row.client_key_encrypted))
        self.assertIn("PRIVATE KEY", str(drivers.access(row).client_key))
        self.assertEqual(2, len(podmanager_objects.list_secrets(self.service.db)))
        self.assertNotIn("PRIVATE", repr(drivers.access(row)))

    def test_a_client_certificate_is_changed_and_removed_with_its_key(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            pem = certificates.certificate(folder, "client").read_text()
            other = certificates.certificate(folder, "other").read_text()
        answer = self.api(
            "POST", "/v1/podmanagers", {**self.body, "client_cert": pem, "client_key": pem}
        )
        self.assertEqual(201, answer.status_code, answer.json)
        for changes in ({"client_cert": other}, {"client_cert": None}, {"client_key": None}):
            changed = self.api("PATCH", "/v1/podmanagers/pod-1", changes)
            self.assertRefused(400, "valence.request.invalid", changed)
        both = {"client_cert": other, "client_key": other}
        self.assertEqual(200, self.api("PATCH", "/v1/podmanagers/pod-1", both).status_code)
        none = {"client_cert": None, "client_key": None}
        removed = self.api("PATCH", "/v1/podmanagers/pod-1", none)
        self.assertIsNone(removed.json["client_cert"])
        row = podmanager_objects.get(self.service.db, "pod-1")
        self.assertIsNone(row.client_key_encrypted)

    def test_a_password_that_is_refused_is_not_repeated(self) -> None:
        for wrong in (["hunter2"], "hunter2" * 1000):
            error = self.refuse(400, "valence.request.invalid", password=wrong)
            self.assertIn("body.password", error["detail"])
            self.assertNotIn("hunter2", error["detail"])

    def test_nothing_is_composed_on_a_disabled_one(self) -> None:
        answer = self.api(
            "POST", "/v1/podmanagers", {**self.body, "enabled": False, "tags": ["slow", "old"]}
        )
        self.assertEqual((False, ["slow", "old"]), (answer.json["enabled"], answer.json["tags"]))
        for named in ({}, {"podm_id": answer.json["uuid"]}):
            node = self.settled(self.compose(**named)["uuid"])
            assert node is not None
            self.assertEqual("valence.no_podmanager", node["fault"]["code"])
        listed = self.api("GET", "/v1/podmanagers?enabled=true").json["podmanagers"]
        self.assertEqual([], listed)
        self.api("PATCH", "/v1/podmanagers/pod-1", {"enabled": True, "tags": []})
        self.composed()

    def test_its_status_follows_from_its_responses(self) -> None:
        self.know(self.pod)
        node = self.composed()
        path = f"/v1/nodes/{node['uuid']}?refresh=true"
        before = self.api("GET", "/v1/podmanagers/pod-1").json
        self.assertEqual(("online", None), (before["status"], before["status_reason"]))
        self.pod.stop()
        self.assertEqual(503, self.api("GET", path).status_code)
        down = self.api("GET", "/v1/podmanagers/pod-1").json
        self.assertEqual("offline", down["status"])
        self.assertIn("Connection refused", down["status_reason"])
        self.assertLess(before["status_since"], down["status_since"])
        self.pod.start()
        self.wait_for(lambda: self.api("GET", path).status_code == 200)
        up = self.api("GET", "/v1/podmanagers/pod-1").json
        self.assertEqual(("online", None), (up["status"], up["status_reason"]))

    def test_new_credentials_update_its_status(self) -> None:
        self.know(self.pod)
        node = self.composed()
        self.pod.sessions._password = "changed"
        answer = self.api("GET", f"/v1/nodes/{node['uuid']}?refresh=true")
        self.assertRefused(503, "valence.podmanager.unauthorized", answer)
        self.assertEqual("degraded", self.api("GET", "/v1/podmanagers/pod-1").json["status"])
        changed = self.api("PATCH", "/v1/podmanagers/pod-1", {"password": "changed"})
        self.assertEqual(("online", None), (changed.json["status"], changed.json["status_reason"]))

    def test_a_new_name_needs_no_pod_manager(self) -> None:
        self.know(self.pod)
        self.pod.stop()
        answer = self.api("PATCH", "/v1/podmanagers/pod-1", {"name": "old-pod"})
        self.assertEqual(200, answer.status_code)

    def test_it_is_not_deleted_while_it_has_nodes(self) -> None:
        self.know(self.pod)
        node = self.composed()
        answer = self.api("DELETE", "/v1/podmanagers/pod-1")
        error = self.assertRefused(409, "valence.podmanager.in_use", answer)
        self.assertIn(node["uuid"], error["detail"])
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        self.settled(node["uuid"])
        self.assertEqual(204, self.api("DELETE", "/v1/podmanagers/pod-1").status_code)

    def test_composing_without_a_pod_manager_is_refused(self) -> None:
        answer = self.api("POST", "/v1/nodes", {"properties": base.FOUR_CORES})
        self.assertRefused(409, "valence.no_podmanager", answer)


class TestScheduling(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.small = self.simulate("small", systems=1, cores=4)
        self.large = self.simulate("large", systems=3, cores=64)
        self.start()
        self.know(self.small)
        self.know(self.large)

    def on(self, node: dict[str, Any]) -> str:
        return str(self.api("GET", f"/v1/podmanagers/{node['podm_uuid']}").json["name"])

    def test_if_the_first_refuses_the_second_composes(self) -> None:
        big = {"processor": {"total_cores": 32}}
        self.assertEqual("large", self.on(self.composed(properties=big)))
        self.assertEqual("large", self.on(self.composed(properties=big)))

    def test_nodes_are_spread(self) -> None:
        names = [self.on(self.composed()) for _ in range(2)]
        self.assertEqual(["large", "small"], sorted(names))

    def test_a_requested_pod_manager_is_the_only_one_used(self) -> None:
        small = self.api("GET", "/v1/podmanagers/small").json["uuid"]
        body = {"podm_id": small, "properties": {"processor": {"total_cores": 32}}}
        node = self.settled(self.compose(**body)["uuid"])
        assert node is not None
        self.assertEqual("valence.podmanager.refused", node["fault"]["code"])
        self.assertEqual({}, self.large.pod.nodes)

    def test_if_all_refuse_the_fault_has_the_reason_of_each(self) -> None:
        node = self.settled(self.compose(properties=base.TOO_MUCH)["uuid"])
        assert node is not None
        self.assertEqual("valence.no_podmanager", node["fault"]["code"])
        self.assertIn("small: ", node["fault"]["reason"])
        self.assertIn("large: ", node["fault"]["reason"])

    def test_one_that_is_down_delays_nothing_but_its_turn(self) -> None:
        self.small.stop()
        for _ in range(3):
            self.assertEqual("large", self.on(self.composed()))
        down = self.api("GET", "/v1/podmanagers/small").json
        self.assertEqual("offline", down["status"])
        self.assertIsNotNone(down["status_reason"])
