# SPDX-License-Identifier: Apache-2.0

"""The commands, as they are typed and as they answer."""

import json
import pathlib
from unittest import mock
import uuid

import fixtures

from tests.unit.client import shell_base

SMALL = {"processor": {"total_cores": 8}, "memory": {"capacity_mib": 16384}}


class TestNodeCommands(shell_base.ShellTest):
    def compose(self, name: str = "web-1", *more: str) -> None:
        self.run_program("node", "create", "--name", name, "--cores=8", "--wait", *more)

    def test_a_node_is_composed_from_what_is_said(self) -> None:
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

    def test_waiting_tells_the_progress_on_stderr_and_the_node_on_stdout(self) -> None:
        text = self.run_program("node", "create", "--name=web-1", "--cores=8", "--wait")
        self.assertEqual(
            ["web-1  composing (assemble-node)", "web-1  composed"],
            [line.split("s  ")[1] for line in self.stderr.getvalue().splitlines()],
        )
        self.assertIn("composed", text)

    def test_a_quiet_program_keeps_its_progress_to_itself(self) -> None:
        self.run_program("-q", "node", "create", "--cores=8", "--wait")
        self.assertEqual("", self.stderr.getvalue())

    def test_a_failed_compose_tells_the_pod_managers_reason(self) -> None:
        self.valence.fail("compose", reason="No processor fits", detail="pod-1 refused.")
        self.run_program("-q", "node", "create", "--name=w", "--cores=8", "--wait", status=1)
        self.assertEqual(
            "Node w failed to compose: pod-1 refused. The reason given: No processor fits "
            "(valence.podmanager.refused)\n",
            self.stderr.getvalue(),
        )

    def test_a_wait_ends_at_its_timeout(self) -> None:
        self.valence.polls = 10_000
        self.run_program(
            "node", "create", "--name=w", "--cores=8", "--wait", "--timeout", "30", status=1
        )
        self.assertIn("still composing (assemble-node) after 30 seconds", self.stderr.getvalue())

    def test_what_to_compose_is_said_exactly_once(self) -> None:
        for said in ((), ("--flavor", "small", "--cores", "8")):
            self.assertIn("Say what to compose, once", self.complaint("node", "create", *said))
        self.assertEqual([], self.valence.calls)

    def test_a_list_is_a_table_for_people_and_json_for_programs(self) -> None:
        self.compose()
        self.assertIn("8 cores", self.run_program("node", "list"))
        (node,) = self.json("node", "list", "--long")
        self.assertEqual({"processor": {"total_cores": 8}}, node["Properties"])
        self.assertEqual("52:54", node["Interfaces"][0]["mac"][:5])
        self.assertEqual("web-1\n", self.run_program("node", "list", "-f", "value", "-c", "Name"))

    def test_a_list_is_filtered_and_cut(self) -> None:
        podm = self.valence.add_podmanager("pod-2")
        for name in ("a", "b", "c"):
            self.compose(name)
        listed = ("node", "list", "-f", "value", "-c", "Name")
        self.assertEqual("a\nb\n", self.run_program(*listed, "--limit", "2"))
        self.assertEqual("c\nb\na\n", self.run_program(*listed, "--sort", "name:desc"))
        self.assertEqual("", self.run_program(*listed, "--podm", "pod-2"))
        self.assertEqual(podm["uuid"], self.valence.calls[-1].query["podm_id"])
        self.assertEqual("", self.run_program(*listed, "--state", "error"))

    def test_a_show_has_all_that_the_api_gave(self) -> None:
        self.compose()
        self.valence.nodes.get("web-1")["colour"] = "red"
        node = self.json("node", "show", "web-1", "--refresh")
        self.assertEqual(("web-1", "composed", "red"), (
            node["name"], node["state"], node["colour"]
        ))  # fmt: skip
        self.assertEqual("true", self.valence.calls[-1].query["refresh"])
        self.run_program("node", "show", "web-1", "-f", "yaml")
        self.run_program("node", "show", "web-1")

    def test_several_nodes_are_deleted_and_waited_for(self) -> None:
        self.compose("a")
        self.compose("b")
        self.run_program("node", "delete", "a", "b", "--wait")
        self.assertEqual([], self.valence.nodes.all())
        self.assertIn("a  releasing (delete-node)", self.stderr.getvalue())

    def test_one_node_that_fails_does_not_keep_the_others_from_being_deleted(self) -> None:
        self.compose("a")
        self.compose("b")
        self.run_program("-q", "node", "delete", "a", "none", "b", "--wait", status=1)
        self.assertEqual([], self.valence.nodes.all())
        first, last = self.stderr.getvalue().splitlines()
        self.assertIn("Could not delete node none: There is no node 'none'", first)
        self.assertEqual("Could not delete nodes: 1 of 3.", last)

    def test_a_node_whose_release_fails_is_told(self) -> None:
        self.compose("a")
        self.valence.fail("release", reason="System is busy")
        self.run_program("-q", "node", "delete", "a", "--wait", status=1)
        self.assertIn("System is busy", self.stderr.getvalue())

    def test_a_node_is_registered_with_what_ironic_is_to_know(self) -> None:
        self.compose()
        wanted = str(uuid.uuid4())
        node = self.json(
            "node", "register", "web-1", "--uuid", wanted, "--resource-class", "gold",
            "--trait", "CUSTOM_A", "--trait", "CUSTOM_B", "--property", "cpus=8",
            "--extra", "rack=7", "--instance-uuid", wanted, "--wait",
        )  # fmt: skip
        self.assertEqual(("ironic", wanted), (node["managed_by"], node["ironic_uuid"]))
        self.assertEqual(
            {
                "uuid": wanted,
                "resource_class": "gold",
                "traits": ["CUSTOM_A", "CUSTOM_B"],
                "properties": {"cpus": "8"},
                "extra": {"rack": "7"},
                "instance_uuid": wanted,
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


class TestPodManagerCommands(shell_base.ShellTest):
    def create(self, *more: str, status: int = 0) -> str:
        return self.run_program(
            "podmanager", "create", "pod-2", "--url", "https://pod-2.test", *more, status=status
        )

    def test_a_pod_manager_is_registered_with_a_password_of_the_environment(self) -> None:
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

    def test_a_password_is_asked_for_in_a_terminal(self) -> None:
        with (
            mock.patch("sys.stdin", autospec=True) as stdin,
            mock.patch("getpass.getpass", autospec=True, return_value="hunter2"),
        ):
            stdin.isatty.return_value = True
            self.create("--username", "admin")
        self.assertEqual("hunter2", self.body()["password"])

    def test_a_password_that_nobody_can_be_asked_for_is_an_error(self) -> None:
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

    def test_certificates_are_verified_as_said(self) -> None:
        for said, expected in {
            ("--verify-ca",): True,
            ("--no-verify-ca",): False,
            ("--ca-bundle", "/etc/ca.pem"): "/etc/ca.pem",
        }.items():
            self.run_program("podmanager", "set", "pod-1", *said)
            self.assertEqual({"verify_ca": expected}, self.body())

    def test_certificates_of_a_file_are_read_here_and_sent(self) -> None:
        folder = self.useFixture(fixtures.TempDir())
        path = pathlib.Path(folder.join("ca.pem"))
        path.write_text("-----BEGIN CERTIFICATE-----\n")
        self.create("--ca-file", str(path))
        self.assertEqual(path.read_text(), self.body()["ca"])
        self.run_program("podmanager", "set", "pod-2", "--no-ca", "--no-verify-ca")
        self.assertEqual({"ca": None, "verify_ca": False}, self.body())
        missing = folder.join("none.pem")
        self.assertIn(missing, self.complaint("podmanager", "set", "pod-1", "--ca-file", missing))

    def test_what_a_pod_manager_is_used_for_is_said(self) -> None:
        self.create("--disable", "--tag", "gpu", "--tag", "row-7")
        shown = self.json("podmanager", "show", "pod-2")
        self.assertEqual((False, ["gpu", "row-7"]), (shown["enabled"], shown["tags"]))
        self.run_program("podmanager", "set", "pod-2", "--enable", "--no-tags")
        self.assertEqual({"enabled": True, "tags": []}, self.body())

    def test_one_that_is_gone_is_forgotten_and_its_nodes_are_named(self) -> None:
        self.run_program("node", "create", "--name", "web-1", "--cores=8", "--wait")
        (node,) = self.valence.nodes.all()
        self.run_program("podmanager", "delete", "pod-1", "--force", status=1)
        self.assertIn("not gone", self.stderr.getvalue())
        self.valence.podmanagers.get("pod-1")["status"] = "offline"
        text = self.run_program("podmanager", "delete", "pod-1", "--force")
        self.assertIn(f"forgot node {node['uuid']} (web-1)", text)
        self.assertEqual([], self.valence.podmanagers.all())
        self.assertEqual([], self.valence.nodes.all())

    def test_a_pod_manager_is_changed_in_what_is_said_only(self) -> None:
        self.environ({"VALENCE_PODM_PASSWORD": "hunter2"}, clear=False)
        self.run_program("podmanager", "set", "pod-1", "--name", "pod-one")
        self.assertEqual({"name": "pod-one"}, self.body())
        self.run_program("podmanager", "set", "pod-one", "--password-prompt")
        self.assertEqual({"password": "hunter2"}, self.body())

    def test_a_change_of_nothing_is_an_error(self) -> None:
        self.assertIn("Nothing to change", self.complaint("podmanager", "set", "pod-1"))

    def test_pod_managers_are_listed_and_shown(self) -> None:
        (listed,) = self.json("podmanager", "list")
        self.assertEqual(("pod-1", "online"), (listed["Name"], listed["Status"]))
        self.assertEqual(listed["UUID"], self.json("podmanager", "show", "pod-1")["uuid"])

    def test_a_pod_manager_that_nodes_stand_on_stays(self) -> None:
        self.run_program("node", "create", "--cores=8", "--wait")
        self.run_program("podmanager", "delete", "pod-1", status=1)
        self.assertIn("Pod manager pod-1 has 1 nodes: delete them", self.stderr.getvalue())

    def test_several_pod_managers_are_forgotten(self) -> None:
        self.valence.add_podmanager("pod-2")
        self.run_program("podmanager", "delete", "pod-1", "pod-2")
        self.assertEqual([], self.valence.podmanagers.all())


class TestFlavorCommands(shell_base.ShellTest):
    def test_a_flavor_is_created_listed_shown_changed_and_deleted(self) -> None:
        made = self.json("flavor", "create", "small", "--cores=8", "--memory=16G")
        self.assertEqual(SMALL, made["properties"])
        self.assertIn("8 cores, 16 GiB memory", self.run_program("flavor", "list"))
        self.run_program("flavor", "set", "small", "--description=8", "--cores=4")
        shown = self.json("flavor", "show", "small")
        self.assertEqual({"processor": {"total_cores": 4}}, shown["properties"])
        self.run_program("flavor", "delete", "small")
        self.assertEqual([], self.valence.flavors.all())

    def test_a_flavor_is_created_from_json(self) -> None:
        made = self.json("flavor", "create", "small", "--properties", json.dumps(SMALL))
        self.assertEqual(SMALL, made["properties"])

    def test_a_flavor_of_nothing_is_an_error(self) -> None:
        self.assertIn("Say what to compose", self.complaint("flavor", "create", "small"))

    def test_a_change_of_nothing_is_an_error(self) -> None:
        self.assertIn("Nothing to change", self.complaint("flavor", "set", "small"))
