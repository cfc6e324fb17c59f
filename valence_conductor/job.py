# SPDX-License-Identifier: Apache-2.0

"""A job: one operation on one row, and its outcome."""

from collections.abc import Mapping
import dataclasses
import enum
from typing import Any

from valence_conductor import ids


@dataclasses.dataclass(frozen=True)
class Job:
    """One operation that a row requests.

    :ivar ledger: name of the ledger that holds the row.
    :ivar uuid: of the row.
    :ivar generation: number of the user's attempt; a recovery never changes it.
    :ivar operation: ``compose``, ``provision``, ...
    """

    ledger: str
    uuid: str
    generation: int
    operation: str

    @property
    def name(self) -> str:
        """Name of the job on every board and in every log line."""
        return f"{self.ledger}/{self.uuid}/{self.generation}/{self.operation}"

    @classmethod
    def from_name(cls, name: str) -> "Job":
        """Return the job with this name.

        :raises ValueError: the name is not one of a job.
        """
        ledger, uuid, generation, operation = name.split("/")
        return cls(ledger, uuid, int(generation), operation)

    @property
    def book_uuid(self) -> str:
        """Uuid of the logbook that holds the job's flow."""
        return ids.derive_uuid(f"book/{self.ledger}/{self.operation}", self.uuid, self.generation)

    @property
    def flow_uuid(self) -> str:
        """Uuid of the job's flow detail."""
        return ids.derive_uuid(f"flow/{self.ledger}/{self.operation}", self.uuid, self.generation)


@dataclasses.dataclass(frozen=True)
class FlowSpec:
    """How to build the flow of a job, in any process and any later release.

    :ivar factory: dotted path of a module-level function that returns the TaskFlow
        flow. Frozen: a test names it, and an old path stays as an alias.
    :ivar store: arguments of the tasks by name; ids and JSON only.
    :ivar kwargs: arguments of the factory; JSON only.
    """

    factory: str
    store: Mapping[str, Any]
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Result(enum.StrEnum):
    """How a flow ended."""

    SUCCESS = "success"
    #: A task failed, and everything was reverted.
    REVERTED = "reverted"
    #: A task failed, and so did a revert: the reverts of earlier tasks were not tried.
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The end of a job, as its ledger settles it.

    :ivar error: name of the exception class that ended the flow.
    :ivar reason: message of the exception.
    :ivar details: of a :class:`~valence_conductor.errors.Fault`.
    :ivar revert_reason: message of the exception that a revert raised afterwards.
    """

    result: Result
    error: str | None = None
    reason: str | None = None
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    revert_reason: str | None = None
