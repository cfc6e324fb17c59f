# SPDX-License-Identifier: Apache-2.0

"""Reaching a server that may start when we do."""

from tests import base
from valence_conductor import errors
from valence_conductor import reaching


class ReachTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.tried = 0

    def answers(self, after: int) -> int:
        self.tried += 1
        if self.tried <= after:
            raise ConnectionError from OSError("the cable is out\nsee its other end")
        return self.tried

    def test_whoever_answers_later_is_waited_for(self) -> None:
        self.patch(reaching, "PAUSE", 0.01)
        answer = reaching.retry_until_reachable(
            "The pod", lambda: self.answers(3), (ConnectionError,), 60
        )
        self.assertEqual(4, answer)

    def test_whoever_does_not_is_named_with_the_words_of_who_noticed_first(self) -> None:
        exc = self.assertRaises(
            errors.Unreachable,
            reaching.retry_until_reachable,
            "The pod",
            lambda: self.answers(9),
            (OSError,),
            0,
        )
        self.assertTrue(str(exc).startswith("The pod cannot be reached: the cable is out. See "))
        self.assertEqual(1, self.tried)

    def test_any_other_error_is_no_reason_to_wait(self) -> None:
        self.assertRaises(
            ConnectionError,
            reaching.retry_until_reachable,
            "The pod",
            lambda: self.answers(9),
            (KeyError,),
            60,
        )
