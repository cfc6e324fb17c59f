# SPDX-License-Identifier: Apache-2.0

"""What can end a flow, and what can stop a conductor.

::

    ConductorError
    |-- Superseded          the row moved on; whoever holds it now goes on
    |-- IllegalTransition   a table of states does not know this step
    |-- AlreadyRunning      another process runs the flows of this database
    |-- LockLost            what kept others away is gone
    |-- NoDatabase          a URL names nothing that could be opened
    `-- Unreachable         a server that a process needs to begin does not answer
    Fault                   ends a flow, with a reason for whoever asked
    |-- Cancelled           the row asks its flow to stop
    `-- TimedOut            a wait came to its deadline
    Abandoned               this process must leave the work, now (no Exception)
"""

from collections.abc import Mapping
from typing import Any


class ConductorError(Exception):
    """Base of what the conductor itself refuses."""


class Superseded(ConductorError):
    """A compare-and-set found that the row is not what it was."""


class IllegalTransition(ConductorError):
    """A row was to take a step that its table of states does not have."""


class AlreadyRunning(ConductorError):
    """Another process runs the flows of this database."""


class LockLost(ConductorError):
    """The lock that kept other processes away was lost while it was relied on."""


class NoDatabase(ConductorError):
    """A URL names no database that could be opened, wherever it is."""


class Unreachable(ConductorError):
    """A server that this process needs before it can begin does not answer."""


class Fault(Exception):
    """End a flow with a reason that reaches whoever asked for it.

    Both arguments are JSON, so that TaskFlow keeps them over a restart.

    :param reason: whole sentences: what happened, and what to do about it.
    :param details: JSON for programs (a code, a status, a peer's own words).
    """

    def __init__(self, reason: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason, dict(details or {}))

    @property
    def reason(self) -> str:
        """What happened, in whole sentences."""
        return str(self.args[0])

    @property
    def details(self) -> dict[str, Any]:
        """What a program may want to know."""
        return dict(self.args[1])

    def __str__(self) -> str:
        return self.reason


class Cancelled(Fault):
    """The row asks its flow to stop and to give everything back."""


class TimedOut(Fault):
    """What was waited for did not come about before its deadline."""


class Abandoned(BaseException):
    """Leave the work as a killed process would.

    Not an Exception, so that no task can swallow it and TaskFlow does not take
    it for a failure: the task stays RUNNING in the logbook, and whoever resumes
    the flow runs it again.
    """
