# SPDX-License-Identifier: Apache-2.0

"""Systems, racks and usage: the library and its commands."""

from typing import Any

from tests import base
from tests.unit.client import shell_base
from valenceclient import errors
from valenceclient import testing


class TestLists(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.valence = testing.FakeValence()
        self.client = self.valence.client()
        rack = self.valence.add_rack("rack-1")
        self.valence.add_system("small", rack_id=rack["uuid"], cores=8)
        self.valence.add_system("large", state="used", cores=32, drives=[{"type": "SSD"}])

    def test_a_system_is_typed(self) -> None:
        system = self.client.systems.get("large")
        self.assertEqual(("used", 32, False), (system.state, system.cores, system.stale))
        self.assertEqual(({"type": "SSD"},), system.drives)
        assert system.seen_at is not None
        self.assertIsNotNone(system.seen_at.tzinfo)
        self.assertEqual(system.raw["path"], system.path)

    def test_systems_are_filtered_by_size_and_state(self) -> None:
        names = [system.name for system in self.client.systems.list(min_cores=9)]
        self.assertEqual(["large"], names)
        names = [system.name for system in self.client.systems.list(state="free")]
        self.assertEqual(["small"], names)

    def test_a_rack_counts_its_systems(self) -> None:
        rack = next(self.client.racks.list())
        self.assertEqual({"total": 1, "used": 0, "free": 1, "absent": 0}, rack.systems)
        self.assertEqual("rack-1", self.client.racks.get("rack-1", refresh=True).name)
        self.assertEqual("true", self.valence.calls[-1].query["refresh"])

    def test_a_refresh_is_requested_by_a_query_parameter(self) -> None:
        list(self.client.systems.list(refresh=True))
        self.assertEqual({"refresh": "true"}, self.valence.calls[-1].query)
        list(self.client.systems.list())
        self.assertEqual({}, self.valence.calls[-1].query)

    def test_each_trouble_is_reported_once_for_all_pages(self) -> None:
        self.valence.trouble("pod-1", detail="It does not answer.")
        troubles: list[object] = []
        self.assertEqual(
            2, len(list(self.client.systems.list(limit=1, on_trouble=troubles.append)))
        )
        self.assertEqual(2, len(self.valence.calls))
        (trouble,) = troubles
        self.assertEqual("pod-1", trouble.podm_name)  # type: ignore[attr-defined]
        self.assertEqual(2, len(list(self.client.systems.list())))

    def test_a_node_of_a_troubled_pod_manager_is_stale(self) -> None:
        self.valence.add_podmanager("pod-2")
        properties = {"processor": {"total_cores": 4}}
        for podm in ("pod-1", "pod-2"):
            uuid = self.client.podmanagers.get(podm).uuid
            self.client.nodes.create(name=podm, podm_id=uuid, properties=properties)
        self.valence.trouble("pod-2")
        troubles: list[Any] = []
        stale = {one.name: one.stale for one in self.client.nodes.list(on_trouble=troubles.append)}
        self.assertEqual({"pod-1": False, "pod-2": True}, stale)
        self.assertEqual(["pod-2"], [trouble.podm_name for trouble in troubles])
        self.assertTrue(self.client.nodes.get("pod-2").stale)

    def test_a_pod_manager_has_its_usage(self) -> None:
        usage = self.client.podmanagers.get("pod-1").usage
        self.assertEqual({"total": 2, "used": 1, "free": 1}, usage["systems"])
        self.assertEqual({"total": 40, "used": 32, "free": 8}, usage["cores"])

    def test_an_unknown_system_or_rack_is_not_found(self) -> None:
        self.assertRaises(errors.NotFound, self.client.systems.get, "nothing")
        self.assertRaises(errors.NotFound, self.client.racks.get, "nowhere")


class TestCommands(shell_base.ShellTest):
    def setUp(self) -> None:
        super().setUp()
        rack = self.valence.add_rack("rack-1")
        drives = [{"path": "/d", "type": "SSD", "capacity_gib": 480}]
        self.valence.add_system("one", rack_id=rack["uuid"], drives=drives)
        self.valence.add_system("two", state="used", cores=32)
        self.valence.add_podmanager("pod-2")

    def test_systems_are_listed_and_filtered(self) -> None:
        command = ("system", "list", "-f", "value", "-c", "Name")
        self.assertEqual("one\ntwo\n", self.run_program(*command))
        self.assertEqual("one\n", self.run_program(*command, "--rack", "rack-1"))
        self.assertEqual("two\n", self.run_program(*command, "--min-cores", "17"))
        self.assertEqual("", self.run_program(*command, "--min-memory", "65G"))
        self.assertEqual("", self.run_program(*command, "--podm", "pod-2"))
        self.assertEqual("two\n", self.run_program(*command, "--state", "used", "--refresh"))
        self.assertEqual("true", self.valence.calls[-1].query["refresh"])

    def test_a_pod_manager_in_trouble_is_logged_to_stderr(self) -> None:
        self.valence.trouble("pod-2", detail="It does not answer.")
        self.run_program("node", "create", "--podm", "pod-2", "--cores", "4", "--name", "web-1")
        for noun in ("system", "rack", "node"):
            self.run_program(noun, "list")
            self.assertEqual("Pod manager pod-2: It does not answer.\n", self.stderr.getvalue())

    def test_a_system_is_shown_with_its_drives(self) -> None:
        text = self.run_program("system", "show", "one")
        self.assertIn("type SSD, capacity_gib 480", text)
        self.assertEqual(480, self.json("system", "show", "one")["drives"][0]["capacity_gib"])

    def test_racks_are_listed_and_shown(self) -> None:
        self.assertIn("1 total, 1 free", self.run_program("rack", "list"))
        self.assertEqual(1, self.json("rack", "show", "rack-1", "--refresh")["systems"]["free"])

    def test_pod_managers_are_listed_with_their_usage(self) -> None:
        text = self.run_program("podmanager", "list")
        self.assertIn("1 of 2 systems, 16 of 48 cores, 64 of 128 GiB free", text)
        self.assertEqual(1, text.count(" free"))
        usage = self.json("podmanager", "show", "pod-1")["usage"]
        self.assertEqual(1, usage["systems"]["used"])
