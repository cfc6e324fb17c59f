# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
        answer = reaching.reach("The pod", lambda: self.answers(3), (ConnectionError,), 60)
        self.assertEqual(4, answer)

    def test_whoever_does_not_is_named_with_the_words_of_who_noticed_first(self) -> None:
        exc = self.assertRaises(
            errors.Unreachable, reaching.reach, "The pod", lambda: self.answers(9), (OSError,), 0
        )
        self.assertTrue(str(exc).startswith("The pod cannot be reached: the cable is out. See "))
        self.assertEqual(1, self.tried)

    def test_any_other_error_is_no_reason_to_wait(self) -> None:
        self.assertRaises(
            ConnectionError, reaching.reach, "The pod", lambda: self.answers(9), (KeyError,), 60
        )
