# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
