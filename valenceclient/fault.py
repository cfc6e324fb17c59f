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
class Fault(_resource.Record):
    """Why a node's last operation failed."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {"at": _resource.when}

    status: int | None = None
    #: Stable, for programs: ``valence.podmanager.refused``.
    code: str | None = None
    title: str | None = None
    detail: str = ""
    #: The pod manager's or Ironic's own words.
    reason: str | None = None
    #: compose, register, unregister or release.
    operation: str | None = None
    at: datetime.datetime | None = None
