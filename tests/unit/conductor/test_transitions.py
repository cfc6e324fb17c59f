# SPDX-License-Identifier: Apache-2.0

"""State tables, and writes to rows that several processes may believe they own."""

import pathlib

import fixtures

from tests import base
from tests.unit.conductor import toy
from valence_conductor import errors
from valence_conductor.db import transitions


class TestTransitions(base.TestCase):
    def test_a_transition_in_the_table_is_allowed(self) -> None:
        toy.STATES.check("building", "built")

    def test_a_transition_that_is_not_in_the_table_is_refused(self) -> None:
        exc = self.assertRaises(errors.IllegalTransition, toy.STATES.check, "built", "building")
        self.assertEqual("a row may not go from 'built' to 'building'", str(exc))

    def test_nothing_follows_a_terminal_or_an_unknown_state(self) -> None:
        for state in ("gone", "nonsense"):
            self.assertRaises(errors.IllegalTransition, toy.STATES.check, state, "built")


class TestCompareAndSet(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.toys = toy.Toys(pathlib.Path(self.useFixture(fixtures.TempDir()).path))
        self.toys.add("t1")
        self.toys.add("t2")

    def write(self, generation: int = 1, state: str | list[str] = "building") -> None:
        with self.toys.db.writer() as session:
            transitions.compare_and_set(
                session,
                toy.Toy,
                uuid="t1",
                generation=generation,
                state=state,
                values={"state": "built"},
            )

    def test_only_the_row_in_the_expected_state_is_written(self) -> None:
        self.write()
        self.assertEqual("built", self.toys.read("t1").state)
        self.assertEqual("building", self.toys.read("t2").state)

    def test_several_states_may_be_expected(self) -> None:
        self.write(state=["error", "building"])
        self.assertEqual("built", self.toys.read("t1").state)

    def test_a_row_of_another_generation_is_left_alone(self) -> None:
        self.assertRaises(errors.Superseded, self.write, generation=2)
        self.assertEqual("building", self.toys.read("t1").state)

    def test_a_row_in_another_state_is_left_alone(self) -> None:
        self.write()
        self.assertRaises(errors.Superseded, self.write)

    def test_the_other_writes_of_the_transaction_are_rolled_back(self) -> None:
        def write_both() -> None:
            with self.toys.db.writer() as session:
                session.add(toy.Toy(uuid="t3"))
                session.flush()
                transitions.compare_and_set(
                    session,
                    toy.Toy,
                    uuid="t1",
                    generation=9,
                    state="building",
                    values={"state": "built"},
                )

        self.assertRaises(errors.Superseded, write_both)
        with self.toys.db.reader() as session:
            self.assertIsNone(session.get(toy.Toy, "t3"))
