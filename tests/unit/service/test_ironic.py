# SPDX-License-Identifier: Apache-2.0

"""Registration in Ironic, with responses as Ironic sends them."""

import logging
from typing import Any
from unittest import mock

import fixtures
from keystoneauth1 import loading
from oslo_config import cfg
import requests
import testscenarios

from tests import base
from tests.unit.service import fake_redfish
from valence import errors
from valence import ironic as ironic_client
from valence.conf import ironic as ironic_conf
from valence_conductor import interrupt

URL = "http://ironic.example:6385"
UUID = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
COMPOSED = "33333333-3333-4333-8333-333333333333"
INSTALLATION = "55555555-5555-4555-8555-555555555555"
INSTANCE = "44444444-4444-4444-8444-444444444444"
MAC = "aa:bb:cc:00:00:01"
NODE = f"/v1/nodes/{UUID}"
PORTS = f"/v1/ports/?fields=uuid,address&node={UUID}"
PORT_BY_MAC = f"/v1/ports/?fields=uuid,node_uuid&address={MAC}"
LOCKED = (
    f"Node {UUID} is locked by host lab, please retry after the current operation is completed."
)

ok = fake_redfish.ok


def node(state: str = "enroll", **more: Any) -> fake_redfish.Canned:
    return ok(
        {
            "uuid": UUID,
            "name": "n",
            "provision_state": state,
            "maintenance": False,
            "reservation": None,
            "last_error": None,
            "owner": None,
            "instance_uuid": None,
            "extra": {"valence_node": COMPOSED},
            **more,
        }
    )


def fault(status: int, message: str) -> fake_redfish.Canned:
    """Return an error as Ironic sends it: JSON in a string in JSON."""
    inner = f'{{"faultcode": "Client", "faultstring": "{message}", "debuginfo": null}}'
    return ok({"error_message": inner}, status)


def conf(**options: Any) -> cfg.ConfigOpts:
    result = cfg.ConfigOpts()
    result([], project="valence", default_config_files=[])
    ironic_conf.register_opts(result)
    for name, value in options.items():
        result.set_override(name, value, group="ironic")
    return result


class IronicTestCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.transport = fake_redfish.Transport(
            {
                ("POST", "/v1/nodes"): node(),
                ("POST", "/v1/ports"): ok({"uuid": "p"}, 201),
                ("GET", NODE): node(),
                ("GET", PORTS): ok({"ports": []}),
                ("PUT", f"{NODE}/traits"): ok(None, 204),
                ("PATCH", NODE): node(),
                ("DELETE", NODE): ok(None, 204),
            }
        )
        self.conf = conf(auth_type="none", endpoint_override=URL, lock_timeout=3)
        self.ironic = ironic_client.Ironic(self.conf, self.transport)
        self.pauses: list[float] = []
        self.enterContext(mock.patch.object(interrupt, "pause", self.pauses.append))

    def create(self, **more: Any) -> None:
        fields = {
            "uuid": UUID,
            "name": "n",
            "driver_info": {"redfish_address": "https://pod.example"},
            "valence_node": COMPOSED,
            "installation": INSTALLATION,
            "macs": [MAC],
            **more,
        }
        self.ironic.create_node(**fields)

    def delete(self) -> None:
        self.ironic.delete_node(UUID, COMPOSED)

    def exists(self, *macs: str) -> None:
        """Make the node exist already, with these ports."""
        taken = fault(409, f"A node with UUID {UUID} already exists.")
        self.transport.on("POST", "/v1/nodes", taken)
        ports = [{"uuid": mac, "address": mac} for mac in macs]
        self.transport.on("GET", PORTS, ok({"ports": ports}))


class TestCreate(IronicTestCase):
    def test_a_node_and_its_ports(self) -> None:
        self.create(macs=["AA:BB:CC:00:00:01", "aa:bb:cc:00:00:02", MAC])
        posts = ["POST /v1/nodes", "POST /v1/ports", "POST /v1/ports"]
        self.assertEqual(posts, self.transport.asked)
        expected = {
            "uuid": UUID,
            "name": "n",
            "driver": "redfish",
            "driver_info": {"redfish_address": "https://pod.example"},
            "extra": {"valence_node": COMPOSED, "valence_installation": INSTALLATION},
        }
        self.assertEqual(expected, self.transport.sent(0))
        self.assertEqual({"node_uuid": UUID, "address": MAC}, self.transport.sent(1))
        self.assertEqual("aa:bb:cc:00:00:02", self.transport.sent(2)["address"])

    def test_every_optional_field(self) -> None:
        self.create(
            resource_class="baremetal",
            properties={"cpus": 4},
            extra={"rack": 7, "valence_node": "forged"},
            conductor_group="east",
            traits=["CUSTOM_B", "CUSTOM_A"],
            owner="project",
            instance_uuid=INSTANCE,
            macs=[],
        )
        sent = self.transport.sent(0)
        marks = {"valence_node": COMPOSED, "valence_installation": INSTALLATION}
        self.assertEqual({"rack": 7, **marks}, sent["extra"])
        self.assertEqual("baremetal", sent["resource_class"])
        self.assertEqual({"cpus": 4}, sent["properties"])
        self.assertEqual("east", sent["conductor_group"])
        patch = [
            {"op": "add", "path": "/owner", "value": "project"},
            {"op": "add", "path": "/instance_uuid", "value": INSTANCE},
        ]
        self.assertEqual(patch, self.transport.sent(1))
        self.assertEqual({"traits": ["CUSTOM_A", "CUSTOM_B"]}, self.transport.sent(2))

    def test_the_password_of_a_pod_manager_is_not_logged(self) -> None:
        logged = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.create(driver_info={"redfish_password": "hidden"})
        self.assertEqual("hidden", self.transport.sent(0)["driver_info"]["redfish_password"])
        self.assertIn(f"create node {UUID}", logged.output)
        self.assertNotIn("hidden", logged.output)

    def test_an_existing_one_is_completed(self) -> None:
        self.exists("AA:BB:CC:00:00:01")
        self.transport.on("GET", NODE, node(owner="project"))
        self.create(macs=[MAC, "aa:bb:cc:00:00:02"], owner="project")
        self.assertEqual(
            ["POST /v1/nodes", f"GET {NODE}", f"GET {PORTS}", "POST /v1/ports"],
            self.transport.asked,
        )
        self.assertEqual("aa:bb:cc:00:00:02", self.transport.sent()["address"])

    def test_an_existing_one_of_another_node_is_not_changed(self) -> None:
        self.exists()
        for extra in ({}, None, {"valence_node": OTHER}):
            self.transport.on("GET", NODE, node(extra=extra))
            exc = self.assertRaises(errors.IronicRefused, self.create)
            self.assertIn("not changed", exc.detail)
        self.assertNotIn("POST /v1/ports", self.transport.asked)

    def test_a_name_that_another_node_has_is_refused_with_ironics_message(self) -> None:
        words = "A node with name n already exists."
        self.transport.on("POST", "/v1/nodes", fault(409, words))
        self.transport.on("GET", NODE, fault(404, f"Node {UUID} could not be found."))
        exc = self.assertRaises(errors.IronicRefused, self.create)
        self.assertEqual(words, exc.own_words)

    def test_a_mac_of_another_node_is_refused_and_names_it(self) -> None:
        words = f"A port with MAC address {MAC} already exists."
        self.transport.on("POST", "/v1/ports", fault(409, words))
        taken = {"ports": [{"uuid": "p", "node_uuid": OTHER}]}
        self.transport.on("GET", PORT_BY_MAC, ok(taken))
        self.transport.on("GET", f"/v1/nodes/{OTHER}", ok({"uuid": OTHER}))
        exc = self.assertRaises(errors.IronicRefused, self.create)
        self.assertEqual(words, exc.own_words)
        self.assertEqual(OTHER, exc.details["ironic_node"])
        self.assertIn(OTHER, exc.detail)

    def test_a_mac_that_the_node_got_meanwhile_is_fine(self) -> None:
        self.transport.on("POST", "/v1/ports", fault(409, "exists"))
        taken = {"ports": [{"uuid": "p", "node_uuid": UUID}]}
        self.transport.on("GET", PORT_BY_MAC, ok(taken))
        self.create()

    def test_what_ironic_does_not_accept_is_refused(self) -> None:
        for path in ("/v1/nodes", "/v1/ports"):
            self.transport.on("POST", path, fault(400, "Not so."))
            exc = self.assertRaises(errors.IronicRefused, self.create)
            self.assertEqual("Not so.", exc.own_words)
            self.transport.on("POST", "/v1/nodes", node())


class TestDelete(IronicTestCase):
    gone = fault(404, f"Node {UUID} could not be found.")

    def deleted(self) -> int:
        return self.transport.asked.count(f"DELETE {NODE}")

    def test_one_that_does_not_exist_is_fine(self) -> None:
        self.transport.on("GET", NODE, self.gone)
        self.delete()
        self.assertEqual(0, self.deleted())

    def test_it_is_deleted_when_ironic_answers_404(self) -> None:
        self.transport.on("GET", NODE, node(), self.gone)
        self.delete()
        requests_sent = [f"GET {NODE}", f"DELETE {NODE}", f"GET {NODE}"]
        self.assertEqual(requests_sent, self.transport.asked)
        self.assertEqual([], self.pauses)

    def test_one_that_is_deleted_meanwhile_is_fine(self) -> None:
        self.transport.on("GET", NODE, node(), self.gone)
        self.transport.on("DELETE", NODE, self.gone)
        self.delete()

    def test_one_of_another_node_is_not_deleted(self) -> None:
        self.transport.on("GET", NODE, node(extra={"valence_node": OTHER}))
        exc = self.assertRaises(errors.IronicRefused, self.delete)
        self.assertEqual(UUID, exc.details["ironic_node"])
        self.assertIs(False, exc.details["ours"])
        self.assertEqual(0, self.deleted())

    def test_a_lock_is_waited_for(self) -> None:
        held = node(reservation="lab")
        self.transport.on("GET", NODE, held, node("verifying"), node(), node(), self.gone)
        self.transport.on("DELETE", NODE, fault(409, LOCKED), ok(None, 204))
        self.delete()
        self.assertEqual(3, len(self.pauses))
        self.assertEqual(2, self.deleted())

    def test_a_lock_is_waited_for_until_the_timeout(self) -> None:
        self.conf.set_override("lock_timeout", 0, group="ironic")
        self.transport.on("GET", NODE, node(reservation="lab"))
        exc = self.assertRaises(errors.IronicRefused, self.delete)
        self.assertIn("locked by Ironic's conductor lab", exc.detail)
        self.assertEqual(0, self.deleted())

    def test_a_deletion_without_effect_is_an_error(self) -> None:
        self.conf.set_override("lock_timeout", 0, group="ironic")
        exc = self.assertRaises(errors.IronicRefused, self.delete)
        self.assertIn("still has it", exc.detail)

    def test_a_conflict_that_is_no_lock_is_an_error_at_once(self) -> None:
        self.transport.on("DELETE", NODE, fault(409, "Node is protected."))
        exc = self.assertRaises(errors.IronicRefused, self.delete)
        self.assertEqual("Node is protected.", exc.own_words)
        self.assertEqual([], self.pauses)

    def test_the_instance_of_a_node_that_cannot_be_deployed_is_removed(self) -> None:
        self.transport.on("GET", NODE, node(instance_uuid=INSTANCE), self.gone)
        self.delete()
        requests_sent = [f"GET {NODE}", f"PATCH {NODE}", f"DELETE {NODE}", f"GET {NODE}"]
        self.assertEqual(requests_sent, self.transport.asked)
        self.assertEqual([{"op": "remove", "path": "/instance_uuid"}], self.transport.sent(1))

    def test_the_instance_of_an_available_node_stays(self) -> None:
        words = f"Node {UUID} is associated with instance {INSTANCE}."
        self.transport.on("GET", NODE, node("available", instance_uuid=INSTANCE))
        self.transport.on("DELETE", NODE, fault(409, words))
        exc = self.assertRaises(errors.IronicRefused, self.delete)
        self.assertEqual(words, exc.own_words)
        self.assertNotIn(f"PATCH {NODE}", self.transport.asked)


class TestDeployed(testscenarios.WithScenarios, IronicTestCase):
    scenarios = [
        (f"{state}{' in maintenance' * maintenance}", {"state": state, "maintenance": maintenance})
        for state in ("active", "deploying", "wait call-back", "deploy failed", "rescue", "error")
        for maintenance in (False, True)
    ]
    state: str
    maintenance: bool

    def test_a_deployed_node_is_refused_without_a_request_to_delete_it(self) -> None:
        self.transport.on("GET", NODE, node(self.state, maintenance=self.maintenance))
        exc = self.assertRaises(errors.IronicRefused, self.delete)
        self.assertIn(f"'{self.state}'", exc.detail)
        self.assertEqual([f"GET {NODE}"], self.transport.asked)


class TestUnavailable(testscenarios.WithScenarios, IronicTestCase):
    scenarios = [
        (name, {"answer": answer, "words": words})
        for name, answer, words in [
            (
                "refused",
                requests.ConnectionError("Connection refused"),
                "Check that it is running",
            ),
            ("silent", requests.ReadTimeout(), "Check that it is running"),
            ("failing", fault(500, "Oops"), "Check that it is running"),
            ("overloaded", fault(503, "Busy"), "Check that it is running"),
            ("a wrong password", fault(401, "Who are you?"), "Check the credentials"),
        ]
    ]
    answer: Exception | tuple[Any, ...]
    words: str

    def test_unavailable(self) -> None:
        self.transport.on("GET", "/v1/nodes/?limit=1&fields=uuid", self.answer)
        self.transport.on("POST", "/v1/nodes", self.answer)
        for call in (self.ironic.ping, self.create):
            self.transport.requests.clear()
            exc = self.assertRaises(errors.IronicUnavailable, call)
            self.assertIn(self.words, exc.detail)
            self.assertEqual(1, len(self.transport.requests), "nothing is sent twice")


class TestConfiguration(base.TestCase):
    def opened(self, **options: Any) -> requests.PreparedRequest:
        transport = fake_redfish.Transport()
        transport.on("GET", "/v1/nodes/?limit=1&fields=uuid", ok({"nodes": []}))
        ironic_client.Ironic(conf(**options), transport).ping()
        self.timeout = transport.options[-1]["timeout"]
        return transport.requests[-1]

    def test_nothing_configured(self) -> None:
        service = ironic_client.Ironic(conf())
        self.assertRaises(errors.IronicNotConfigured, service.ping)
        self.assertRaises(errors.IronicNotConfigured, service.delete_node, UUID, COMPOSED)

    def test_no_authentication(self) -> None:
        for options in ({"auth_type": "none"}, {}):
            sent = self.opened(endpoint_override=f"{URL}/v1", **options)
            self.assertEqual(f"{URL}/v1/nodes/?limit=1&fields=uuid", sent.url)
            self.assertEqual(
                ironic_client.MICROVERSION, sent.headers["X-OpenStack-Ironic-API-Version"]
            )
            self.assertNotIn("Authorization", sent.headers)
            self.assertEqual(60, self.timeout)

    def test_http_basic(self) -> None:
        options = conf()
        options.set_override("auth_type", "http_basic", group="ironic")
        options.set_override("endpoint_override", URL, group="ironic")
        transport = fake_redfish.Transport()
        transport.on("GET", "/v1/nodes/?limit=1&fields=uuid", ok({"nodes": []}))
        plugin = loading.get_auth_plugin_conf_options("http_basic")
        options.register_opts(plugin, group="ironic")
        options.set_override("username", "valence", group="ironic")
        options.set_override("password", "secret", group="ironic")
        ironic_client.Ironic(options, transport).ping()
        sent = transport.requests[-1].headers["Authorization"]
        self.assertEqual("Basic dmFsZW5jZTpzZWNyZXQ=", sent)

    def test_an_unknown_plugin(self) -> None:
        service = ironic_client.Ironic(conf(auth_type="telepathy", endpoint_override=URL))
        exc = self.assertRaises(errors.IronicUnavailable, service.ping)
        self.assertIn("telepathy", exc.own_words or "")

    def test_overrides_in_one_configuration_do_not_affect_another(self) -> None:
        conf(endpoint_override=URL, lock_timeout=1)
        self.assertIsNone(conf().ironic.endpoint_override)
        self.assertEqual(60, conf().ironic.lock_timeout)

    def test_the_sample_has_every_option_once(self) -> None:
        ((group, options),) = ironic_conf.list_opts()
        names = [option.name for option in options]
        self.assertEqual("ironic", group)
        self.assertEqual(len(set(names)), len(names))
        for name in ("auth_type", "endpoint-override", "username", "lock_timeout", "timeout"):
            self.assertIn(name, names)
        self.assertEqual([60], [one.default for one in options if one.name == "timeout"])
