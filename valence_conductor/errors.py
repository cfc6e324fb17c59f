# SPDX-License-Identifier: Apache-2.0

"""Errors that end a flow, and errors that stop a conductor.

::

    ConductorError
    |-- Superseded          the row has changed; its new owner continues
    |-- IllegalTransition   a table of states does not have this transition
    |-- AlreadyRunning      another process runs the flows of this database
    |-- LockLost            a lock was lost while it was relied on
    |-- TablesNewer         the tables are at a revision of a later release
    |-- NoDatabase          a URL names no database that could be opened
    `-- Unreachable         a server that a process needs to start does not answer
    Fault                   ends a flow, with a reason for the user
    |-- Cancelled           the row requests that its flow stop
    `-- TimedOut            the deadline of a wait has passed
    Abandoned               this process must abandon the job now (not an Exception)
"""

from collections.abc import Mapping
from typing import Any


class ConductorError(Exception):
    """Base of the errors that the conductor itself raises."""


class Superseded(ConductorError):
    """A compare-and-set found that the row has changed."""


class IllegalTransition(ConductorError):
    """A row was to make a transition that its table of states does not have."""


class AlreadyRunning(ConductorError):
    """Another process runs the flows of this database."""


class LockLost(ConductorError):
    """The lock that excludes other processes was lost while it was relied on."""


class TablesNewer(ConductorError):
    """The tables are at a revision that this release does not know: that of a later one."""


class NoDatabase(ConductorError):
    """A URL names no database that could be opened, on any server."""


class Unreachable(ConductorError):
    """A server that this process needs to start does not answer."""


class Fault(Exception):
    """End a flow with a reason that reaches the user.

    Both arguments are JSON, so that TaskFlow keeps them over a restart.

    :param reason: whole sentences: what happened, and what to do about it.
    :param details: JSON for programs (a code, a status, the message of a peer).
    """

    def __init__(self, reason: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason, dict(details or {}))

    @property
    def reason(self) -> str:
        """What happened, in whole sentences."""
        return str(self.args[0])

    @property
    def details(self) -> dict[str, Any]:
        """The details for programs."""
        return dict(self.args[1])

    def __str__(self) -> str:
        return self.reason


class Cancelled(Fault):
    """The row requests that its flow stop and release everything."""


class TimedOut(Fault):
    """A condition was not met before its deadline."""


class Abandoned(BaseException):
    """Stop working on a job, as a killed process would.

    Not an Exception, so that no task can swallow it and TaskFlow does not take
    it for a failure: the task stays RUNNING in the logbook, and the process that
    resumes the flow runs it again.
    """
