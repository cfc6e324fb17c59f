# SPDX-License-Identifier: Apache-2.0

"""What a conductor needs of the owner of rows."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
from typing import Any
from typing import Protocol

from valence_conductor.job import FlowSpec
from valence_conductor.job import Job
from valence_conductor.job import Outcome

#: Entry points of this group load a ledger: ``load(conf) -> Ledger``.
NAMESPACE = "valence_conductor.ledgers"


@dataclasses.dataclass(frozen=True)
class Stray:
    """Something that bears our mark and that no row owns, or a row that lost its own.

    :ivar kind: ``composed-node``, ``ironic-node``, ``row``.
    :ivar what: names it, for people.
    :ivar repaired: whether it was surely ours and is given back, or about to be.
    """

    kind: str
    what: str
    repaired: bool


class Ledger(Protocol):
    """Rows whose state is the truth, and the flows that move them.

    The conductor calls it from several threads.
    """

    name: str

    def pending(self) -> Iterable[Job]:
        """List the jobs that rows in a transitional state ask for, oldest first."""

    def is_pending(self, job: Job) -> bool:
        """Tell whether the row still asks for exactly this job."""

    def flow(self, job: Job) -> FlowSpec:
        """Say which flow does the job."""

    def task_arguments(self, job: Job) -> Mapping[str, Any]:
        """Give the live objects that tasks ask for by name.

        They are handed to every run anew and are never persisted.
        """

    def task_started(self, job: Job, task: str, reverting: bool) -> None:
        """Note which task runs (or reverts) from now on, for people to see."""

    def settle(self, job: Job, outcome: Outcome) -> Job | None:
        """End the row's transition.

        Idempotent: a conductor may die after this and before it forgets the job.

        :returns: the next job, when the row asks for one at once (a deletion
            that waited for the end of this one).
        :raises Superseded: the row has moved on; nothing was written.
        """

    def count_by_state(self) -> Mapping[str, int]:
        """Count the rows by state."""

    def audit(self) -> Iterable[Stray]:
        """Look for what nobody owns, and give back what is surely ours.

        Called now and then, by one process at a time.
        """
