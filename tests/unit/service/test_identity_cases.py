# SPDX-License-Identifier: Apache-2.0

"""Machines that move, change their names or disappear: no other machine is touched."""

from typing import Any

import testscenarios

from podm_simulator.pod.pod import Pace
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Response
from tests.unit.service import identity_base

#: name, what a pod manager does with the texts of a node, whether a text identifies it
HABITS = [
    (name, {"habit": habit, "has_texts": has_texts})
    for name, habit, has_texts in (
        ("as sent", identity_base.as_sent, True),
        ("Name dropped", identity_base.without("Name"), True),
        ("Description dropped", identity_base.without("Description"), True),
        ("both dropped", identity_base.without("Name", "Description", "UUID"), False),
        ("cut to 15", identity_base.cut(15), True),
        ("cut to 32", identity_base.cut(32), True),
        ("upper case", identity_base.in_upper_case, True),
    )
]


class TestMoved(testscenarios.WithScenarios, identity_base.IdentityTestCase):
    """The same machine at another path."""

    scenarios = HABITS
    has_texts: bool

    def test_a_node_at_its_path_is_released(self) -> None:
        row = self.composed()
        machine = self.machine(row)
        self.assertIsNone(self.delete(row))
        self.assertEqual([machine.uuid], self.deleted())

    def test_a_renumbered_node_is_followed_or_left_alone(self) -> None:
        row = self.composed()
        machine = self.machine(row)
        self.renumber()
        node = self.shown(row)
        self.assertEqual("composed", node["state"])
        if self.has_texts:
            self.assertEqual(self.path_of(machine), node["path"])
            self.assertIsNone(node["fault"])
        else:
            self.assertConflict(node)
        self.assertEqual([], self.deleted())

    def test_audits_delete_nothing_of_renumbered_nodes(self) -> None:
        rows = [self.composed(), self.composed()]
        self.renumber()
        for _audit in range(3):
            self.audit()
        self.assertEqual([], self.deleted())
        self.assertEqual(
            ["composed"] * 2, [(self.node(row["uuid"]) or {})["state"] for row in rows]
        )

    def test_a_renumbered_node_is_released(self) -> None:
        row = self.composed()
        machine = self.machine(row)
        self.renumber()
        node = self.delete(row)
        if self.has_texts:
            self.assertIsNone(node)
            self.assertEqual([machine.uuid], self.deleted())
        else:
            self.assertConflict(node)
            self.assertEqual([], self.deleted())

    def test_of_two_nodes_with_exchanged_numbers_the_right_one_is_released(self) -> None:
        row, other = self.composed(), self.composed()
        machine, kept = self.machine(row), self.machine(other)
        self.exchange(machine, kept)
        node = self.delete(row)
        self.assertEqual([machine.uuid] if self.has_texts else [], self.deleted())
        if not self.has_texts:
            self.assertConflict(node)
        self.assertIn(kept, self.pod.pod.nodes.values())
        self.assertEqual("composed", self.shown(other)["state"])

    def test_exchanged_nodes_are_registered_and_powered_as_themselves(self) -> None:
        row, other = self.composed(), self.composed()
        machine, kept = self.machine(row), self.machine(other)
        self.exchange(machine, kept)
        answer = self.api("POST", f"/v1/nodes/{row['uuid']}/action", {"Reset": {"Type": "On"}})
        self.assertFalse(kept.system.powered)
        self.assertEqual(200 if self.has_texts else 409, answer.status_code)
        self.api("POST", f"/v1/nodes/{row['uuid']}/register")
        self.settled(row["uuid"])
        for node in self.ironic.nodes.values():
            self.assertEqual(
                machine.system.path.rpartition("/")[2],
                node["driver_info"]["redfish_system_id"].rpartition("/")[2],
            )
        self.assertEqual(1 if self.has_texts else 0, len(self.ironic.nodes))

    def test_a_node_whose_number_a_stranger_has_is_gone(self) -> None:
        row = self.composed()
        machine = self.machine(row)
        self.pod.pod.delete(machine)
        self.exchange_number(row)
        node = self.delete(row)
        self.assertEqual([], self.deleted())
        if self.has_texts:
            self.assertIsNone(node)

    def exchange_number(self, row: dict[str, Any]) -> None:
        ident = row["path"].rpartition("/")[2]
        self.renumber(lambda other: ident if other == self.stranger.id else other)

    def test_a_dead_sled_is_released(self) -> None:
        row = self.composed()
        machine = self.machine(row)
        self.fail(row["system_path"] + "(/|$|\\?)", 500)
        node = self.delete(row)
        if self.has_texts:
            self.assertIsNone(node)
            self.assertEqual([machine.uuid], self.deleted())
        else:
            self.assertConflict(node)
            self.assertEqual([], self.deleted())

    def test_a_lost_allocation_makes_no_second_machine(self) -> None:
        lose: list[str] = ["lose"]

        def after(request: Request, response: Response) -> Response:
            if request.method == "POST" and request.path.endswith("Allocate") and lose:
                lose.clear()
                return Response(500, {"error": {"message": "lost"}})
            return response

        self.after = after
        row = self.settled(self.compose()["uuid"]) or {}
        if self.has_texts:
            self.assertEqual("composed", row["state"], row)
        else:
            self.assertEqual("error", row["state"], row)
            self.assertConflict(row)
        self.assertEqual(2, len(self.pod.pod.nodes))
        self.assertEqual([], self.deleted())


class TestMovedWhileComposing(testscenarios.WithScenarios, identity_base.IdentityTestCase):
    """The numbers change between Allocate and Assembled."""

    scenarios = HABITS
    has_texts: bool

    def setUp(self) -> None:
        super().setUp()
        self.pod.pod.pace = Pace(assemble=0.6)

    def begin(self) -> tuple[dict[str, Any], Any]:
        row = self.compose()
        self.wait_for(lambda: (self.node(row["uuid"]) or {})["task"] == "assemble-node")
        self.wait_for(lambda: [m for m, _ in self.changes] == ["POST"])
        row = self.node(row["uuid"]) or {}
        return row, self.machine(row)

    def test_the_numbers_of_two_rows_are_exchanged(self) -> None:
        other = self.composed()
        self.changes.clear()
        kept = self.machine(other)
        row, machine = self.begin()
        self.exchange(machine, kept)
        node = self.settled(row["uuid"]) or {}
        self.assertNotIn(kept.uuid, [uuid for _method, uuid in self.changes])
        if self.has_texts:
            self.assertEqual("composed", node["state"], node)
        if node["state"] == "composed":
            self.assertEqual(self.path_of(machine), node["path"])
            self.assertEqual(machine.system.path, node["system_path"])

    def test_its_number_and_that_of_a_stranger_are_exchanged(self) -> None:
        row, machine = self.begin()
        self.exchange(machine, self.stranger)
        node = self.settled(row["uuid"]) or {}
        if self.has_texts or node["state"] == "composed":
            self.assertEqual("composed", node["state"], node)
            self.assertEqual(self.path_of(machine), node["path"])
            self.assertEqual(machine.system.path, node["system_path"])
        self.assertIn(machine, self.pod.pod.nodes.values())

    def test_a_renumbered_node_is_followed(self) -> None:
        row, machine = self.begin()
        self.renumber()
        node = self.settled(row["uuid"]) or {}
        if self.has_texts:
            self.assertEqual("composed", node["state"], node)
            self.assertEqual(self.path_of(machine), node["path"])
        else:
            self.assertEqual("error", node["state"], node)
            self.assertIn(machine, self.pod.pod.nodes.values())
            self.assertEqual([], self.deleted())


class TestRenamed(identity_base.IdentityTestCase):
    """An administrator changes the texts of a node on the pod manager."""

    def test_a_renamed_node_is_powered_and_released(self) -> None:
        self.habit = identity_base.without("UUID")
        for description in (None, "web", "keep"):
            with self.subTest(description=description):
                row = self.composed()
                machine = self.machine(row)
                machine.name = "web server"
                if description != "keep":
                    machine.description = description
                node = self.shown(row)
                self.assertEqual("composed", node["state"])
                self.changes.clear()
                released = self.delete(row)
                if description == "keep":
                    self.assertIsNone(released)
                    self.assertEqual([machine.uuid], self.deleted())
                else:
                    self.assertConflict(released)
                    self.assertEqual([], self.deleted())
                    self.assertIn(machine, self.pod.pod.nodes.values())

    def test_a_renamed_and_renumbered_node_is_released(self) -> None:
        row = self.composed()
        machine = self.machine(row)
        machine.name = "web server"
        self.renumber()
        self.assertIsNone(self.delete(row))
        self.assertEqual([machine.uuid], self.deleted())

    def test_the_name_of_another_row_is_a_conflict(self) -> None:
        row, other = self.composed(), self.composed()
        machine, kept = self.machine(row), self.machine(other)
        machine.name = kept.name
        fault = self.assertConflict(self.shown(row))
        self.assertIn("name", fault["contradict"])
        self.assertEqual(kept.name, fault["contradict"]["name"]["reported"])
        self.assertConflict(self.delete(row))
        self.assertIsNone(self.delete(other))
        self.assertEqual([kept.uuid], self.deleted())

    def test_an_adopted_node_is_renamed_and_released(self) -> None:
        mine = self.compose_without_service("cache", "hers")
        body = {"podm_id": self.podm["uuid"], "path": self.path_of(mine)}
        row = self.api("POST", "/v1/nodes/manage", body).json
        mine.name, mine.description = "queue", "his"
        self.assertEqual("composed", self.shown(row)["state"])
        self.assertIsNone(self.delete(row))
        self.assertEqual([mine.uuid], self.deleted())

    def test_an_adopted_node_like_all_others_is_not_mistaken(self) -> None:
        mine = self.compose_without_service("Composed Node", "")
        other = self.compose_without_service("Composed Node", "")
        body = {"podm_id": self.podm["uuid"], "path": self.path_of(mine)}
        row = self.api("POST", "/v1/nodes/manage", body).json
        self.pod.pod.delete(mine)
        self.renumber(lambda ident: mine.id if ident == other.id else ident)
        self.delete(row)
        self.assertEqual([], self.deleted())
        self.assertIn(other, self.pod.pod.nodes.values())


class TestOneMachineTwice(identity_base.IdentityTestCase):
    def test_the_location_of_the_node_of_another_row_is_refused(self) -> None:
        other = self.composed()
        self.changes.clear()
        kept = self.machine(other)
        self.answer_allocate_with(kept)
        row = self.settled(self.compose()["uuid"]) or {}
        self.assertEqual("composed", row["state"], row)
        self.assertNotEqual(other["path"], row["path"])
        self.assertNotIn(kept.uuid, [uuid for _method, uuid in self.changes])

    def test_the_location_of_a_stranger_is_refused(self) -> None:
        self.answer_allocate_with(self.stranger)
        row = self.settled(self.compose()["uuid"]) or {}
        self.assertEqual("composed", row["state"], row)
        self.assertNotEqual(self.path_of(self.stranger), row["path"])

    def answer_allocate_with(self, node: Any) -> None:
        def after(request: Request, response: Response) -> Response:
            if response.status == 201:
                response.headers["Location"] = self.path_of(node)
            return response

        self.after = after

    def test_a_location_without_any_texts_is_refused(self) -> None:
        self.habit = identity_base.without("Name", "Description", "UUID")
        other = self.composed()
        self.changes.clear()
        for node in (self.machine(other), self.stranger):
            self.answer_allocate_with(node)
            row = self.settled(self.compose()["uuid"]) or {}
            self.assertEqual("error", row["state"], row)
            self.assertEqual([], self.changes)

    def test_a_system_that_a_stranger_has_now_is_not_registered(self) -> None:
        row = self.composed()
        self.take_over(self.machine(row))
        answer = self.api("POST", f"/v1/nodes/{row['uuid']}/register")
        node = self.settled(row["uuid"])
        self.assertEqual({}, self.ironic.nodes)
        self.assertTrue(answer.status_code == 409 or (node or {}).get("fault"), node)
        self.delete(row)
        self.assertEqual([], self.deleted())
