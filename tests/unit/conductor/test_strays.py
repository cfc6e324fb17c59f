# SPDX-License-Identifier: Apache-2.0

"""When an object without an owner is a stray."""

from unittest import mock

from tests import base
from valence_conductor import strays


class TestStrayTracker(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.now = 0.0
        self.enterContext(mock.patch.object(strays.time, "monotonic", lambda: self.now))
        self.tracker = strays.StrayTracker(60)

    def older_than_grace(self, after: float, *suspects: str) -> set[object]:
        self.now += after
        return set(self.tracker.older_than_grace(suspects))

    def test_an_object_counts_when_it_has_been_seen_for_the_grace_period(self) -> None:
        self.assertEqual(set(), self.older_than_grace(0, "a"))
        self.assertEqual(set(), self.older_than_grace(59, "a", "b"))
        self.assertEqual({"a"}, self.older_than_grace(1, "a", "b"))
        self.assertEqual({"a", "b"}, self.older_than_grace(60, "a", "b"))

    def test_the_grace_period_of_an_object_that_disappeared_starts_again(self) -> None:
        self.older_than_grace(0, "a")
        self.older_than_grace(30)
        self.assertEqual(set(), self.older_than_grace(30, "a"))
        self.assertEqual({"a"}, self.older_than_grace(60, "a"))

    def test_without_a_grace_period_the_second_sighting_counts_not_the_first(self) -> None:
        self.tracker = strays.StrayTracker(0)
        self.assertEqual(set(), self.older_than_grace(0, "a"))
        self.assertEqual({"a"}, self.older_than_grace(0, "a", "b"))
        self.assertEqual(set(), self.older_than_grace(0, "c"))
