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

"""A clock that moves when somebody sleeps."""

import time
from unittest import mock

import fixtures


class Clock(fixtures.Fixture):
    """Replace time.monotonic() and time.sleep(); ``slept`` is every pause."""

    def _setUp(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        for name, fake in (("sleep", self.sleep), ("monotonic", self.monotonic)):
            patch = mock.patch.object(time, name, autospec=True, side_effect=fake)
            patch.start()
            self.addCleanup(patch.stop)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now
