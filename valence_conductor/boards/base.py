# SPDX-License-Identifier: Apache-2.0

"""The interface of every board."""

from collections.abc import Callable
from collections.abc import Collection
import threading
from typing import Protocol

from valence_conductor.job import Job

#: Runs a job, abandons it when the event is set, and returns the next job, if any.
Handler = Callable[[Job, threading.Event], Job | None]


class Board(Protocol):
    """Queues jobs and dispatches them."""

    def start(self, handler: Handler | None, ledgers: Collection[str]) -> None:
        """Start to dispatch jobs; without a handler, only accept them for other processes.

        :param ledgers: names of the ledgers whose jobs can be run here.
        :raises Unreachable: the servers of the board do not answer.
        """

    def post(self, job: Job) -> None:
        """Queue a job, unless it is queued or running already."""

    def live(self) -> set[Job]:
        """Return the jobs that are queued or running, in any process."""

    def stop(self, graceful: float) -> None:
        """Stop dispatching, and wait for running jobs.

        :param graceful: seconds, at most.
        """
