# SPDX-License-Identifier: Apache-2.0

"""Options, the clients that they configure, and the sample file."""

import pathlib
import re

from oslo_config import cfg
import sqlalchemy as sa

from tests.unit.integration import base
from valence_conductor import errors as conductor_errors
from valence_integration import conf as integration_conf
from valence_integration import errors
from valence_integration import ledger
from valence_integration.mogan import conf as mogan_conf
from valence_integration.peers import clients
from valence_integration.peers import converge
from valence_integration.peers.ironic import IronicNodes
from valence_integration.peers.valence import ValenceNodes
from valence_integration.provisioner import Provisioner

ROOT = pathlib.Path(__file__).parents[3]
UNREACHABLE = "http://127.0.0.1:9"


class TestOptions(base.WorldTestCase):
    def conf(self, text: str = "") -> cfg.ConfigOpts:
        path = self.folder / "test.conf"
        path.write_text(text)
        conf = cfg.ConfigOpts()
        conf(["--config-file", str(path)], project="valence")
        integration_conf.register_opts(conf)
        return conf

    def test_every_option_has_a_help(self) -> None:
        groups = integration_conf.list_opts() + mogan_conf.list_opts()
        listing = [option for _group, options in groups for option in options]
        self.assertEqual([], [option.name for option in listing if not option.help])

    def test_options_may_be_registered_twice(self) -> None:
        integration_conf.register_opts(self.conf())

    def test_the_sample_has_every_option_of_the_plugin(self) -> None:
        sample = ROOT / "etc/valence/valence-integration.conf.sample"
        groups = re.split(r"(?m)^\[(\w+)\]$", sample.read_text())
        samples = dict(zip(groups[1::2], groups[2::2], strict=True))
        plugin = samples[integration_conf.GROUP]
        missing = [o.dest for o in integration_conf.OPTS if f"\n#{o.dest} =" not in plugin]
        self.assertEqual([], missing)
        missing = [o.dest for o in mogan_conf.OPTS if f"\n#{o.dest} =" not in samples["mogan"]]
        self.assertEqual([], missing)
        for group in integration_conf.PEERS:
            self.assertIn("\n#endpoint_override =", samples[group])
            self.assertIn("\n#auth_type =", samples[group])

    def test_the_database_is_a_file_under_the_state_path_by_default(self) -> None:
        conf = self.conf(f"[valence_integration]\nstate_path = {self.folder}/new/state\n")
        loaded = ledger.load(conf)
        self.addCleanup(loaded.instances.close)
        self.assertEqual([], loaded.instances.list())
        self.assertTrue((self.folder / "new/state/integration.sqlite").exists())
        flows = sa.make_url(ledger.flows_connection(conf)).database
        self.assertEqual(f"{self.folder}/new/state/integration-flows.sqlite", flows)

    def test_limits_are_read(self) -> None:
        conf = self.conf("[valence_integration]\ngive_back_attempts = 7\nowner = me\n")
        self.assertEqual(7, integration_conf.limits(conf).give_back_attempts)
        self.assertEqual({"owner": "me"}, integration_conf.registration(conf))

    def test_neither_service_is_needed_to_start(self) -> None:
        conf = self.conf(f"[valence_integration]\nstate_path = {self.folder}/s\n")
        with Provisioner(conf) as provisioner:
            self.assertEqual([], provisioner.list())

    def test_without_an_address_the_fault_names_the_options_to_set(self) -> None:
        conf = self.conf()
        valence = ValenceNodes(lambda: clients.valence(conf))
        ironic = IronicNodes(lambda: clients.ironic(conf))
        for find, group in ((valence.find, "valence"), (ironic.find, "ironic")):
            fault = self.assertRaises(conductor_errors.Fault, find, "n")
            self.assertIn(f"[{group}] sets neither endpoint_override nor auth_type", str(fault))

    def test_a_service_that_is_down_is_unavailable(self) -> None:
        conf = self.conf(
            f"[valence]\nendpoint_override = {UNREACHABLE}\n"
            f"[ironic]\nendpoint_override = {UNREACHABLE}\n"
        )
        valence = ValenceNodes(lambda: clients.valence(conf))
        ironic = IronicNodes(lambda: clients.ironic(conf))
        for find in (valence.find, ironic.find):
            fault = self.assertRaises(converge.Unavailable, find, "n")
            self.assertIn("127.0.0.1", str(fault))

    def test_http_basic_sends_the_credentials_of_the_group(self) -> None:
        credentials = "auth_type = http_basic\nusername = me\npassword = secret\n"
        conf = self.conf(
            f"[valence]\nendpoint_override = {self.valence.url}\n{credentials}"
            f"[ironic]\nendpoint_override = {self.ironic.url}\n{credentials}"
        )
        valence = clients.valence(conf)
        self.valence.mount(valence.adapter.session)
        ironic = clients.ironic(conf)
        ironic.http_client.session.mount(self.ironic.url, self.ironic.wire)
        self.assertIsNone(ValenceNodes(lambda: valence).find("n"))
        self.assertTrue(IronicNodes(lambda: ironic).find("n").is_gone)
        for call in (self.valence.calls[-1], self.ironic.wire.calls[-1]):
            self.assertEqual("Basic bWU6c2VjcmV0", call.headers["Authorization"])

    def test_a_missing_auth_plugin_is_named(self) -> None:
        conf = self.conf("[ironic]\nauth_type = no-such\n")
        with self.assertRaisesRegex(errors.InvalidRequest, "no-such"):
            clients.ironic(conf)

    def test_wrong_credentials_are_not_retried(self) -> None:
        self.ironic.answer("GET", ".*", 401, "Authentication required", times=9)
        fault = self.assertRaises(conductor_errors.Fault, self.task_context.ironic.find, "n")
        self.assertNotIsInstance(fault, converge.Unavailable)
        self.assertIn("check the credentials in group [ironic]", str(fault))
