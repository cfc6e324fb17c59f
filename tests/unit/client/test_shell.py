# SPDX-License-Identifier: Apache-2.0

"""The program: its help, its authentication, and its errors."""

import configparser
import importlib
import logging
import os
import pathlib
import pkgutil
import types
from unittest import mock

from cliff import command
from keystoneauth1 import fixture as ksa_fixture
from keystoneauth1 import noauth
from keystoneauth1 import session as ksa_session
import testscenarios

from tests import base
from tests.unit.client import shell_base
from valenceclient import commands
from valenceclient import shell
from valenceclient import testing
from valenceclient.osc import plugin
from valenceclient.testing import _wire

SETUP_CFG = pathlib.Path(__file__).resolve().parents[3] / "setup.cfg"


def entry_points(group: str) -> dict[str, str]:
    """Return the entry points of setup.cfg, which may differ from the installed ones."""
    parser = configparser.ConfigParser()
    parser.read(SETUP_CFG, encoding="utf-8")
    lines = parser["entry_points"][group].splitlines()
    pairs = (line.split("=") for line in lines if "=" in line)
    return {name.strip(): target.strip() for name, target in pairs}


COMMANDS = entry_points("valence.cli.v1")


class TestEntryPoints(base.TestCase):
    def test_every_entry_point_of_the_client_imports(self) -> None:
        targets = {
            **COMMANDS,
            **entry_points("openstack.valence.v1"),
            **entry_points("openstack.cli.extension"),
            "valence": entry_points("console_scripts")["valence"],
        }
        for target in targets.values():
            module, _, name = target.partition(":")
            home = importlib.import_module(module)
            self.assertTrue(not name or callable(getattr(home, name)), target)

    def test_the_plugin_has_the_same_classes_as_the_program(self) -> None:
        plugin_commands = entry_points("openstack.valence.v1")
        self.assertEqual(
            {f"valence_{name}": target for name, target in COMMANDS.items()},
            plugin_commands,
        )

    def test_every_command_class_has_an_entry_point(self) -> None:
        for _, path, _ in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
            module = importlib.import_module(path)
            classes = {
                f"{path}:{name}"
                for name, value in vars(module).items()
                if isinstance(value, type) and issubclass(value, command.Command)
                if value.__module__ == path and not name.startswith("_")
            }
            self.assertEqual(set(), classes - set(COMMANDS.values()))


class TestHelp(testscenarios.WithScenarios, shell_base.ShellTest):
    scenarios = [(name, {"command": name.split("_")}) for name in sorted(COMMANDS)]
    command: list[str]

    def test_a_command_prints_its_help_without_a_service(self) -> None:
        with mock.patch.dict("os.environ"):
            del os.environ["VALENCE_ENDPOINT"]
            text = self.run_program(*self.command, "--help")
        self.assertIn(f"{' '.join(self.command)} [-h]", " ".join(text.split()))
        self.assertEqual([], self.valence.calls)


class TestProgram(shell_base.ShellTest):
    def test_the_help_lists_every_command(self) -> None:
        text = self.run_program("--help")
        for name in COMMANDS:
            self.assertIn(name.replace("_", " "), text)

    def test_completion_has_every_noun(self) -> None:
        text = self.run_program("complete")
        self.assertIn("_valence()", text)
        for noun in ("node", "podmanager", "flavor"):
            self.assertIn(noun, text)

    def test_an_error_of_the_api_is_one_line_and_status_1(self) -> None:
        line = self.error_line("node", "show", "none")
        self.assertIn("There is no node 'none': list them to see which there are.", line)
        self.assertNotIn("Traceback", self.stderr.getvalue())

    def test_with_debug_there_is_a_traceback(self) -> None:
        self.run_program("--debug", "node", "show", "none", status=1)
        self.assertIn("Traceback", self.stderr.getvalue())
        self.assertIn("valenceclient.errors.NotFound", self.stderr.getvalue())

    def test_an_unreachable_service_is_one_line(self) -> None:
        line = self.error_line("--endpoint", "http://127.0.0.1:1", "node", "list")
        self.assertEqual(
            "No answer from http://127.0.0.1:1/v1/nodes: Connection refused. "
            "Check that the address is right and that the service runs.",
            line,
        )

    def test_without_an_endpoint_the_error_names_the_options(self) -> None:
        line = self.error_line("--endpoint", "", "node", "list")
        self.assertIn("Set --endpoint or VALENCE_ENDPOINT; or log in to Keystone", line)

    def test_the_option_takes_precedence_over_the_environment(self) -> None:
        other = testing.FakeValence(url="http://other.test:8881")
        with other.intercept():
            self.run_program("--endpoint", other.url, "node", "list")
        self.assertEqual((0, 1), (len(self.valence.calls), len(other.calls)))

    def test_a_user_with_an_endpoint_is_basic_authentication(self) -> None:
        self.run_program("--os-username", "u", "--os-password", "p", "node", "list")
        self.assertEqual("Basic dTpw", self.valence.calls[0].headers["Authorization"])

    def test_a_missing_password_without_a_terminal_is_an_error(self) -> None:
        with mock.patch("sys.stdin", autospec=True) as stdin:
            stdin.isatty.return_value = False
            line = self.error_line("--os-username", "u", "node", "list")
        self.assertIn("set OS_PASSWORD", line)

    def test_a_password_is_prompted_for_in_a_terminal(self) -> None:
        with (
            mock.patch("sys.stdin", autospec=True) as stdin,
            mock.patch("getpass.getpass", autospec=True, return_value="p") as getpass,
        ):
            stdin.isatty.return_value = True
            self.run_program("--os-username", "u", "node", "list")
        getpass.assert_called_once_with("Password of u: ")
        self.assertEqual("Basic dTpw", self.valence.calls[0].headers["Authorization"])

    def test_the_usual_variables_log_in_to_keystone(self) -> None:
        self.environ(
            {
                "OS_AUTH_URL": "http://keystone.test:5000/v3",
                "OS_USERNAME": "u",
                "OS_PASSWORD": "p",
                "OS_PROJECT_NAME": "demo",
                "OS_USER_DOMAIN_ID": "default",
                "OS_PROJECT_DOMAIN_ID": "default",
                "VALENCE_ENDPOINT": "",
            },
            clear=False,
        )
        keystone = testing.FakeValence(url="http://keystone.test:5000")
        keystone._wire = _wire.Wire(self.keystone)
        with keystone.intercept():
            self.run_program("podmanager", "list")
        self.assertEqual("a-token", self.valence.calls[-1].headers["X-Auth-Token"])

    def keystone(self, method: str, path: str, query: object, body: object) -> _wire.Answer:
        if method == "GET":
            discovery = ksa_fixture.V3Discovery("http://keystone.test:5000/v3")
            return 200, {"version": dict(discovery)}, {}
        token = ksa_fixture.V3Token(project_id="p")
        service = token.add_service("composable-baremetal")
        service.add_endpoint("public", self.valence.url)
        return 201, dict(token), {"X-Subject-Token": "a-token"}

    def test_a_cloud_that_is_not_configured_is_one_line(self) -> None:
        line = self.error_line("--os-cloud", "none-such", "node", "list")
        self.assertIn("none-such", line)
        self.assertIn("Check --os-cloud and the OS_* variables.", line)

    def test_main_returns_the_exit_status(self) -> None:
        logging.getLogger().handlers = []
        with mock.patch("sys.stdout", self.stdout), mock.patch("sys.stderr", self.stderr):
            self.assertEqual(0, shell.main(["node", "list"]))
            self.assertEqual(1, shell.main(["node", "show", "none"]))


class TestPlugin(base.TestCase):
    def instance(self, **config: str) -> types.SimpleNamespace:
        """Return a stand-in for osc-lib's ClientManager, with what a plugin may use."""
        session = ksa_session.Session(auth=noauth.NoAuth(endpoint=config.pop("auth", None)))
        self.valence = testing.FakeValence()
        self.valence.mount(session)
        return types.SimpleNamespace(
            session=session,
            region_name=None,
            interface="public",
            get_configuration=lambda: config,
        )

    def test_the_plugins_client_uses_the_session_of_the_program(self) -> None:
        client = plugin.make_client(self.instance(auth="http://valence.test:8881"))
        self.assertEqual("pod-1", client.podmanagers.get("pod-1").name)

    def test_an_endpoint_may_come_from_the_option_or_the_cloud(self) -> None:
        for name in ("valence_endpoint", "composable_baremetal_endpoint_override"):
            client = plugin.make_client(self.instance(**{name: "http://valence.test:8881"}))
            self.assertEqual("pod-1", client.podmanagers.get("pod-1").name)
