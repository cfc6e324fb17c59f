# SPDX-License-Identifier: Apache-2.0

"""The program itself: its help, its logins, its manners when something fails."""

import configparser
import importlib
import logging
import os
import pathlib
import types
from unittest import mock

from keystoneauth1 import fixture as ksa_fixture
from keystoneauth1 import noauth
from keystoneauth1 import session as ksa_session
import testscenarios

from tests import base
from tests.unit.client import shell_base
from valenceclient import shell
from valenceclient import testing
from valenceclient.osc import plugin
from valenceclient.testing import _wire

SETUP_CFG = pathlib.Path(__file__).resolve().parents[3] / "setup.cfg"


def entry_points(group: str) -> dict[str, str]:
    """What setup.cfg names, as written there and not as it was installed."""
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
            found = importlib.import_module(module)
            self.assertTrue(not name or callable(getattr(found, name)), target)

    def test_the_plugin_has_the_same_classes_as_the_program(self) -> None:
        plugged = entry_points("openstack.valence.v1")
        self.assertEqual({f"valence_{name}": it for name, it in COMMANDS.items()}, plugged)

    def test_no_command_is_forgotten(self) -> None:
        for noun in ("node", "podmanager", "flavor"):
            module = importlib.import_module(f"valenceclient.commands.{noun}")
            classes = {
                f"{module.__name__}:{name}"
                for name, it in vars(module).items()
                if isinstance(it, type) and it.__module__ == module.__name__
            }
            self.assertEqual(set(), classes - set(COMMANDS.values()))


class TestHelp(testscenarios.WithScenarios, shell_base.ShellTest):
    scenarios = [(name, {"command": name.split("_")}) for name in sorted(COMMANDS)]
    command: list[str]

    def test_a_command_explains_itself_without_a_service(self) -> None:
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

    def test_completion_knows_every_noun(self) -> None:
        text = self.run_program("complete")
        self.assertIn("_valence()", text)
        for noun in ("node", "podmanager", "flavor"):
            self.assertIn(noun, text)

    def test_an_error_of_the_api_is_one_line_and_status_1(self) -> None:
        line = self.complaint("node", "show", "none")
        self.assertIn("There is no node 'none': list them to see which there are.", line)
        self.assertNotIn("Traceback", self.stderr.getvalue())

    def test_with_debug_there_is_a_traceback(self) -> None:
        self.run_program("--debug", "node", "show", "none", status=1)
        self.assertIn("Traceback", self.stderr.getvalue())
        self.assertIn("valenceclient.errors.NotFound", self.stderr.getvalue())

    def test_a_service_that_is_not_there_is_one_line(self) -> None:
        line = self.complaint("--endpoint", "http://127.0.0.1:1", "node", "list")
        self.assertEqual(
            "No answer from http://127.0.0.1:1/v1/nodes: Connection refused. "
            "Check that the address is right and that the service runs.",
            line,
        )

    def test_without_an_endpoint_the_program_says_what_to_give(self) -> None:
        line = self.complaint("--endpoint", "", "node", "list")
        self.assertIn("Give --endpoint or VALENCE_ENDPOINT; or log in to Keystone", line)

    def test_the_option_goes_before_the_environment(self) -> None:
        other = testing.FakeValence(url="http://other.test:8881")
        with other.intercept():
            self.run_program("--endpoint", other.url, "node", "list")
        self.assertEqual((0, 1), (len(self.valence.calls), len(other.calls)))

    def test_a_user_beside_an_endpoint_is_basic_authentication(self) -> None:
        self.run_program("--os-username", "u", "--os-password", "p", "node", "list")
        self.assertEqual("Basic dTpw", self.valence.calls[0].headers["Authorization"])

    def test_a_password_that_nobody_can_be_asked_for_is_an_error(self) -> None:
        with mock.patch("sys.stdin", autospec=True) as stdin:
            stdin.isatty.return_value = False
            line = self.complaint("--os-username", "u", "node", "list")
        self.assertIn("set OS_PASSWORD", line)

    def test_a_password_is_asked_for_in_a_terminal(self) -> None:
        with (
            mock.patch("sys.stdin", autospec=True) as stdin,
            mock.patch("getpass.getpass", autospec=True, return_value="p") as asked,
        ):
            stdin.isatty.return_value = True
            self.run_program("--os-username", "u", "node", "list")
        asked.assert_called_once_with("Password of u: ")
        self.assertEqual("Basic dTpw", self.valence.calls[0].headers["Authorization"])

    def test_keystone_is_logged_in_to_by_the_usual_variables(self) -> None:
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
            found = ksa_fixture.V3Discovery("http://keystone.test:5000/v3")
            return 200, {"version": dict(found)}, {}
        token = ksa_fixture.V3Token(project_id="p")
        service = token.add_service("composable-baremetal")
        service.add_endpoint("public", self.valence.url)
        return 201, dict(token), {"X-Subject-Token": "a-token"}

    def test_a_cloud_that_is_not_configured_is_one_line(self) -> None:
        line = self.complaint("--os-cloud", "none-such", "node", "list")
        self.assertIn("none-such", line)
        self.assertIn("Check --os-cloud and the OS_* variables.", line)

    def test_main_returns_the_exit_status(self) -> None:
        logging.getLogger().handlers = []
        with mock.patch("sys.stdout", self.stdout), mock.patch("sys.stderr", self.stderr):
            self.assertEqual(0, shell.main(["node", "list"]))
            self.assertEqual(1, shell.main(["node", "show", "none"]))


class TestPlugin(base.TestCase):
    def instance(self, **config: str) -> types.SimpleNamespace:
        """Stand for osc-lib's ClientManager, as far as a plugin may use it."""
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
