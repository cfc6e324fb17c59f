# SPDX-License-Identifier: Apache-2.0

"""The figures that the benchmark computes from the records of its peers."""

from benchmarks import figures
from tests import base


class TestCovered(base.TestCase):
    def test_no_spans_cover_no_time(self) -> None:
        self.assertEqual(0, figures.covered([]))

    def test_an_overlap_counts_once(self) -> None:
        assembly, poll = (1.0, 5.0), (2.0, 2.5)
        self.assertEqual(4, figures.covered([poll, assembly]))

    def test_a_partial_overlap_counts_for_the_rest(self) -> None:
        self.assertEqual(3, figures.covered([(1.0, 3.0), (2.0, 4.0)]))

    def test_gaps_do_not_count(self) -> None:
        self.assertEqual(2, figures.covered([(5.0, 6.0), (1.0, 2.0)]))


class TestPeerTime(base.TestCase):
    def test_peers_that_are_busy_at_the_same_time_count_once_together(self) -> None:
        peers = figures.peer_time(
            {
                "ironic": {"requests": 1, "spans": [[0.0, 2.0]]},
                "podms": [
                    {"requests": 2, "spans": [[1.0, 3.0], [1.0, 2.0]]},
                    {"requests": 1, "spans": [[4.0, 5.0]]},
                ],
            }
        )
        self.assertEqual((3, 2, 4), (peers.podm, peers.ironic, peers.any_peer))
        self.assertEqual((3, 1), (peers.podm_requests, peers.ironic_requests))
