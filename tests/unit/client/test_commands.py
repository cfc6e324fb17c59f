# SPDX-License-Identifier: Apache-2.0

"""The commands for nodes, pod managers and flavors: arguments, requests and output."""

import json
import pathlib
from unittest import mock
import uuid

import fixtures

from tests.unit.client import shell_base
from valenceclient import Cleanup

SMALL = {"processor": {"total_cores": 8}, "memory": {"capacity_mib": 16384}}


class TestNodeCommands(shell_base.ShellTest):
    def compose(self, name: str = "web-1", *more: str) -> None:
        self.run_program("node", "create", "--name", name, "--cores=8", "--wait", *more)

    def test_a_node_is_composed_from_requirements(self) -> None:
        node = self.json(
            "node", "create", "--name", "web-1", "--cores", "8", "--memory", "16G",
            "--storage", "size=100,type=SSD", "--nic", "speed=10000", "--pci", "type=FPGA",
        )  # fmt: skip
        self.assertEqual("composing", node["state"])
        body = self.body()
        self.assertEqual(body.pop("uuid"), node["uuid"])
        self.assertEqual(
            {
                "name": "web-1",
                "properties": {
                    **SMALL,
                    "storage": [{"capacity_gib": 100, "type": "SSD"}],
                    "network": [{"speed_mbps": 10000}],
                    "pci_device": [{"type": "FPGA"}],
                },
            },
            body,
        )

    def test_a_node_is_composed_from_a_flavor_on_a_pod_manager(self) -> None:
        self.valence.add_flavor("small", SMALL)
        podm = self.valence.add_podmanager("pod-2")
        self.run_program("node", "create", "--flavor", "small", "--podm", "pod-2")
        self.assertEqual(
            ("small", podm["uuid"]), (self.body()["flavor_id"], self.body()["podm_id"])
        )

    def test_a_wait_prints_the_progress_on_stderr_and_the_node_on_stdout(self) -> None:
        text = self.run_program("node", "create", "--name=web-1", "--cores=8", "--wait")
        self.assertEqual(
            ["web-1  composing (assemble-node)", "web-1  composed"],
            [line.split("s  ")[1] for line in self.stderr.getvalue().splitlines()],
        )
        self.assertIn("composed", text)

    def test_a_quiet_program_prints_no_progress(self) -> None:
        self.run_program("-q", "node", "create", "--cores=8", "--wait")
        self.assertEqual("", self.stderr.getvalue())

    def test_a_failed_compose_prints_the_pod_managers_reason(self) -> None:
        self.valence.fail("compose", reason="No processor fits", detail="pod-1 refused.")
        self.run_program("-q", "node", "create", "--name=w", "--cores=8", "--wait", status=1)
        self.assertEqual(
            "Node w failed to compose: pod-1 refused. The reason given: No processor fits "
            "(valence.podmanager.refused)\n",
            self.stderr.getvalue(),
        )

    def test_a_node_is_shown_with_its_fault_and_the_cleanup(self) -> None:
        for cleanup, line in (
            (
                Cleanup(result="failed", detail="System is busy."),
                "Cleanup failed: System is busy.",
            ),
            (Cleanup(result="done"), "Cleanup done."),
            (Cleanup(result="pending"), "Cleanup pending."),
        ):
            self.valence.fail("compose", detail="pod-1 refused.", cleanup=cleanup)
            name = cleanup.result
            self.run_program(
                "-q", "node", "create", "--name", name, "--cores=8", "--wait", status=1
            )
            text = self.run_program("node", "show", name)
            self.assertIn("pod-1 refused.", text)
            self.assertIn(line, text)
            fault = self.json("node", "show", name)["fault"]
            self.assertEqual(cleanup, Cleanup.from_json(fault["cleanup"]))

    def test_a_wait_ends_at_its_timeout(self) -> None:
        self.valence.polls = 10_000
        self.run_program(
            "node", "create", "--name=w", "--cores=8", "--wait", "--timeout", "30", status=1
        )
        self.assertIn("still composing (assemble-node) after 30 seconds", self.stderr.getvalue())

    def test_either_a_flavor_or_requirements_are_needed(self) -> None:
        for arguments in ((), ("--flavor", "small", "--cores", "8")):
            self.assertIn("Use either --flavor", self.error_line("node", "create", *arguments))
        self.assertEqual([], self.valence.calls)

    def test_a_list_is_a_table_or_json(self) -> None:
        self.compose()
        self.assertIn("8 cores", self.run_program("node", "list"))
        (node,) = self.json("node", "list", "--long")
        self.assertEqual({"processor": {"total_cores": 8}}, node["Properties"])
        self.assertEqual("52:54", node["Interfaces"][0]["mac"][:5])
        self.assertEqual("web-1\n", self.run_program("node", "list", "-f", "value", "-c", "Name"))

    def test_a_list_is_filtered_and_limited(self) -> None:
        podm = self.valence.add_podmanager("pod-2")
        for name in ("a", "b", "c"):
            self.compose(name)
        command = ("node", "list", "-f", "value", "-c", "Name")
        self.assertEqual("a\nb\n", self.run_program(*command, "--limit", "2"))
        self.assertEqual("c\nb\na\n", self.run_program(*command, "--sort", "name:desc"))
        self.assertEqual("", self.run_program(*command, "--podm", "pod-2"))
        self.assertEqual(podm["uuid"], self.valence.calls[-1].query["podm_id"])
        self.assertEqual("", self.run_program(*command, "--state", "error"))

    def test_a_show_has_every_field_of_the_response(self) -> None:
        self.compose()
        self.valence.nodes.get("web-1")["colour"] = "red"
        node = self.json("node", "show", "web-1", "--refresh")
        self.assertEqual(("web-1", "composed", "red"), (
            node["name"], node["state"], node["colour"]
        ))  # fmt: skip
        self.assertEqual("true", self.valence.calls[-1].query["refresh"])
        self.run_program("node", "show", "web-1", "-f", "yaml")
        self.run_program("node", "show", "web-1")

    def test_several_nodes_are_deleted_with_a_wait(self) -> None:
        self.compose("a")
        self.compose("b")
        self.run_program("node", "delete", "a", "b", "--wait")
        self.assertEqual([], self.valence.nodes.all())
        self.assertIn("a  releasing (delete-node)", self.stderr.getvalue())

    def test_a_deletion_that_fails_does_not_stop_the_others(self) -> None:
        self.compose("a")
        self.compose("b")
        self.run_program("-q", "node", "delete", "a", "none", "b", "--wait", status=1)
        self.assertEqual([], self.valence.nodes.all())
        first, last = self.stderr.getvalue().splitlines()
        self.assertIn("Could not delete node none: There is no node 'none'", first)
        self.assertEqual("Could not delete nodes: 1 of 3.", last)

    def test_a_release_that_fails_prints_the_reason(self) -> None:
        self.compose("a")
        self.valence.fail("release", reason="System is busy")
        self.run_program("-q", "node", "delete", "a", "--wait", status=1)
        self.assertIn("System is busy", self.stderr.getvalue())

    def test_a_node_is_registered_with_the_fields_for_ironic(self) -> None:
        self.compose()
        ironic_uuid = str(uuid.uuid4())
        node = self.json(
            "node", "register", "web-1", "--uuid", ironic_uuid, "--resource-class", "gold",
            "--trait", "CUSTOM_A", "--trait", "CUSTOM_B", "--property", "cpus=8",
            "--extra", "rack=7", "--instance-uuid", ironic_uuid, "--wait",
        )  # fmt: skip
        self.assertEqual(("ironic", ironic_uuid), (node["managed_by"], node["ironic_uuid"]))
        self.assertEqual(
            {
                "uuid": ironic_uuid,
                "resource_class": "gold",
                "traits": ["CUSTOM_A", "CUSTOM_B"],
                "properties": {"cpus": "8"},
                "extra": {"rack": "7"},
                "instance_uuid": ironic_uuid,
            },
            self.body(),
        )

    def test_a_failed_registration_is_an_error(self) -> None:
        self.compose()
        self.valence.fail("register", code="valence.ironic.refused", reason="MAC is taken")
        self.run_program("-q", "node", "register", "web-1", "--wait", status=1)
        self.assertIn("MAC is taken", self.stderr.getvalue())

    def test_a_node_is_unregistered(self) -> None:
        self.compose()
        self.run_program("node", "register", "web-1", "--wait")
        node = self.json("node", "unregister", "web-1", "--wait")
        self.assertEqual(("composed", None), (node["state"], node["managed_by"]))

    def test_an_operator_states_where_a_node_is(self) -> None:
        self.compose()
        self.valence.contradict("web-1")
        node = self.json("node", "adopt-path", "web-1", "/redfish/v1/Nodes/7")
        self.assertEqual("/redfish/v1/Nodes/7", node["path"])
        self.assertEqual({"path": "/redfish/v1/Nodes/7"}, self.body())

    def test_a_node_is_only_forgotten_by_an_operator_who_knows_that_it_is_gone(self) -> None:
        self.compose()
        self.valence.contradict("web-1")
        before = len(self.valence.calls)
        self.run_program("node", "forget", "web-1", status=1)
        self.assertIn("--i-know-it-is-gone", self.stderr.getvalue())
        self.assertEqual(before, len(self.valence.calls))
        self.run_program("node", "forget", "web-1", "--i-know-it-is-gone")
        self.assertEqual([], self.valence.nodes.all())


class TestPodManagerCommands(shell_base.ShellTest):
    def create(self, *more: str, status: int = 0) -> str:
        return self.run_program(
            "podmanager", "create", "pod-2", "--url", "https://pod-2.test", *more, status=status
        )

    def test_a_password_comes_from_the_environment(self) -> None:
        self.environ({"VALENCE_PODM_PASSWORD": "hunter2"}, clear=False)
        text = self.create("--username", "admin", "--no-verify-ca")
        self.assertEqual(
            {
                "name": "pod-2",
                "url": "https://pod-2.test",
                "username": "admin",
                "password": "hunter2",
                "verify_ca": False,
            },
            self.body(),
        )
        self.assertNotIn("hunter2", text + self.stderr.getvalue())

    def test_a_password_is_prompted_for_in_a_terminal(self) -> None:
        with (
            mock.patch("sys.stdin", autospec=True) as stdin,
            mock.patch("getpass.getpass", autospec=True, return_value="hunter2"),
        ):
            stdin.isatty.return_value = True
            self.create("--username", "admin")
        self.assertEqual("hunter2", self.body()["password"])

    def test_a_missing_password_without_a_terminal_is_an_error(self) -> None:
        with mock.patch("sys.stdin", autospec=True) as stdin:
            stdin.isatty.return_value = False
            self.create("--username", "admin", status=1)
        self.assertIn("set VALENCE_PODM_PASSWORD", self.stderr.getvalue())
        self.assertEqual([], self.valence.calls)

    def test_a_password_is_not_in_the_debug_log(self) -> None:
        text = self.run_program(
            "--debug", "podmanager", "create", "pod-2", "--url", "https://pod-2.test",
            "--username", "admin", "--password", "hunter2",
        )  # fmt: skip
        self.assertEqual("hunter2", self.body()["password"])
        self.assertIn("pod-2.test", self.stderr.getvalue())
        self.assertNotIn("hunter2", text + self.stderr.getvalue())

    def test_the_verification_of_certificates_is_an_option(self) -> None:
        for arguments, expected in {
            ("--verify-ca",): True,
            ("--no-verify-ca",): False,
            ("--ca-bundle", "/etc/ca.pem"): "/etc/ca.pem",
        }.items():
            self.run_program("podmanager", "set", "pod-1", *arguments)
            self.assertEqual({"verify_ca": expected}, self.body())

    def test_certificates_of_a_local_file_are_sent(self) -> None:
        folder = self.useFixture(fixtures.TempDir())
        path = pathlib.Path(folder.join("ca.pem"))
        path.write_text("-----BEGIN CERTIFICATE-----\n")
        self.create("--ca-file", str(path))
        self.assertEqual(path.read_text(), self.body()["ca"])
        self.run_program("podmanager", "set", "pod-2", "--no-ca", "--no-verify-ca")
        self.assertEqual({"ca": None, "verify_ca": False}, self.body())
        missing = folder.join("none.pem")
        self.assertIn(missing, self.error_line("podmanager", "set", "pod-1", "--ca-file", missing))

    def test_a_client_certificate_and_its_key_are_sent_from_local_files(self) -> None:
        folder = self.useFixture(fixtures.TempDir())
        files = {name: pathlib.Path(folder.join(name)) for name in ("client_cert", "client_key")}
        for name, path in files.items():
            path.write_text(f"{name}\n")
        options = [f"--{name.replace('_', '-')}={path}" for name, path in files.items()]
        text = self.create(*options)
        self.assertNotIn("client_key", text)
        self.assertEqual("client_cert\n", self.body()["client_cert"])
        self.assertEqual("client_key\n", self.body()["client_key"])
        self.run_program("podmanager", "set", "pod-2", "--no-client-cert")
        self.assertEqual({"client_cert": None, "client_key": None}, self.body())
        missing = folder.join("none.pem")
        arguments = ("podmanager", "set", "pod-1", "--client-key", missing)
        self.assertIn(missing, self.error_line(*arguments))

    def test_a_pod_manager_is_disabled_enabled_and_tagged(self) -> None:
        self.create("--disable", "--tag", "gpu", "--tag", "row-7")
        podm = self.json("podmanager", "show", "pod-2")
        self.assertEqual((False, ["gpu", "row-7"]), (podm["enabled"], podm["tags"]))
        self.run_program("podmanager", "set", "pod-2", "--enable", "--no-tags")
        self.assertEqual({"enabled": True, "tags": []}, self.body())

    def test_an_offline_pod_manager_is_removed_and_its_nodes_are_printed(self) -> None:
        self.run_program("node", "create", "--name", "web-1", "--cores=8", "--wait")
        (node,) = self.valence.nodes.all()
        self.run_program("podmanager", "delete", "pod-1", "--force", status=1)
        self.assertIn("still exists", self.stderr.getvalue())
        self.valence.podmanagers.get("pod-1")["status"] = "offline"
        text = self.run_program("podmanager", "delete", "pod-1", "--force")
        self.assertIn(f"forgot node {node['uuid']} (web-1)", text)
        self.assertEqual([], self.valence.podmanagers.all())
        self.assertEqual([], self.valence.nodes.all())

    def test_the_identity_of_a_replaced_pod_manager_is_accepted(self) -> None:
        self.valence.podmanagers.get("pod-1")["status"] = "mismatched"
        self.assertEqual("mismatched", self.json("podmanager", "show", "pod-1")["status"])
        podm = self.json("podmanager", "accept-identity", "pod-1")
        self.assertEqual(("online", None), (podm["status"], podm["service_uuid"]))
        url = ("--url", "https://new.test")
        podm = self.json("podmanager", "accept-identity", "pod-1", *url)
        self.assertEqual({"url": "https://new.test"}, self.body())

    def test_a_change_sends_the_given_fields_only(self) -> None:
        self.environ({"VALENCE_PODM_PASSWORD": "hunter2"}, clear=False)
        self.run_program("podmanager", "set", "pod-1", "--name", "pod-one")
        self.assertEqual({"name": "pod-one"}, self.body())
        self.run_program("podmanager", "set", "pod-one", "--password-prompt")
        self.assertEqual({"password": "hunter2"}, self.body())

    def test_a_change_without_fields_is_an_error(self) -> None:
        self.assertIn("Nothing to change", self.error_line("podmanager", "set", "pod-1"))

    def test_pod_managers_are_listed_and_shown(self) -> None:
        (row,) = self.json("podmanager", "list")
        self.assertEqual(("pod-1", "online"), (row["Name"], row["Status"]))
        self.assertEqual(row["UUID"], self.json("podmanager", "show", "pod-1")["uuid"])

    def test_a_pod_manager_with_nodes_is_not_deleted(self) -> None:
        self.run_program("node", "create", "--cores=8", "--wait")
        self.run_program("podmanager", "delete", "pod-1", status=1)
        self.assertIn("Pod manager pod-1 has 1 nodes: delete them", self.stderr.getvalue())

    def test_several_pod_managers_are_deleted(self) -> None:
        self.valence.add_podmanager("pod-2")
        self.run_program("podmanager", "delete", "pod-1", "pod-2")
        self.assertEqual([], self.valence.podmanagers.all())


class TestFlavorCommands(shell_base.ShellTest):
    def test_a_flavor_is_created_listed_shown_changed_and_deleted(self) -> None:
        flavor = self.json("flavor", "create", "small", "--cores=8", "--memory=16G")
        self.assertEqual(SMALL, flavor["properties"])
        self.assertIn("8 cores, 16 GiB memory", self.run_program("flavor", "list"))
        self.run_program("flavor", "set", "small", "--description=8", "--cores=4")
        flavor = self.json("flavor", "show", "small")
        self.assertEqual({"processor": {"total_cores": 4}}, flavor["properties"])
        self.run_program("flavor", "delete", "small")
        self.assertEqual([], self.valence.flavors.all())

    def test_a_flavor_is_created_from_json(self) -> None:
        flavor = self.json("flavor", "create", "small", "--properties", json.dumps(SMALL))
        self.assertEqual(SMALL, flavor["properties"])

    def test_a_flavor_without_requirements_is_an_error(self) -> None:
        self.assertIn("A flavor needs requirements", self.error_line("flavor", "create", "small"))

    def test_a_change_without_fields_is_an_error(self) -> None:
        self.assertIn("Nothing to change", self.error_line("flavor", "set", "small"))
