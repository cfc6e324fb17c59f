# SPDX-License-Identifier: Apache-2.0

"""The client: its endpoint, its authentication, and its errors."""

from collections.abc import Callable
import copy
import logging
import pickle
import subprocess
import sys

import fixtures
from keystoneauth1 import fixture as ksa_fixture
from keystoneauth1 import http_basic
from keystoneauth1 import noauth
from keystoneauth1 import session as ksa_session
from keystoneauth1.identity import v3
import requests

from tests import base
from tests.unit.client import clock
from valenceclient import Client
from valenceclient import errors
from valenceclient import testing
from valenceclient.testing import _wire

KEYSTONE = "http://keystone.test:5000/v3"


class TestEndpoint(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.valence = testing.FakeValence()

    def test_an_endpoint_alone_is_enough(self) -> None:
        with self.valence.intercept():
            client = Client(endpoint=self.valence.url)
            self.assertEqual("pod-1", next(client.podmanagers.list()).name)

    def test_an_endpoint_may_name_the_version_and_end_with_a_slash(self) -> None:
        for tail in ("/", "/v1", "/v1/"):
            client = Client(self.valence.session(), endpoint=self.valence.url + tail)
            self.assertEqual(1, len(list(client.podmanagers.list())))
        self.assertEqual({"/v1/podmanagers"}, {call.path for call in self.valence.calls})

    def test_an_endpoint_takes_precedence_over_the_plugins(self) -> None:
        session = ksa_session.Session(auth=noauth.NoAuth(endpoint="http://elsewhere.test"))
        self.valence.mount(session)
        client = Client(session, endpoint=self.valence.url)
        self.assertEqual(1, len(list(client.podmanagers.list())))

    def test_a_session_without_a_plugin_suffices_with_an_endpoint(self) -> None:
        session = ksa_session.Session()
        self.valence.mount(session)
        client = Client(session, endpoint=self.valence.url)
        self.assertEqual(1, len(list(client.podmanagers.list())))

    def test_nothing_is_sent_before_the_first_call(self) -> None:
        self.valence.client()
        self.assertEqual([], self.valence.calls)

    def test_without_any_endpoint_the_error_names_the_remedy(self) -> None:
        for client in (Client(), Client(ksa_session.Session())):
            error = self.assertRaises(errors.NoEndpoint, client.nodes.get, "web-1")
            self.assertIn("endpoint", str(error))

    def test_an_endpoint_that_is_not_a_url_is_rejected_at_once(self) -> None:
        error = self.assertRaises(errors.NoEndpoint, Client, endpoint="127.0.0.1:8881")
        self.assertIn("http://", str(error))

    def test_basic_credentials_are_sent_with_the_request(self) -> None:
        session = ksa_session.Session(
            http_basic.HTTPBasicAuth(endpoint=self.valence.url, username="u", password="p")
        )
        self.valence.mount(session)
        list(Client(session).podmanagers.list())
        self.assertEqual("Basic dTpw", self.valence.calls[0].headers["Authorization"])

    def test_keystoneauth_discovers_the_version(self) -> None:
        client = self.valence.client()
        self.assertEqual((1, 0), client.adapter.get_api_major_version())
        client = Client(self.valence.session(), endpoint=self.valence.url)
        self.assertEqual(f"{self.valence.url}/v1/", client.adapter.get_endpoint_data().url)

    def test_requests_carry_the_global_request_id(self) -> None:
        request_id = "req-6f2d1f6e-9f2f-4d0d-8d8e-2f0a3c0f4a11"
        list(self.valence.client(global_request_id=request_id).podmanagers.list())
        self.assertEqual(request_id, self.valence.calls[0].headers["X-OpenStack-Request-ID"])


class TestKeystone(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.valence = testing.FakeValence()
        self.catalog: list[str] = [self.valence.url]
        self.refuse = False
        auth = v3.Password(KEYSTONE, username="u", password="p", user_domain_id="default")
        self.session = ksa_session.Session(auth=auth)
        self.session.mount(KEYSTONE, _wire.Wire(self.keystone))
        self.valence.mount(self.session)

    def keystone(self, method: str, path: str, query: dict, body: object) -> _wire.Answer:
        if self.refuse:
            error = {"code": 401, "title": "Unauthorized", "message": "Wrong password."}
            return 401, {"error": error}, {}
        if method == "GET":
            version = ksa_fixture.V3Discovery(KEYSTONE)
            return 200, {"version": dict(version)}, {}
        token = ksa_fixture.V3Token()
        for url in self.catalog:
            service = token.add_service("composable-baremetal")
            service.add_endpoint("public", url, region="one")
        return 201, dict(token), {"X-Subject-Token": "a-token"}

    def test_the_service_is_found_in_the_catalog_and_receives_a_token(self) -> None:
        client = Client(self.session)
        self.assertEqual("pod-1", client.podmanagers.get("pod-1").name)
        self.assertEqual("a-token", self.valence.calls[-1].headers["X-Auth-Token"])

    def test_a_versioned_catalog_needs_no_discovery(self) -> None:
        self.catalog = [f"{self.valence.url}/v1"]
        Client(self.session).podmanagers.get("pod-1")
        self.assertEqual(["/v1/podmanagers/pod-1"], [call.path for call in self.valence.calls])

    def test_discovery_happens_once(self) -> None:
        client = Client(self.session)
        for _ in range(3):
            client.podmanagers.get("pod-1")
        self.assertEqual(4, len(self.valence.calls))

    def test_a_catalog_without_the_service_is_an_error_that_names_the_service_type(self) -> None:
        self.catalog = []
        error = self.assertRaises(errors.NoEndpoint, Client(self.session).nodes.get, "web-1")
        self.assertIn("composable-baremetal", str(error))

    def test_another_region_has_no_endpoint(self) -> None:
        client = Client(self.session, region_name="two")
        self.assertRaises(errors.NoEndpoint, client.nodes.get, "web-1")

    def test_a_refusal_of_keystone_is_converted(self) -> None:
        self.refuse = True
        error = self.assertRaises(errors.Unauthorized, Client(self.session).nodes.get, "web-1")
        self.assertEqual("Wrong password.", error.detail)

    def test_a_keystone_that_does_not_answer_is_named(self) -> None:
        session = ksa_session.Session(
            auth=v3.Password("http://127.0.0.1:1/v3", username="u", password="p")
        )
        error = self.assertRaises(errors.ConnectFailed, Client(session).nodes.get, "web-1")
        self.assertIn("No answer from http://127.0.0.1:1/v3/auth/tokens: ", str(error))


class TestErrors(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(clock.Clock())
        self.valence = testing.FakeValence()
        self.client = self.valence.client()

    def error_of(self, status: int, body: object, kind: type[errors.APIError]) -> errors.APIError:
        self.valence.answer("GET", "/v1/nodes/x", status, body, times=2)
        error = self.assertRaises(kind, self.client.nodes.get, "x")
        self.assertIs(kind, type(error))
        return error

    def test_each_status_has_its_class(self) -> None:
        kinds = {
            400: errors.BadRequest,
            401: errors.Unauthorized,
            403: errors.Forbidden,
            404: errors.NotFound,
            405: errors.APIError,
            409: errors.Conflict,
            500: errors.Unavailable,
            503: errors.Unavailable,
        }
        for status, kind in kinds.items():
            self.valence = testing.FakeValence()
            self.client = self.valence.client()
            form = {"status": status, "code": "valence.x", "detail": "No."}
            self.assertEqual(status, self.error_of(status, {"errors": [form]}, kind).status)

    def test_an_error_has_every_field_of_the_response(self) -> None:
        form = {
            "status": 409,
            "code": "valence.podmanager.refused",
            "title": "Conflict",
            "detail": "Pod manager pod-1 refused.",
            "reason": "There are no\n free processors",
            "request_id": "req-1",
        }
        error = self.error_of(409, {"errors": [form]}, errors.Conflict)
        self.assertEqual(
            (409, form["code"], form["detail"], form["reason"], "req-1"),
            (error.status, error.code, error.detail, error.reason, error.request_id),
        )
        self.assertEqual(
            "Pod manager pod-1 refused. The reason given: There are no free processors "
            "(HTTP 409, valence.podmanager.refused, req-1)",
            str(error),
        )

    def test_the_html_page_of_a_proxy_becomes_a_sentence(self) -> None:
        page = "<html><head><title>502 Bad\nGateway</title></head><body>nginx</body></html>"
        error = self.error_of(502, page, errors.Unavailable)
        self.assertIsNone(error.code)
        self.assertIn("answered 502 Bad Gateway (502 Bad Gateway)", error.detail)
        self.assertNotIn("<", str(error))

    def test_other_bodies_become_sentences(self) -> None:
        for body in (None, "", "{", [], {}, {"errors": []}, {"errors": ["no"]}, {"error": "no"}):
            self.valence = testing.FakeValence()
            self.client = self.valence.client()
            error = self.error_of(503, body, errors.Unavailable)
            self.assertIn("answered 503 Service Unavailable", error.detail)
            self.assertTrue(error.request_id is None)

    def test_a_success_without_json_is_an_error(self) -> None:
        error = self.error_of(200, "<html>Welcome!</html>", errors.APIError)
        self.assertIn("Check that the address is Valence's", str(error))

    def test_a_read_is_sent_twice_before_it_fails(self) -> None:
        self.valence.lose("GET", "/v1/nodes/x", times=9)
        error = self.assertRaises(errors.ConnectFailed, self.client.nodes.get, "x")
        self.assertEqual(2, len(self.valence.calls))
        self.assertIn(self.valence.url, str(error))

    def test_a_failed_connection_has_the_message_of_the_operating_system_only(self) -> None:
        client = Client(endpoint="http://127.0.0.1:1")
        error = self.assertRaises(errors.ConnectFailed, client.nodes.get, "x")
        self.assertEqual("Connection refused", error.why)

    def test_a_certificate_that_fails_is_not_retried(self) -> None:
        self.valence._wire.send = self.broken(requests.exceptions.SSLError("self-signed"))
        error = self.assertRaises(
            errors.ConnectFailed, self.client.nodes.create, properties={"memory": {}}
        )
        self.assertEqual((False, 1), (error.lost, error.attempts))

    def test_a_response_that_breaks_off_counts_as_lost(self) -> None:
        broken = requests.exceptions.ChunkedEncodingError("broke off")
        self.valence._wire.send = self.broken(broken)
        error = self.assertRaises(
            errors.ConnectFailed, self.client.nodes.create, properties={"memory": {}}
        )
        self.assertEqual((True, 4), (error.lost, error.attempts))

    def broken(self, exc: Exception) -> Callable[..., None]:
        def send(*args: object, **kwargs: object) -> None:
            raise exc

        return send

    def test_errors_survive_a_copy_and_a_pickle(self) -> None:
        self.valence.fail("compose", reason="No processor fits")
        node_failed = self.assertRaises(
            errors.NodeFailed,
            self.client.nodes.create,
            properties={"memory": {"capacity_mib": 1}},
            wait=True,
        )
        conflict = errors.Conflict(409, "valence.x", "No.", "Really no.", "req-1")
        lost = errors.ConnectFailed("http://x", "refused", lost=False)
        for error in (node_failed, conflict, lost):
            for clone in (copy.copy(error), pickle.loads(pickle.dumps(error))):
                self.assertEqual((type(error), str(error)), (type(clone), str(clone)))

    def test_a_password_does_not_reach_the_debug_log(self) -> None:
        log = self.useFixture(fixtures.FakeLogger("keystoneauth", level=logging.DEBUG))
        self.client.podmanagers.create(name="p", url="https://p.test", password="hunter2")
        self.client.podmanagers.update("p", password="hunter3")
        self.assertNotIn("hunter", log.output)
        self.client.podmanagers.get("p")
        self.assertIn("/v1/podmanagers/p", log.output)


class TestImports(base.TestCase):
    def test_the_package_and_the_plugin_import_nothing_heavy(self) -> None:
        program = (
            "import sys, valenceclient, valenceclient.osc.plugin; "
            "heavy = {'keystoneauth1', 'requests', 'openstack', 'cliff'} & set(sys.modules); "
            "sys.exit(repr(heavy) if heavy else 0)"
        )
        subprocess.run([sys.executable, "-c", program], check=True)

    def test_the_errors_need_no_import_of_their_own(self) -> None:
        program = "import valenceclient; valenceclient.errors.NotFound"
        subprocess.run([sys.executable, "-c", program], check=True)
