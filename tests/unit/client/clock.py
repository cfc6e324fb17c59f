# SPDX-License-Identifier: Apache-2.0

"""A clock that only advances when time.sleep() is called."""

import time
from unittest import mock

import fixtures


class Clock(fixtures.Fixture):
    """Replace time.monotonic() and time.sleep(); ``slept`` holds every pause."""

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
