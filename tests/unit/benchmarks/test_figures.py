# SPDX-License-Identifier: Apache-2.0

"""What the benchmark makes of what its peers wrote down."""

from benchmarks import figures
from tests import base


class TestCovered(base.TestCase):
    def test_nothing_took_no_time(self) -> None:
        self.assertEqual(0, figures.covered([]))

    def test_what_overlaps_counts_once(self) -> None:
        assembling, look = (1.0, 5.0), (2.0, 2.5)
        self.assertEqual(4, figures.covered([look, assembling]))

    def test_what_hangs_over_counts_for_its_rest(self) -> None:
        self.assertEqual(3, figures.covered([(1.0, 3.0), (2.0, 4.0)]))

    def test_gaps_do_not_count(self) -> None:
        self.assertEqual(2, figures.covered([(5.0, 6.0), (1.0, 2.0)]))


class TestTaken(base.TestCase):
    def test_peers_at_work_at_the_same_time_are_together_for_less_than_their_sum(self) -> None:
        taken = figures.taken(
            {
                "ironic": {"requests": 1, "spans": [[0.0, 2.0]]},
                "podms": [
                    {"requests": 2, "spans": [[1.0, 3.0], [1.0, 2.0]]},
                    {"requests": 1, "spans": [[4.0, 5.0]]},
                ],
            }
        )
        self.assertEqual((3, 2, 4), (taken.podm, taken.ironic, taken.together))
        self.assertEqual((3, 1), (taken.podm_requests, taken.ironic_requests))
