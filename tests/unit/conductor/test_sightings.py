# SPDX-License-Identifier: Apache-2.0

"""When something is believed to be a stray, and how a process is called."""

import os
from unittest import mock

from tests import base
from valence_conductor import ids
from valence_conductor import strays


class TestSightings(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.now = 0.0
        self.enterContext(mock.patch.object(strays.time, "monotonic", lambda: self.now))
        self.seen = strays.StrayTracker(60)

    def older_than_grace(self, after: float, *things: str) -> set[object]:
        self.now += after
        return set(self.seen.older_than_grace(things))

    def test_a_thing_counts_when_it_has_been_seen_for_the_grace(self) -> None:
        self.assertEqual(set(), self.older_than_grace(0, "a"))
        self.assertEqual(set(), self.older_than_grace(59, "a", "b"))
        self.assertEqual({"a"}, self.older_than_grace(1, "a", "b"))
        self.assertEqual({"a", "b"}, self.older_than_grace(60, "a", "b"))

    def test_what_was_away_begins_anew(self) -> None:
        self.older_than_grace(0, "a")
        self.older_than_grace(30)
        self.assertEqual(set(), self.older_than_grace(30, "a"))
        self.assertEqual({"a"}, self.older_than_grace(60, "a"))

    def test_without_a_grace_the_first_sight_counts(self) -> None:
        self.seen = strays.StrayTracker(0)
        self.assertEqual({"a"}, self.older_than_grace(0, "a"))


class TestName(base.TestCase):
    def test_a_process_is_called_by_its_host_and_number(self) -> None:
        self.assertTrue(ids.process_name().endswith(f":{os.getpid()}"))
