# SPDX-License-Identifier: Apache-2.0

"""The interface between a conductor and the owner of rows."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
from typing import Any
from typing import Protocol

from valence_conductor.db.engine import Database
from valence_conductor.job import FlowSpec
from valence_conductor.job import Job
from valence_conductor.job import Outcome
from valence_conductor.strays import Stray

#: Entry points of this group load a ledger: ``load(conf) -> Ledger``.
NAMESPACE = "valence_conductor.ledgers"


@dataclasses.dataclass(frozen=True)
class Rows:
    """Where the rows of a ledger are.

    :ivar db: the database.
    :ivar option: the option that names it, for errors: ``[database] connection``.
    """

    db: Database
    option: str


class Ledger(Protocol):
    """Rows whose state is the truth, and the flows that change it.

    The conductor calls a ledger from several threads. A ledger may have an attribute
    ``rows``, of type :class:`Rows`: then no two processes without a common jobboard run its
    jobs, even if each of them has flows of its own.
    """

    name: str

    def pending(self) -> Iterable[Job]:
        """List the jobs that rows in a transitional state request, oldest first."""

    def is_pending(self, job: Job) -> bool:
        """Return whether the row still requests exactly this job."""

    def flow(self, job: Job) -> FlowSpec:
        """Return the flow that does the job."""

    def task_arguments(self, job: Job) -> Mapping[str, Any]:
        """Return the live objects that tasks take as arguments, by name.

        They are passed to every run and never persisted.
        """

    def task_started(self, job: Job, task: str, reverting: bool) -> None:
        """Record, for operators, which task now runs (or is reverted)."""

    def settle(self, job: Job, outcome: Outcome) -> Job | None:
        """End the row's transition.

        Idempotent: a conductor may die after this and before it forgets the job.

        :returns: the next job, when the row requests one at once (a deletion
            that waited for the end of this one).
        :raises Superseded: the row has changed; nothing was written.
        """

    def count_by_state(self) -> Mapping[str, int]:
        """Count the rows by state."""

    def audit(self) -> Iterable[Stray]:
        """Find strays, and release those that certainly belong to this installation.

        Called periodically, by one process at a time.
        """
