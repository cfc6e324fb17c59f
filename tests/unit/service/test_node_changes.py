# SPDX-License-Identifier: Apache-2.0

"""Changes of the rows of nodes: what is checked, and what each of them writes."""

from tests.unit.service import rows_base
from valence import errors
from valence.objects import base as objects_base
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence_conductor import errors as conductor_errors
from valence_conductor import waiting


class TestLengths(rows_base.RowsTestCase):
    """What a pod manager reports never fails in the database, whichever that is."""

    def test_a_text_that_does_not_fit_is_refused_and_nothing_is_written(self) -> None:
        row = self.settle(self.create_node(), state="composed")
        for name in ("path", "system_path", "power_state", "adopted_as"):
            longest = 32 if name == "power_state" else 1024
            with self.subTest(name):
                text = "/" * (longest + 1)
                exc = self.assertRaises(
                    errors.PodManagerFailed, node_changes.record, self.db, row, **{name: text}
                )
                self.assertIn(f"a {name} of {longest + 1} characters", exc.detail)
                self.assertIsNone(getattr(self.read(row), name))
                changed = node_changes.record(self.db, row, **{name: text[1:]})
                self.assertEqual(text[1:], getattr(changed, name))

    def test_an_adopted_node_has_the_same_limits(self) -> None:
        values = {"uuid": "a", "podm_uuid": None, "path": "/" * 1025, "fingerprint": ""}
        self.assertRaises(errors.PodManagerFailed, node_changes.adopt, self.db, values)


class TestBegin(rows_base.RowsTestCase):
    def test_an_operation_starts_without_the_fault_and_the_task_of_the_previous_one(self) -> None:
        row = self.settle(self.create_node(), state="composed", fault={"code": "old"})
        row = node_changes.record(self.db, row, task="old", task_since=waiting.now())
        row = node_changes.begin(self.db, row, "register", request_id="req-1")
        self.assertEqual((2, "registering"), (row.generation, row.state))
        self.assertEqual((None, None, None), (row.fault, row.task, row.task_since))
        self.assertEqual("req-1", row.request_id)

    def test_an_operation_that_the_state_does_not_allow_is_refused(self) -> None:
        row = self.create_node()
        for operation in ("register", "unregister", "compose"):
            self.assertRaises(
                conductor_errors.IllegalTransition, node_changes.begin, self.db, row, operation
            )
        self.assertEqual((1, "composing"), (self.read(row).generation, self.read(row).state))


class TestSettle(rows_base.RowsTestCase):
    def test_a_state_that_the_table_does_not_allow_is_refused(self) -> None:
        row = self.create_node()
        for state in ("registering", "missing", "composing"):
            self.assertRaises(conductor_errors.IllegalTransition, self.settle, row, state=state)
        self.assertEqual("composing", self.read(row).state)

    def test_an_operation_is_settled_once(self) -> None:
        row = self.create_node()
        self.settle(row, state="composed")
        self.assertRaises(conductor_errors.Superseded, self.settle, row, state="error")

    def test_a_presence_that_the_table_does_not_allow_is_refused(self) -> None:
        row = self.create_node()
        self.assertRaises(
            conductor_errors.IllegalTransition,
            node_changes.record_presence,
            self.db,
            row,
            "missing",
        )


class TestUpdate(rows_base.RowsTestCase):
    def test_every_change_updates_the_time_of_the_last_change(self) -> None:
        row = self.create_node()
        self.assertIsNone(row.updated_at)
        before = waiting.now()
        row = node_changes.record(self.db, row, power_state="On")
        self.assertLessEqual(before, row.updated_at or before.replace(year=1))
        before = waiting.now()
        row = self.settle(row, state="composed")
        self.assertLessEqual(before, row.updated_at or before.replace(year=1))

    def test_a_node_keeps_its_own_name(self) -> None:
        row = self.create_node(name="one")
        row = node_changes.update(self.db, row, {"name": "one", "description": "new"})
        self.assertEqual(("one", "new"), (row.name, row.description))

    def test_a_name_of_another_node_is_refused_before_anything_is_written(self) -> None:
        self.create_node(name="one")
        row = self.create_node(name="two")
        error = self.assertRaises(
            errors.NodeDuplicate, node_changes.update, self.db, row, {"name": "one"}
        )
        self.assertIn("'one'", error.detail)
        self.assertEqual(row.updated_at, self.read(row).updated_at)


class TestUnreleased(rows_base.RowsTestCase):
    def test_nodes_in_error_that_may_hold_hardware_are_listed(self) -> None:
        held = {"podm_uuid": self.podm.uuid}
        rows = {
            "with a path": self.create_node(**held, path="/Nodes/1"),
            "with a lost response to Allocate": self.create_node(**held, allocating=True),
            "with nothing": self.create_node(**held),
            "released": self.create_node(),
        }
        for row in rows.values():
            self.settle(row, state="error")
        self.create_node(**held, path="/Nodes/2", allocating=True)  # composing
        unreleased = {row.uuid for row in node_objects.list_unreleased(self.db)}
        self.assertEqual(
            ["with a path", "with a lost response to Allocate"],
            [name for name, row in rows.items() if row.uuid in unreleased],
        )


class TestSentences(rows_base.RowsTestCase):
    def test_a_missing_row_is_named_with_its_collection(self) -> None:
        error = self.assertRaises(errors.NodeNotFound, node_objects.get, self.db, "none")
        self.assertEqual("There is no node 'none'. GET /v1/nodes lists all.", error.detail)

    def test_every_noun_pages_by_its_marker(self) -> None:
        rows = [self.create_node(name=name) for name in ("a", "b", "c")]
        query = objects_base.Query(limit=2, marker=rows[0].uuid, sort=("name", "asc"))
        page, more = node_objects.page(self.db, query, ("name",))
        self.assertEqual((["b", "c"], False), ([row.name for row in page], more))
