# SPDX-License-Identifier: Apache-2.0

"""Consecutive days take different points and seeds, until all of them were taken."""

import collections
import datetime

from tests import base
from tests.crash import rotation

DAY = datetime.date(2026, 11, 27)


def days(number: int) -> list[datetime.date]:
    return [DAY + datetime.timedelta(days=offset) for offset in range(number)]


def kind(point: str) -> str:
    return point.partition(" ")[0]


def points(*counts: int) -> list[str]:
    """Return that many points of each of several kinds."""
    return [f"kind{n} {number}" for n, count in enumerate(counts) for number in range(count)]


class TestWindow(base.TestCase):
    def test_consecutive_days_cover_all_points_with_the_fewest_windows(self) -> None:
        for total, size in ((1508, 120), (10, 5), (10, 3), (7, 6), (9, 1)):
            everything = points(total)
            needed = -(-total // size)
            for first in range(5):
                windows = [
                    rotation.window(everything, size, day, kind)
                    for day in days(first + needed)[first:]
                ]
                self.assertEqual({size}, {len(set(window)) for window in windows})
                self.assertEqual(set(everything), set().union(*windows), (total, size))

    def test_the_same_day_has_the_same_sample_in_any_order_of_the_points(self) -> None:
        everything = points(100, 20)
        sample = rotation.window(everything, 12, DAY, kind)
        self.assertEqual(sample, rotation.window(everything[::-1], 12, DAY, kind))

    def test_another_day_has_another_sample(self) -> None:
        samples = [rotation.window(points(100), 10, day, kind) for day in days(10)]
        self.assertEqual(100, len({point for sample in samples for point in sample}))

    def test_every_sample_has_an_even_share_of_each_kind(self) -> None:
        everything = points(600, 300, 100)
        for day in days(10):
            sample = rotation.window(everything, 100, day, kind)
            shares = collections.Counter(map(kind, sample))
            for name, expected in (("kind0", 60), ("kind1", 30), ("kind2", 10)):
                self.assertLessEqual(abs(shares[name] - expected), 2, shares)

    def test_every_sample_has_kinds_with_a_single_point(self) -> None:
        everything = [*points(800), *(f"single{number} 0" for number in range(200))]
        for day in days(10):
            sample = rotation.window(everything, 100, day, kind)
            singles = sum(point.startswith("single") for point in sample)
            self.assertTrue(10 <= singles <= 40, singles)

    def test_a_point_more_keeps_most_of_the_sample(self) -> None:
        before = rotation.window(points(1000), 100, DAY, kind)
        after = rotation.window([*points(1000), "kind1 0"], 110, DAY, kind)
        self.assertGreater(len(set(before) & set(after)), 90)

    def test_a_sample_that_is_not_smaller_is_everything(self) -> None:
        for size in (3, 4):
            self.assertEqual(points(3), rotation.window(points(3), size, DAY, kind))


class TestSeeds(base.TestCase):
    def test_consecutive_days_have_adjacent_seeds(self) -> None:
        first, second = (rotation.first_seed(100, day) for day in days(2))
        self.assertEqual(first + 100, second)
        self.assertGreater(first, 0)


class TestDay(base.TestCase):
    def test_a_day_is_written_as_eight_digits(self) -> None:
        self.assertEqual(DAY, rotation.parse_day("20261127"))
        for text in ("2026-11-27", "20261327", "today", ""):
            self.assertRaises(ValueError, rotation.parse_day, text)

    def test_today_is_a_date(self) -> None:
        self.assertIsInstance(rotation.today(), datetime.date)
