# SPDX-License-Identifier: Apache-2.0

import json
import socket
import time

import requests

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.redfish import routes
from podm_simulator.server import Simulator
from tests import base as tests_base
from tests.unit.simulator import base

SYSTEMS = "/redfish/v1/Systems"
SESSIONS = "/redfish/v1/SessionService/Sessions"


class TestErrors(base.HTTPTestCase):
    def assertRefused(self, status, answer):
        self.assertEqual(status, answer.status_code, answer.text)
        error = answer.json()["error"]
        self.assertTrue(error["code"].startswith("Base.1.0."))
        self.assertTrue(error["@Message.ExtendedInfo"][0]["Message"])

    def test_an_unknown_path_is_404(self):
        for path in (
            "/",
            "/redfish/v1/Nothing",
            f"{SYSTEMS}/99",
            f"{SYSTEMS}/1/Processors/CPU9",
            f"{SYSTEMS}/1/Storage/9",
            "/redfish/v1/Managers/BMC99",
            "/redfish/v1/Chassis/Attic",
            "/redfish/v1/Nodes/7",
            "/redfish/v1/Nodes/Actions",
            "/redfish/v1/Fabrics/PCIe/Endpoints/Host99",
            "/redfish/v1/Fabrics/PCIe/Zones/9",
            f"{SESSIONS}/9",
        ):
            self.assertRefused(404, self.call("GET", path))

    def test_a_method_that_is_not_allowed_is_405_with_allow(self):
        answer = self.call("PUT", f"{SYSTEMS}/1", json={})
        self.assertRefused(405, answer)
        self.assertEqual("GET, HEAD, PATCH", answer.headers["Allow"])
        self.assertEqual("POST", self.call("GET", base.ALLOCATE).headers["Allow"])

    def test_what_is_no_json_is_400(self):
        for data in (b"{", b"\xff\xfe", b"[" * 100000):
            headers = {"Content-Type": "application/json"}
            self.assertRefused(400, self.call("POST", base.ALLOCATE, data=data, headers=headers))

    def test_a_body_that_is_no_object_is_400(self):
        for body in ([], "x", 7):
            self.assertRefused(400, self.post(base.ALLOCATE, body))
            self.assertRefused(400, self.post(SESSIONS, body))
            self.assertRefused(400, self.call("PATCH", f"{SYSTEMS}/1", json=body))

    def test_another_content_type_is_415(self):
        self.assertRefused(415, self.call("POST", base.ALLOCATE, data={"Name": "x"}))

    def test_a_body_that_is_too_large_is_413_announced_or_not(self):
        body = json.dumps({"Name": "x" * (1 << 20)}).encode()
        headers = {"Content-Type": "application/json"}
        self.assertRefused(413, self.call("POST", base.ALLOCATE, data=body, headers=headers))
        parts = iter([body])
        self.assertRefused(413, self.call("POST", base.ALLOCATE, data=parts, headers=headers))

    def test_a_change_of_what_cannot_be_changed_is_400(self):
        for body in ({"Name": "x"}, {"Boot": {"BootSourceOverrideTarget": "Tape"}}, {"Boot": []}):
            self.assertRefused(400, self.call("PATCH", f"{SYSTEMS}/1", json=body))

    def test_no_route_answers_500_to_an_odd_body(self):
        for route in routes.COMMON:
            if route.method in ("POST", "PATCH"):
                path = route.template.format(
                    system="1", manager="BMC1", medium="Cd", chassis="Rack1", session="1"
                )
                for body in (None, [], {}, {"x": 1}, {"Boot": 1, "ResetType": {}, "Image": []}):
                    answer = self.call(route.method, path, json=body)
                    self.assertLess(answer.status_code, 500, path)


class TestCredentials(base.HTTPTestCase):
    def test_without_credentials_only_the_root_is_shown(self):
        self.session.auth = None
        for path in ("/redfish", "/redfish/v1/", "/redfish/v1", "/redfish/v1/odata"):
            self.get(path)
        answer = self.call("GET", SYSTEMS)
        self.assertEqual(401, answer.status_code)
        self.assertIn("Basic", answer.headers["WWW-Authenticate"])

    def test_wrong_credentials_are_401(self):
        self.session.auth = ("ada", "guess")
        self.assertEqual(401, self.call("GET", SYSTEMS).status_code)
        answer = self.post(SESSIONS, {"UserName": "ada", "Password": "guess"})
        self.assertEqual(401, answer.status_code)

    def test_garbled_credentials_are_401(self):
        self.session.auth = None
        for value in ("Basic", "Basic !!!", "Basic YQ==", "Bearer x", "Basic \u00e9"):
            headers = {"Authorization": value.encode("latin-1")}
            self.assertEqual(401, self.call("GET", SYSTEMS, headers=headers).status_code)

    def test_odd_characters_in_credentials_are_401(self):
        for word in ("\ud800", "\u00e9", ""):
            answer = self.post(SESSIONS, {"UserName": word, "Password": word})
            self.assertEqual(401, answer.status_code)

    def test_a_session_is_opened_used_and_closed(self):
        self.session.auth = None
        answer = self.post(SESSIONS, {"UserName": "ada", "Password": "s3cret"})
        self.assertEqual(201, answer.status_code)
        path = answer.headers["Location"]
        self.session.headers["X-Auth-Token"] = answer.headers["X-Auth-Token"]
        self.assertEqual("ada", self.get(path)["UserName"])
        self.assertEqual([{"@odata.id": path}], self.get(SESSIONS)["Members"])
        self.assertEqual(204, self.call("DELETE", path).status_code)
        self.assertEqual(401, self.call("GET", SYSTEMS).status_code)


class TestShortSessions(base.HTTPTestCase):
    options = {"session_timeout": 0.05}

    def test_a_session_that_nobody_uses_ends(self):
        answer = self.post(SESSIONS, {"UserName": "ada", "Password": "s3cret"})
        self.session.auth = None
        self.session.headers["X-Auth-Token"] = answer.headers["X-Auth-Token"]
        self.get(SYSTEMS)
        time.sleep(0.1)
        self.assertEqual(401, self.call("GET", SYSTEMS).status_code)


class TestPages(base.HTTPTestCase):
    options = {"page_size": 2, "expand": True}

    def members(self, path):
        pages = 0
        found = []
        while path:
            page = self.get(path)
            self.assertLessEqual(len(page["Members"]), 2)
            found += [member["@odata.id"] for member in page["Members"]]
            path = page.get("Members@odata.nextLink")
            pages += 1
        return found, pages

    def test_a_long_collection_comes_in_pages(self):
        found, pages = self.members(SYSTEMS)
        self.assertEqual((4, 2), (len(set(found)), pages))

    def test_top_and_skip_choose_a_window(self):
        self.assertEqual([f"{SYSTEMS}/2"], self.members(f"{SYSTEMS}?$skip=1&$top=1")[0])
        self.assertEqual(3, len(self.members(f"{SYSTEMS}?$top=3")[0]))
        self.assertEqual([], self.members(f"{SYSTEMS}?$skip=99")[0])

    def test_expand_shows_the_members_themselves(self):
        page = self.get(f"{SYSTEMS}?$expand=.")
        self.assertEqual("Off", page["Members"][0]["PowerState"])
        self.assertIn("$expand=.", page["Members@odata.nextLink"])
        self.assertIn("ProtocolFeaturesSupported", self.get("/redfish/v1/"))

    def test_a_query_that_makes_no_sense_is_400_and_one_not_offered_501(self):
        self.assertEqual(400, self.call("GET", f"{SYSTEMS}?$top=-1").status_code)
        self.assertEqual(400, self.call("GET", f"{SYSTEMS}?$skip=x").status_code)
        self.assertEqual(400, self.call("GET", f"{SYSTEMS}?$skip={'9' * 5000}").status_code)
        self.assertEqual(501, self.call("GET", f"{SYSTEMS}?$expand=Links").status_code)


class TestOnTheWire(base.HTTPTestCase):
    def raw(self, request):
        host, port = self.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(request)
            received = b""
            while part := connection.recv(65536):
                received += part
            return received

    def test_connection_close_is_answered_and_done(self):
        answer = self.raw(b"GET /redfish/v1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b"connection: close", head.lower())
        self.assertEqual("RootService", json.loads(body)["Id"])

    def test_what_is_not_http_is_a_bad_request(self):
        self.assertIn(b" 400 ", self.raw(b"HELLO\r\n\r\n"))

    def test_head_says_what_get_would_and_has_no_body(self):
        answer = self.call("HEAD", f"{SYSTEMS}/1")
        self.assertEqual((200, b""), (answer.status_code, answer.content))
        self.assertEqual(
            len(self.call("GET", f"{SYSTEMS}/1").content), int(answer.headers["Content-Length"])
        )

    def walk(self):
        """Follow every link, and return the resources by path."""
        found, todo = {}, ["/redfish/v1/"]
        while todo:
            path = todo.pop()
            if path not in found:
                found[path] = self.get(path)
                todo += _links(found[path])
        return found

    def test_every_link_of_the_tree_leads_somewhere(self):
        self.allocated(Processors=[{"ProcessorType": "GPU"}], LocalDrives=[{"Interface": "NVMe"}])
        found = self.walk()
        self.assertGreater(len(found), 90)
        for path, resource in found.items():
            self.assertEqual(path, resource["@odata.id"])

    def test_the_metadata_names_every_schema_that_is_used(self):
        document = self.call("GET", "/redfish/v1/$metadata")
        self.assertEqual("application/xml;charset=utf-8", document.headers["Content-Type"])
        for resource in self.walk().values():
            namespace = resource["@odata.type"].lstrip("#").rpartition(".")[0]
            if not namespace.startswith("ComposedNode"):  # it has no public address
                self.assertIn(f'Namespace="{namespace}"', document.text)


def _links(value):
    if isinstance(value, list):
        return [link for item in value for link in _links(item)]
    if not isinstance(value, dict):
        return []
    own = [value["@odata.id"]] if "@odata.id" in value else []
    return own + [link for item in value.values() for link in _links(item)]


class TestLibrary(tests_base.TestCase):
    def test_stop_frees_the_port_and_start_may_follow(self):
        first = Simulator(Size((Shape(systems=1),)))
        port = int(first.start().rpartition(":")[2])
        first.stop()
        second = Simulator(port=port)
        self.assertEqual(port, int(second.start().rpartition(":")[2]))
        self.addCleanup(second.stop)
        third = Simulator(port=port)
        self.assertRaises(OSError, third.start)

    def test_without_a_username_everybody_may_come_in(self):
        simulator = Simulator(username=None)
        url = simulator.start()
        self.addCleanup(simulator.stop)
        self.assertEqual(200, requests.get(url + SYSTEMS, timeout=5).status_code)
