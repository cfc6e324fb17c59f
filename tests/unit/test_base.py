# SPDX-License-Identifier: Apache-2.0

"""The waits of the tests end, and explain why."""

import time

from tests import base


class TestWaitFor(base.TestCase):
    def test_it_returns_the_first_value_that_is_true(self) -> None:
        values = iter([0, [], "", "x", "y"])
        self.assertEqual("x", self.wait_for(lambda: next(values), pause=0.001))

    def test_it_names_the_condition_that_was_not_true_in_time(self) -> None:
        start = time.monotonic()
        for what in ("the pool is empty", lambda: "the pool is empty"):
            failure = self.assertRaises(
                AssertionError, base.wait_for, lambda: False, timeout=0.05, what=what
            )
            self.assertIn("0.05 s before this was true: the pool is empty", str(failure))
        self.assertGreaterEqual(time.monotonic() - start, 0.1)
