# SPDX-License-Identifier: Apache-2.0

"""What a route of the API is."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

import werkzeug

from valence import errors
from valence.api.schemas import base as base_schemas

Handler = Callable[..., werkzeug.Response]


@dataclasses.dataclass(frozen=True, eq=False)
class Route:
    """One method of one path: who may, what goes in, what comes out.

    :ivar path: of werkzeug, ``/v1/nodes/<ident>``.
    :ivar rule: of oslo.policy; None: everybody may.
    :ivar answers: status -> schema of the body; None: no body.
    :ivar body: schema of the request's body; None: there is none.
    :ivar body_required: whether a request without a body is refused.
    :ivar query: schema of the query; its values have the types it says.
    :ivar media: of its answers.
    :ivar deprecated: whether new clients have a better one.
    :ivar refuses: what it refuses, besides what every route may.
    """

    method: str
    path: str
    handler: Handler
    rule: str | None
    answers: Mapping[int, base_schemas.Schema | None]
    body: base_schemas.Schema | None = None
    body_required: bool = True
    query: Mapping[str, Any] = dataclasses.field(default_factory=lambda: base_schemas.EMPTY)
    media: str = "application/json"
    deprecated: bool = False
    refuses: tuple[type[errors.ValenceError], ...] = ()

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        return (self.handler.__doc__ or "").strip().splitlines()[0]

    @property
    def noun(self) -> str:
        """The file that its handler is in."""
        return self.handler.__module__.rpartition(".")[2]
