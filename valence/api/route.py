# SPDX-License-Identifier: Apache-2.0

"""The definition of a route of the API."""

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
    """One method of one path: its policy, and the schemas of its requests and responses.

    :ivar path: in werkzeug's form, ``/v1/nodes/<ident>``.
    :ivar rule: name of the oslo.policy rule; None: the route is public.
    :ivar answers: status -> schema of the response's body; None: no body.
    :ivar body: schema of the request's body; None: a body is ignored.
    :ivar body_required: whether a request without a body is refused.
    :ivar field_rules: field of the body -> the policy rule that a request with it needs, besides
        the rule of the route.
    :ivar query: schema of the query, to whose types the values are converted.
    :ivar media: media type of the responses.
    :ivar deprecated: whether a newer path replaces this one.
    :ivar refuses: errors of the handler, besides those that every route may raise.
    """

    method: str
    path: str
    handler: Handler
    rule: str | None
    answers: Mapping[int, base_schemas.Schema | None]
    body: base_schemas.Schema | None = None
    body_required: bool = True
    field_rules: Mapping[str, str] = dataclasses.field(default_factory=dict)
    query: Mapping[str, Any] = dataclasses.field(default_factory=lambda: base_schemas.EMPTY)
    media: str = "application/json"
    deprecated: bool = False
    refuses: tuple[type[errors.ValenceError], ...] = ()

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().splitlines()[0]

    @property
    def noun(self) -> str:
        """Name of the handler's file."""
        return self.handler.__module__.rpartition(".")[2]
