# SPDX-License-Identifier: Apache-2.0

"""Authentication strategies, and what each user may see and do."""

import base64
import os
from typing import Any
from unittest import mock

import bcrypt

from tests.unit.service import base
from tests.unit.service import fake_keystone
from valence.api import app
from valence.objects import podmanager as podmanager_objects
from valence.service import Service

PUBLIC = ("/", "/v1", "/healthcheck", "/v1/openapi.json")


class HTTPBasicTestCase(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.file = self.folder / "htpasswd"
        self.write("alice", "wonderland")
        self.start(auth_strategy="http_basic", http_basic_auth_user_file=str(self.file))

    def write(self, user: str, password: str) -> None:
        digest = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        self.file.write_text(f"{user}:{digest}\n")

    def request(self, user: str, password: str, path: str = "/v1/podmanagers") -> Any:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        return self.api("GET", path, headers={"Authorization": f"Basic {token}"})


class TestHTTPBasic(HTTPBasicTestCase):
    def test_a_user_with_a_password_is_allowed_everything(self) -> None:
        for _attempt in range(2):
            self.assertEqual(200, self.request("alice", "wonderland").status_code)

    def test_a_request_without_credentials_is_challenged(self) -> None:
        answer = self.api("GET", "/v1/nodes")
        self.assertRefused(401, "valence.request.unauthenticated", answer)
        self.assertEqual(
            'Basic realm="Valence", charset="UTF-8"', answer.headers["Www-Authenticate"]
        )

    def test_versions_health_and_description_are_public(self) -> None:
        for path in PUBLIC:
            self.assertEqual(200, self.api("GET", path).status_code, path)

    def test_wrong_credentials_are_refused(self) -> None:
        for user, password in (
            ("alice", "looking-glass"),
            ("alice", ""),
            ("bob", "wonderland"),
            ("", ""),
            ("alice:", "wonderland"),
            ("alice", "w" * 100),  # longer than bcrypt accepts
            ("alice", "\x00"),
        ):
            answer = self.request(user, password)
            self.assertRefused(401, "valence.request.unauthenticated", answer)

    def test_a_malformed_header_is_refused(self) -> None:
        for header in ("Basic", "Basic %", "Bearer abc", "", "Basic YWxpY2U="):
            answer = self.api("GET", "/v1/nodes", headers={"Authorization": header})
            self.assertRefused(401, "valence.request.unauthenticated", answer)

    def test_an_edited_file_takes_effect_at_once(self) -> None:
        self.assertEqual(200, self.request("alice", "wonderland").status_code)
        self.write("alice", "looking-glass, and longer")
        self.assertEqual(401, self.request("alice", "wonderland").status_code)
        self.assertEqual(200, self.request("alice", "looking-glass, and longer").status_code)

    def test_results_are_cached(self) -> None:
        check = mock.patch.object(bcrypt, "checkpw", autospec=True, side_effect=bcrypt.checkpw)
        with check as checkpw:
            for _attempt in range(5):
                self.request("alice", "wonderland")
                self.request("alice", "looking-glass")
        self.assertEqual(2, checkpw.call_count)

    def test_headers_of_keystone_are_ignored(self) -> None:
        headers = {"X-Identity-Status": "Confirmed", "X-User-Id": "eve", "X-Roles": "admin"}
        answer = self.api("GET", "/v1/nodes", headers=headers)
        self.assertRefused(401, "valence.request.unauthenticated", answer)

    def hashed(self, user: str) -> list[int]:
        """Return the cost of each hash that a refusal takes."""
        check = mock.patch.object(bcrypt, "checkpw", autospec=True, side_effect=bcrypt.checkpw)
        with check as checkpw:
            self.assertEqual(401, self.request(user, "looking-glass").status_code)
        return [int(call.args[1].split(b"$")[2]) for call in checkpw.call_args_list]

    def test_an_unknown_user_costs_as_much_as_a_known_one(self) -> None:
        for user in ("alice", "bob", "alic", "alice2", "", "\u2603"):
            self.assertEqual([4], self.hashed(user), user)

    def test_users_whose_digests_differ_in_cost_do_not_stand_out(self) -> None:
        lines = [f"user{cost}:$2y$0{cost}${'.' * 53}" for cost in (4, 5)]
        self.file.write_text("\n".join(["# users", "", *lines]))
        unknown = [f"unknown{number}" for number in range(20)]
        costs = [self.hashed(user) for user in unknown]
        self.assertEqual([[4], [5]], sorted([list(cost) for cost in {*map(tuple, costs)}]))
        os.utime(self.file, ns=(0, 0))  # the cache is of another file now
        self.assertEqual(costs, [self.hashed(user) for user in unknown])

    def test_no_password_opens_the_digest_that_stands_in(self) -> None:
        with mock.patch.object(bcrypt, "checkpw", autospec=True, return_value=True):
            self.assertEqual(401, self.request("bob", "anything").status_code)

    def test_a_missing_file_is_503(self) -> None:
        self.file.unlink()
        self.assertRefused(503, "valence.unhealthy", self.request("alice", "wonderland"))


class TestHTTPBasicFile(base.ServiceTestCase):
    def refusal(self) -> str:
        file = str(self.folder / "htpasswd")
        conf = self.configure(auth_strategy="http_basic", http_basic_auth_user_file=file)
        service = Service(conf)
        self.addCleanup(service.stop)
        return str(self.assertRaises(ValueError, app.application, service))

    def test_the_service_does_not_start_without_its_file(self) -> None:
        self.assertIn("http_basic_auth_user_file", self.refusal())

    def test_the_service_does_not_start_with_digests_that_are_not_of_bcrypt(self) -> None:
        (self.folder / "htpasswd").write_text("alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
        self.assertIn("Only bcrypt", self.refusal())


class KeystoneTestCase(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.keystone = self.useFixture(fake_keystone.FakeKeystone())
        self.start_with_keystone()
        self.keystone.add("root", "root", "operators", "admin", "member", "reader")
        self.keystone.add("alice", "alice", "wonderland", "member", "reader")
        self.keystone.add("dodo", "dodo", "wonderland", "reader")
        self.keystone.add("bob", "bob", "building", "member", "reader")

    def start_with_keystone(self, **options: Any) -> None:
        conf = self.configure(auth_strategy="keystone", **options)
        group = "keystone_authtoken"
        # From a file: the plugin registers its options when it is loaded.
        file = self.folder / "keystone.conf"
        file.write_text(
            f"[{group}]\nauth_type = password\nauth_url = {self.keystone.url}/v3\n"
            f"www_authenticate_uri = {self.keystone.url}/v3\nusername = valence\n"
            "password = secret\nproject_name = service\nuser_domain_id = default\n"
            "project_domain_id = default\nhttp_request_max_retries = 0\n"
        )
        conf(["--config-file", str(file)], project="valence")
        self.start_from(conf)

    def request(
        self, token: str, method: str = "GET", path: str = "/v1/nodes", body: Any = None
    ) -> Any:
        return self.api(method, path, body, headers={"X-Auth-Token": token})


class TestKeystone(KeystoneTestCase):
    def test_a_token_of_keystone_is_accepted(self) -> None:
        self.assertEqual(200, self.request("alice").status_code)

    def test_a_request_without_a_token_is_challenged(self) -> None:
        answer = self.api("GET", "/v1/nodes")
        self.assertRefused(401, "valence.request.unauthenticated", answer)
        self.assertEqual(
            f'Keystone uri="{self.keystone.url}/v3"', answer.headers["Www-Authenticate"]
        )

    def test_versions_health_and_description_need_no_token(self) -> None:
        for path in PUBLIC:
            self.assertEqual(200, self.api("GET", path).status_code, path)
        self.assertEqual([], self.keystone.checked)

    def test_keystone_validates_a_valid_token_once(self) -> None:
        for _attempt in range(5):
            self.assertEqual(200, self.request("alice").status_code)
        self.assertEqual(["alice"], self.keystone.checked)

    def test_keystone_validates_a_wrong_token_once(self) -> None:
        for _attempt in range(5):
            answer = self.request("eve")
            self.assertRefused(401, "valence.request.unauthenticated", answer)
            self.assertIn("Keystone uri", answer.headers["Www-Authenticate"])
        self.assertEqual(["eve"], self.keystone.checked)

    def test_what_cannot_be_a_token_is_401_without_a_request_to_keystone(self) -> None:
        for token in ("x" * 9000, "t\xf6ken", "to ken", "token\n", " ", "\x00", "a,b\tc"):
            for headers in (
                {"HTTP_X_AUTH_TOKEN": token},
                {"HTTP_X_AUTH_TOKEN": "alice", "HTTP_X_SERVICE_TOKEN": token},
            ):
                answer = self.api("GET", "/v1/nodes", environ_overrides=headers)
                self.assertRefused(401, "valence.request.unauthenticated", answer)
        self.assertEqual([], self.keystone.checked)

    def test_a_token_whose_header_keystone_refuses_is_401(self) -> None:
        for status in (400, 413, 414, 431):
            self.keystone.refusal = status
            answer = self.request(f"eve-{status}")
            self.assertRefused(401, "valence.request.unauthenticated", answer)

    def test_another_failure_of_keystone_is_503(self) -> None:
        for status in (403, 405, 429, 500, 502, 503):
            self.keystone.refusal = status
            self.assertRefused(503, "valence.identity.unavailable", self.request("alice"))
        self.keystone.refusal = None
        for nonsense in ("", "[]", "null", "{}", "<html>", '{"token": {}}', '{"token": 1}'):
            self.keystone.nonsense = nonsense
            self.assertRefused(503, "valence.identity.unavailable", self.request("alice"))
        self.keystone.nonsense = None
        self.assertEqual(200, self.request("alice").status_code)

    def test_a_login_of_the_service_that_keystone_refuses_is_503(self) -> None:
        for status in (400, 401, 403):
            self.keystone.login_status = status
            self.assertRefused(503, "valence.identity.unavailable", self.request("alice"))

    def test_a_broken_keystone_is_503_and_no_token_is_taken_for_wrong(self) -> None:
        self.keystone.broken = True
        self.assertRefused(503, "valence.identity.unavailable", self.request("alice"))
        self.assertEqual(200, self.api("GET", "/healthcheck").status_code)
        self.keystone.broken = False
        self.assertEqual(200, self.request("alice").status_code)

    def test_headers_that_only_keystonemiddleware_may_set_are_ignored(self) -> None:
        forged = {
            "X-Identity-Status": "Confirmed",
            "X-User-Id": "root",
            "X-Roles": "admin",
            "X-Project-Id": "building",
            "X-Tenant-Id": "building",
            "Openstack-System-Scope": "all",
        }
        answer = self.api("GET", "/v1/nodes", headers=forged)
        self.assertRefused(401, "valence.request.unauthenticated", answer)
        with_token = {**forged, "X-Auth-Token": "alice"}
        answer = self.api("GET", "/v1/podmanagers", headers=with_token)
        self.assertRefused(403, "valence.request.forbidden", answer)

    def test_an_administrator_of_a_domain_is_not_one_of_the_service(self) -> None:
        domain = {"id": "default", "name": "Default"}
        self.keystone.add("lord", "lord", None, "admin", "member", "reader", domain=domain)
        self.assertEqual(403, self.request("lord", path="/v1/podmanagers").status_code)
        self.keystone.add("god", "god", None, "admin", "member", "reader", system={"all": True})
        self.assertEqual(200, self.request("god", path="/v1/podmanagers").status_code)


class TestKeystoneOptions(base.ServiceTestCase):
    def test_the_service_does_not_start_without_credentials_for_keystone(self) -> None:
        service = Service(self.configure(auth_strategy="keystone"))
        self.addCleanup(service.stop)
        refused = self.assertRaises(ValueError, app.application, service)
        self.assertIn("[keystone_authtoken] is not complete", str(refused))


class TestProjects(KeystoneTestCase):
    """Nodes belong to the project that composed them."""

    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        body = {"name": "p", "url": self.pod.url, "username": "admin", "password": "admin"}
        self.assertEqual(201, self.request("root", "POST", "/v1/podmanagers", body).status_code)
        self.alices = self.compose_as("alice")
        self.bobs = self.compose_as("bob", name="bobs")

    def compose_as(self, token: str, **fields: Any) -> dict[str, Any]:
        body = {"properties": base.FOUR_CORES, **fields}
        answer = self.request(token, "POST", "/v1/nodes", body)
        self.assertEqual(202, answer.status_code, answer.get_data(as_text=True))
        uuid = answer.json["uuid"]
        self.wait_for(
            lambda: self.request(token, path=f"/v1/nodes/{uuid}").json["state"] == "composed"
        )
        return dict(self.request(token, path=f"/v1/nodes/{uuid}").json)

    def listed(self, token: str, query: str = "") -> list[str]:
        return [
            node["uuid"] for node in self.request(token, path=f"/v1/nodes{query}").json["nodes"]
        ]

    def test_a_node_has_the_project_and_the_user_that_composed_it(self) -> None:
        self.assertEqual(
            ("wonderland", "alice"), (self.alices["project_id"], self.alices["user_id"])
        )

    def test_a_project_sees_its_own_nodes_and_administrators_see_all(self) -> None:
        alices, bobs = self.alices["uuid"], self.bobs["uuid"]
        self.assertEqual([alices], self.listed("alice"))
        self.assertEqual([alices], self.listed("dodo"))
        self.assertEqual([bobs], self.listed("bob"))
        self.assertEqual([alices, bobs], self.listed("root"))
        self.assertEqual([bobs], self.listed("root", "?project_id=building"))
        self.assertEqual([], self.listed("alice", "?project_id=building"))

    def test_a_project_sees_the_errors_of_the_pod_managers_of_its_own_nodes(self) -> None:
        uuid = self.request("root", path="/v1/podmanagers").json["podmanagers"][0]["uuid"]
        podmanager_objects.record_status(
            self.service.db, uuid, "offline", "no answer from 192.0.2.7"
        )
        alices = self.request("alice", path="/v1/nodes").json
        self.assertEqual([True], [node["stale"] for node in alices["nodes"]])
        self.assertEqual([uuid], [error["podm_id"] for error in alices["errors"]])
        # The reason has its address, which only users that may see pod managers get.
        self.assertNotIn("192.0.2.7", str(alices))
        self.assertIn("192.0.2.7", str(self.request("root", path="/v1/nodes").json["errors"]))
        for query in ("?project_id=building", "?podm_id=8c9f4a52-6a3e-4f0b-9d27-3b1e5c7a9f10"):
            self.assertEqual([], self.request("alice", path=f"/v1/nodes{query}").json["errors"])
        self.request("bob", "DELETE", "/v1/nodes/bobs")
        self.wait_for(lambda: self.listed("bob") == [])
        self.assertEqual([], self.request("bob", path="/v1/nodes").json["errors"])

    def test_to_other_projects_a_node_does_not_exist(self) -> None:
        for ident in (self.bobs["uuid"], "bobs", self.bobs["uuid"].upper()):
            for method, path in (
                ("GET", f"/v1/nodes/{ident}"),
                ("DELETE", f"/v1/nodes/{ident}"),
                ("POST", f"/v1/nodes/{ident}/register"),
                ("POST", f"/v1/nodes/{ident}/unregister"),
            ):
                answer = self.request("alice", method, path)
                error = self.assertRefused(404, "valence.node.not_found", answer)
                unknown = self.request("alice", method, path.replace(ident, "unknown"))
                same = unknown.json["errors"][0]["detail"].replace("unknown", ident)
                self.assertEqual(same, error["detail"])
        marked = self.request("alice", path=f"/v1/nodes?marker={self.bobs['uuid']}")
        self.assertRefused(400, "valence.request.invalid", marked)

    def test_the_request_of_another_project_with_the_same_uuid_is_another_one(self) -> None:
        body = {"properties": base.FOUR_CORES, "uuid": self.alices["uuid"]}
        answer = self.request("bob", "POST", "/v1/nodes", body)
        self.assertRefused(409, "valence.node.duplicate", answer)

    def test_fields_that_bind_an_ironic_node_are_for_administrators_and_services(self) -> None:
        self.keystone.add("nova", "nova", "wonderland", "member", "service")
        path, other = f"/v1/nodes/{self.alices['uuid']}/register", self.bobs["uuid"]
        fields = {"owner": "building", "instance_uuid": other, "conductor_group": "rack"}
        for name, value in fields.items():
            answer = self.request("alice", "POST", path, {name: value})
            error = self.assertRefused(403, "valence.request.forbidden", answer)
            self.assertIn(f"valence:node:register:set_{name}", error["detail"])
        self.assertEqual({}, self.ironic.nodes)
        self.assertEqual(202, self.request("nova", "POST", path, fields).status_code)
        path = f"/v1/nodes/{other}/register"
        self.assertEqual(202, self.request("root", "POST", path, fields).status_code)

    def test_a_member_registers_with_the_fields_of_its_own_node(self) -> None:
        path = f"/v1/nodes/{self.alices['uuid']}/register"
        fields = {"name": "metal", "resource_class": "baremetal", "extra": {"a": 1}}
        self.assertEqual(202, self.request("alice", "POST", path, fields).status_code)

    def test_a_reader_of_the_project_reads_and_changes_nothing(self) -> None:
        uuid = self.alices["uuid"]
        self.assertEqual(200, self.request("dodo", path=f"/v1/nodes/{uuid}").status_code)
        for method, path in (
            ("DELETE", f"/v1/nodes/{uuid}"),
            ("POST", f"/v1/nodes/{uuid}/register"),
        ):
            answer = self.request("dodo", method, path)
            self.assertRefused(403, "valence.request.forbidden", answer)
        body = {"properties": base.FOUR_CORES}
        self.assertEqual(403, self.request("dodo", "POST", "/v1/nodes", body).status_code)

    def test_a_member_releases_its_own_nodes_and_an_administrator_any(self) -> None:
        for token, node in (("alice", self.alices), ("root", self.bobs)):
            path = f"/v1/nodes/{node['uuid']}"
            self.assertEqual(202, self.request(token, "DELETE", path).status_code)
            self.wait_for(lambda p=path: self.request("root", path=p).status_code == 404)  # type: ignore

    def test_pod_managers_and_writing_flavors_are_for_administrators(self) -> None:
        for method, path in (
            ("GET", "/v1/podmanagers"),
            ("GET", "/v1/podmanagers/p"),
            ("DELETE", "/v1/podmanagers/p"),
            ("DELETE", "/v1/flavors/f"),
        ):
            answer = self.request("alice", method, path)
            self.assertRefused(403, "valence.request.forbidden", answer)
        self.assertEqual(200, self.request("dodo", path="/v1/flavors").status_code)

    def test_nodes_without_a_project_are_for_administrators(self) -> None:
        with self.service.db.writer() as session:
            session.connection().exec_driver_sql("UPDATE nodes SET project_id = NULL")
        self.keystone.add("tramp", "tramp", None, "member", "reader")
        self.assertEqual([], self.listed("alice"))
        self.assertEqual(403, self.request("tramp").status_code)
        for token in ("alice", "tramp"):
            path = f"/v1/nodes/{self.alices['uuid']}"
            self.assertEqual(404, self.request(token, path=path).status_code)
        self.assertEqual(2, len(self.listed("root")))
