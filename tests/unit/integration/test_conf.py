# SPDX-License-Identifier: Apache-2.0

"""Options, the clients they lead to, and the sample that shows them."""

import pathlib
import re

from oslo_config import cfg
import sqlalchemy as sa

from tests.unit.integration import base
from valence_conductor import errors as conductor_errors
from valence_integration import conf as integration_conf
from valence_integration import errors
from valence_integration import ledger
from valence_integration.peers import clients
from valence_integration.peers import converge
from valence_integration.peers.ironic import IronicNodes
from valence_integration.peers.valence import ValenceNodes
from valence_integration.provisioner import Provisioner

ROOT = pathlib.Path(__file__).parents[3]
NOBODY = "http://127.0.0.1:9"


class TestOptions(base.WorldTestCase):
    def conf(self, text: str = "") -> cfg.ConfigOpts:
        path = self.folder / "test.conf"
        path.write_text(text)
        conf = cfg.ConfigOpts()
        conf(["--config-file", str(path)], project="valence")
        integration_conf.register_opts(conf)
        return conf

    def test_every_option_has_a_help(self) -> None:
        listed = [option for _group, options in integration_conf.list_opts() for option in options]
        self.assertEqual([], [option.name for option in listed if not option.help])

    def test_registering_twice_is_harmless(self) -> None:
        integration_conf.register_opts(self.conf())

    def test_the_sample_shows_every_option_of_ours(self) -> None:
        sample = ROOT / "etc/valence/valence-integration.conf.sample"
        groups = re.split(r"(?m)^\[(\w+)\]$", sample.read_text())
        shown = dict(zip(groups[1::2], groups[2::2], strict=True))
        ours = shown[integration_conf.GROUP]
        missing = [o.dest for o in integration_conf.OPTS if f"\n#{o.dest} =" not in ours]
        self.assertEqual([], missing)
        for group in integration_conf.PEERS:
            self.assertIn("\n#endpoint_override =", shown[group])
            self.assertIn("\n#auth_type =", shown[group])

    def test_the_database_is_a_file_under_the_state_path_by_default(self) -> None:
        conf = self.conf(f"[valence_integration]\nstate_path = {self.folder}/new/state\n")
        opened = ledger.load(conf)
        self.addCleanup(opened.instances.close)
        self.assertEqual([], opened.instances.list())
        self.assertTrue((self.folder / "new/state/integration.sqlite").exists())
        flows = sa.make_url(ledger.flows_connection(conf)).database
        self.assertEqual(f"{self.folder}/new/state/integration-flows.sqlite", flows)

    def test_limits_are_read(self) -> None:
        conf = self.conf("[valence_integration]\ngive_back_attempts = 7\nowner = me\n")
        self.assertEqual(7, integration_conf.limits(conf).give_back_attempts)
        self.assertEqual({"owner": "me"}, integration_conf.registration(conf))

    def test_neither_peer_is_needed_to_start(self) -> None:
        conf = self.conf(f"[valence_integration]\nstate_path = {self.folder}/s\n")
        with Provisioner(conf) as provisioner:
            self.assertEqual([], provisioner.list())

    def test_without_an_address_the_fault_says_what_to_set(self) -> None:
        conf = self.conf()
        valence = ValenceNodes(lambda: clients.valence(conf))
        ironic = IronicNodes(lambda: clients.ironic(conf))
        for find, group in ((valence.find, "valence"), (ironic.find, "ironic")):
            fault = self.assertRaises(conductor_errors.Fault, find, "n")
            self.assertIn(f"[{group}] says neither endpoint_override nor auth_type", str(fault))

    def test_a_peer_that_is_down_is_silent(self) -> None:
        conf = self.conf(
            f"[valence]\nendpoint_override = {NOBODY}\n[ironic]\nendpoint_override = {NOBODY}\n"
        )
        valence = ValenceNodes(lambda: clients.valence(conf))
        ironic = IronicNodes(lambda: clients.ironic(conf))
        for find in (valence.find, ironic.find):
            fault = self.assertRaises(converge.Silent, find, "n")
            self.assertIn("127.0.0.1", str(fault))

    def test_http_basic_sends_what_the_group_says(self) -> None:
        who = "auth_type = http_basic\nusername = me\npassword = secret\n"
        conf = self.conf(
            f"[valence]\nendpoint_override = {self.valence.url}\n{who}"
            f"[ironic]\nendpoint_override = {self.ironic.url}\n{who}"
        )
        valence = clients.valence(conf)
        self.valence.mount(valence.adapter.session)
        ironic = clients.ironic(conf)
        ironic.http_client.session.mount(self.ironic.url, self.ironic.wire)
        self.assertIsNone(ValenceNodes(lambda: valence).find("n"))
        self.assertTrue(IronicNodes(lambda: ironic).find("n").is_gone)
        for call in (self.valence.calls[-1], self.ironic.wire.calls[-1]):
            self.assertEqual("Basic bWU6c2VjcmV0", call.headers["Authorization"])

    def test_a_plugin_that_is_not_there_is_named(self) -> None:
        conf = self.conf("[ironic]\nauth_type = no-such\n")
        with self.assertRaisesRegex(errors.InvalidRequest, "no-such"):
            clients.ironic(conf)

    def test_wrong_credentials_are_not_waited_for(self) -> None:
        self.ironic.answer("GET", ".*", 401, "Authentication required", times=9)
        fault = self.assertRaises(conductor_errors.Fault, self.tools.ironic.find, "n")
        self.assertNotIsInstance(fault, converge.Silent)
        self.assertIn("check the credentials in group [ironic]", str(fault))
