# SPDX-License-Identifier: Apache-2.0

import json
import socket

import requests

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.redfish import routes
from podm_simulator.redfish import sessions
from podm_simulator.server import Simulator
from tests import base as tests_base
from tests.unit.simulator import base

SYSTEMS = "/redfish/v1/Systems"
SESSIONS = "/redfish/v1/SessionService/Sessions"


class TestErrors(base.HTTPTestCase):
    def assertRefused(self, status, response):
        self.assertEqual(status, response.status_code, response.text)
        error = response.json()["error"]
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
        response = self.call("PUT", f"{SYSTEMS}/1", json={})
        self.assertRefused(405, response)
        self.assertEqual("GET, HEAD, PATCH", response.headers["Allow"])
        self.assertEqual("POST", self.call("GET", base.ALLOCATE).headers["Allow"])

    def test_a_body_that_is_not_json_is_400(self):
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

    def test_a_change_of_a_read_only_property_is_400(self):
        for body in ({"Name": "x"}, {"Boot": {"BootSourceOverrideTarget": "Tape"}}, {"Boot": []}):
            self.assertRefused(400, self.call("PATCH", f"{SYSTEMS}/1", json=body))

    def test_no_route_responds_500_to_an_odd_body(self):
        for route in routes.COMMON:
            if route.method in ("POST", "PATCH"):
                path = route.template.format(
                    system="1", manager="BMC1", medium="Cd", chassis="Rack1", session="1"
                )
                for body in (None, [], {}, {"x": 1}, {"Boot": 1, "ResetType": {}, "Image": []}):
                    response = self.call(route.method, path, json=body)
                    self.assertLess(response.status_code, 500, path)


class TestCredentials(base.HTTPTestCase):
    def test_without_credentials_only_the_root_is_shown(self):
        self.session.auth = None
        for path in ("/redfish", "/redfish/v1/", "/redfish/v1", "/redfish/v1/odata"):
            self.get(path)
        response = self.call("GET", SYSTEMS)
        self.assertEqual(401, response.status_code)
        self.assertIn("Basic", response.headers["WWW-Authenticate"])

    def test_wrong_credentials_are_401(self):
        self.session.auth = ("ada", "guess")
        self.assertEqual(401, self.call("GET", SYSTEMS).status_code)
        response = self.post(SESSIONS, {"UserName": "ada", "Password": "guess"})
        self.assertEqual(401, response.status_code)

    def test_garbled_credentials_are_401(self):
        self.session.auth = None
        for value in ("Basic", "Basic !!!", "Basic YQ==", "Bearer x", "Basic \u00e9"):
            headers = {"Authorization": value.encode("latin-1")}
            self.assertEqual(401, self.call("GET", SYSTEMS, headers=headers).status_code)

    def test_unusual_characters_in_credentials_are_401(self):
        for word in ("\ud800", "\u00e9", ""):
            response = self.post(SESSIONS, {"UserName": word, "Password": word})
            self.assertEqual(401, response.status_code)

    def test_a_session_is_opened_used_and_closed(self):
        self.session.auth = None
        response = self.post(SESSIONS, {"UserName": "ada", "Password": "s3cret"})
        self.assertEqual(201, response.status_code)
        path = response.headers["Location"]
        self.session.headers["X-Auth-Token"] = response.headers["X-Auth-Token"]
        self.assertEqual("ada", self.get(path)["UserName"])
        self.assertEqual([{"@odata.id": path}], self.get(SESSIONS)["Members"])
        self.assertEqual(204, self.call("DELETE", path).status_code)
        self.assertEqual(401, self.call("GET", SYSTEMS).status_code)


class TestExpiredSession(base.HTTPTestCase):
    options = {"session_timeout": 0.0}

    def test_its_token_is_401(self):
        self.session.auth = None
        response = self.post(SESSIONS, {"UserName": "ada", "Password": "s3cret"})
        self.session.headers["X-Auth-Token"] = response.headers["X-Auth-Token"]
        self.assertEqual(401, self.call("GET", SYSTEMS).status_code)


class TestSessionTimeout(tests_base.TestCase):
    def test_a_session_ends_when_it_is_not_used_for_the_timeout(self):
        clock = base.Clock()
        opened = sessions.Sessions("ada", "s3cret", timeout=60, clock=clock)
        token = opened.login("ada", "s3cret").token
        for _ in range(2):
            clock.advance(60)
            self.assertTrue(opened.authenticate(token, None))
        clock.advance(61)
        self.assertEqual([], opened.all())
        self.assertFalse(opened.authenticate(token, None))

    def test_the_timeout_is_an_option(self):
        self.assertEqual(7, Simulator(session_timeout=7).sessions.timeout)


class TestPages(base.HTTPTestCase):
    options = {"page_size": 2, "expand": True}

    def members(self, path):
        pages = 0
        paths = []
        while path:
            page = self.get(path)
            self.assertLessEqual(len(page["Members"]), 2)
            paths += [member["@odata.id"] for member in page["Members"]]
            path = page.get("Members@odata.nextLink")
            pages += 1
        return paths, pages

    def test_a_long_collection_comes_in_pages(self):
        paths, pages = self.members(SYSTEMS)
        self.assertEqual((4, 2), (len(set(paths)), pages))

    def test_top_and_skip_choose_a_window(self):
        self.assertEqual([f"{SYSTEMS}/2"], self.members(f"{SYSTEMS}?$skip=1&$top=1")[0])
        self.assertEqual(3, len(self.members(f"{SYSTEMS}?$top=3")[0]))
        self.assertEqual([], self.members(f"{SYSTEMS}?$skip=99")[0])

    def test_expand_shows_the_members_themselves(self):
        page = self.get(f"{SYSTEMS}?$expand=.")
        self.assertEqual("Off", page["Members"][0]["PowerState"])
        self.assertIn("$expand=.", page["Members@odata.nextLink"])
        self.assertIn("ProtocolFeaturesSupported", self.get("/redfish/v1/"))

    def test_an_invalid_query_is_400_and_an_unsupported_one_501(self):
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

    def test_connection_close_closes_the_connection_after_the_response(self):
        response = self.raw(b"GET /redfish/v1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, body = response.partition(b"\r\n\r\n")
        self.assertIn(b"connection: close", head.lower())
        self.assertEqual("RootService", json.loads(body)["Id"])

    def test_what_is_not_http_is_a_bad_request(self):
        self.assertIn(b" 400 ", self.raw(b"HELLO\r\n\r\n"))

    def test_head_has_the_headers_of_get_and_no_body(self):
        response = self.call("HEAD", f"{SYSTEMS}/1")
        self.assertEqual((200, b""), (response.status_code, response.content))
        self.assertEqual(
            len(self.call("GET", f"{SYSTEMS}/1").content), int(response.headers["Content-Length"])
        )

    def walk(self):
        """Follow every link; return the resources by path."""
        resources, pending = {}, ["/redfish/v1/"]
        while pending:
            path = pending.pop()
            if path not in resources:
                resources[path] = self.get(path)
                pending += _links(resources[path])
        return resources

    def test_every_link_of_the_tree_leads_to_a_resource(self):
        self.allocated(Processors=[{"ProcessorType": "GPU"}], LocalDrives=[{"Interface": "NVMe"}])
        resources = self.walk()
        self.assertGreater(len(resources), 90)
        for path, resource in resources.items():
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

    def test_without_a_username_no_credentials_are_needed(self):
        simulator = Simulator(username=None)
        url = simulator.start()
        self.addCleanup(simulator.stop)
        self.assertEqual(200, requests.get(url + SYSTEMS, timeout=5).status_code)
