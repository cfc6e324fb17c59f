# SPDX-License-Identifier: Apache-2.0

"""The figures and goals of the benchmark of the service."""

from benchmarks import listing
from benchmarks import refreshing
from benchmarks import service
from tests import base


def refresh(**fields: object) -> refreshing.Refresh:
    measured = {
        "pod_managers": 8,
        "systems": 48,
        "latency": 0.02,
        "expand": False,
        "first": 3.0,
        "first_requests": 8 * 442,
        "seconds": 1.5,
        "requests": 8 * 101,
        "single": 0.5,
        "cpu": 0.9,
        "pods_cpu": 0.0,
        "starved": 0.0,
        "listing": 0.1,
        "listing_requests": 0,
    }
    return refreshing.Refresh(**{**measured, **fields})  # type: ignore[arg-type]


class TestFigures(base.TestCase):
    def test_the_limit_is_the_time_of_the_requests_that_follow_each_other(self) -> None:
        # Three collections; 48 systems and 50 chassis, eight at a time.
        self.assertAlmostEqual((3 + 6 + 7) * 0.02, refresh().limit)
        self.assertAlmostEqual(3 * 0.02, refresh(expand=True).limit)

    def test_the_ratio_excludes_the_cpu_time_of_the_service(self) -> None:
        self.assertAlmostEqual(1.2, refresh().ratio)
        self.assertAlmostEqual(0.85, refresh(pods_cpu=0.2).ratio)

    def test_requests_are_divided_by_the_resources(self) -> None:
        self.assertAlmostEqual(442 / 342, refresh().per_resource)


class TestGoals(base.TestCase):
    def test_good_figures_miss_no_goal(self) -> None:
        self.assertEqual([], service._missed([refresh(), refresh(expand=True, first_requests=32)]))

    def test_each_missed_goal_is_named(self) -> None:
        missed = service._missed(
            [
                refresh(seconds=9.0),
                refresh(listing_requests=1),
                refresh(expand=True, first_requests=33),
                refresh(first_requests=8 * 460),
            ]
        )
        words = ["times the slowest", "a listing cost", "with $expand", "requests a resource"]
        self.assertEqual(4, len(missed))
        for word, goal in zip(words, missed, strict=True):
            self.assertIn(word, goal)

    def test_listing_is_compared_with_the_short_list_of_ironic(self) -> None:
        def comparison(short: float) -> listing.Comparison:
            costs = [listing.Cost(seconds, cpu=0.01) for seconds in (0.05, short, 0.9)]
            return listing.Comparison(1000, *costs)

        self.assertEqual([], service._missed_listing(comparison(0.26)))
        self.assertIn("4.0 times", service._missed_listing(comparison(0.2))[0])
        self.assertEqual([], service._missed_listing(None))
