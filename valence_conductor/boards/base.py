# SPDX-License-Identifier: Apache-2.0

"""What every board offers."""

from collections.abc import Callable
from collections.abc import Collection
import threading
from typing import Protocol

from valence_conductor.job import Job

#: What a board does with a job: run it, leave it when the event is set, and
#: give the next job, if any.
Work = Callable[[Job, threading.Event], Job | None]


class Board(Protocol):
    """Hands jobs to those who do them."""

    def start(self, work: Work | None, ledgers: Collection[str]) -> None:
        """Begin to hand out jobs; with None only take them, for others to do.

        :param ledgers: whose jobs can be done here; others are left to others.
        :raises Unreachable: the servers that it lives on do not answer.
        """

    def post(self, job: Job) -> None:
        """Take a job. One that waits or is being done already is not taken twice."""

    def live(self) -> set[Job]:
        """Tell which jobs wait or are being done, by anybody."""

    def stop(self, graceful: float) -> None:
        """Hand out no more, and wait for those who are at work, seconds at the most."""
