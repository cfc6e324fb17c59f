# SPDX-License-Identifier: Apache-2.0

"""Faults: why an operation on a node failed."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import datetime
from typing import Any
from typing import ClassVar

from valenceclient import _resource


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cleanup(_resource.Record):
    """Whether a failed operation was undone.

    ``result``: ``done``, ``failed`` or ``pending``; ``detail``: why, if it is
    known; ``code``: of the error with which the cleanup failed, if it is known.
    """

    result: str = ""
    detail: str = ""
    code: str = ""

    @property
    def summary(self) -> str:
        """One sentence: the result, and the detail if there is one."""
        return (
            f"Cleanup {self.result}: {self.detail}" if self.detail else f"Cleanup {self.result}."
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault(_resource.Record):
    """Why a node's last operation failed."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "at": _resource.parse_time,
        "cleanup": Cleanup.from_json,
        "agree": tuple,
        "contradict": _resource.mapping,
    }

    status: int | None = None
    #: Stable, for programs: ``valence.podmanager.refused``.
    code: str | None = None
    title: str | None = None
    detail: str = ""
    #: The message of the pod manager or of Ironic, verbatim.
    reason: str | None = None
    #: compose, register, unregister, release or identify.
    operation: str | None = None
    at: datetime.datetime | None = None
    #: None if the operation was no compose and no register, or failed in an earlier release.
    #: It does not say then what is still held.
    cleanup: Cleanup | None = None
    #: Of a conflict of facts: the path of the machine that may be the node, the names of the
    #: facts that agree, and name of a fact -> what is ``recorded`` and what is ``reported``.
    path: str | None = None
    agree: tuple[str, ...] = ()
    contradict: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
