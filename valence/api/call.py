# SPDX-License-Identifier: Apache-2.0

"""One call of the API: the argument of every handler, and helpers for its response."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
from typing import Any
import urllib.parse

from oslo_context import context as oslo_context
import werkzeug

from valence import errors
from valence import jsontext
from valence import policies
from valence.objects import base as objects_base
from valence.service import Service

#: Query parameters of a listing that are not filters.
PAGING = ("limit", "marker", "sort", "fields", "refresh")

#: Filters that are not equalities: query parameter -> value -> a condition of SQLAlchemy.
Conditions = Mapping[str, Callable[[Any], Any]]


@dataclasses.dataclass(frozen=True)
class Call:
    """One request to a handler.

    :ivar project_id: of the object in the path, or of the user if there is none.
    :ivar context: the user and project of the request; its ``request_id`` is in the response
        and in every log line.
    :ivar base: URL of the service as the client reaches it, without ``/v1``.
    :ivar query: the query, valid for its schema and converted to the types of the schema.
    :ivar body: the body, valid for its schema.
    """

    service: Service
    context: oslo_context.RequestContext
    base: str
    path: str
    project_id: str | None
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    body: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def authorize(self, rule: str) -> None:
        """Enforce another policy than that of the route.

        :raises Forbidden: the policy does not allow it.
        """
        policies.enforce(self.service.enforcer, rule, self.context, self.project_id)

    def href(self, *segments: str) -> str:
        """Return the URL of a path under ``/v1``."""
        return "/".join([self.base, "v1", *map(_quoted, segments)])

    def allowed(self, rule: str, project_id: str | None) -> bool:
        """Return whether a policy allows this request on a target of a project."""
        return policies.allows(self.service.enforcer, rule, self.context, project_id)

    def page_query(
        self,
        renamed: Mapping[str, str] | None = None,
        conditions: Conditions | None = None,
        scope: Mapping[str, str] | None = None,
    ) -> objects_base.Query:
        """Return which rows of a collection the request selects.

        :param renamed: query parameter -> name of the column that it filters.
        :param conditions: filters that are not equalities.
        :param scope: values that every visible row has, whatever the filters are.
        """
        columns, special = renamed or {}, conditions or {}
        key, _, direction = self.query.get("sort", "created_at").partition(":")
        return objects_base.Query(
            filters={
                columns.get(field, field): value
                for field, value in self.query.items()
                if field not in PAGING and field not in special
            },
            conditions=tuple(
                condition(self.query[field])
                for field, condition in special.items()
                if field in self.query
            ),
            limit=self.query.get("limit", objects_base.PAGE),
            marker=self.query.get("marker"),
            sort=(key, direction or "asc"),
            scope=scope or {},
        )

    def page(self, plural: str, views: Sequence[Mapping[str, Any]], more: bool) -> dict[str, Any]:
        """Return the body of a page of a collection, with a link to the next one.

        :param more: whether there is a next page.
        :raises RequestInvalid: the query requests a field that does not exist.
        """
        selected = [self._select_fields(view) for view in views]
        if not more:
            return {plural: selected}
        # One refresh serves all pages of a listing.
        query = {key: value for key, value in self.query.items() if key != "refresh"}
        query["marker"] = views[-1]["uuid"]
        return {
            plural: selected,
            "next": f"{self.href(plural)}?{urllib.parse.urlencode(query)}",
        }

    def _select_fields(self, view: Mapping[str, Any]) -> Mapping[str, Any]:
        if "fields" not in self.query:
            return view
        fields = self.query["fields"].split(",")
        unknown = [field for field in fields if field not in view]
        if unknown:
            raise errors.RequestInvalid(
                f"There is no field {', '.join(unknown)}. The fields are: {', '.join(view)}."
            )
        return {field: view[field] for field in fields}


def _quoted(segment: str) -> str:
    """Quote a segment of a path; fast for uuids, of which a page has a thousand."""
    plain = segment.isascii() and segment.replace("-", "").isalnum()
    return segment if plain else urllib.parse.quote(segment, safe="")


def json_response(
    body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None
) -> werkzeug.Response:
    """Return a response with a JSON body, or without a body."""
    content = b"" if body is None else jsontext.write(body)
    response = werkzeug.Response(content, status, headers)
    if body is None:
        del response.headers["Content-Type"]
    else:
        response.headers["Content-Type"] = "application/json"
    return response


def isotime(moment: datetime.datetime | None) -> str | None:
    """Return a time as the API shows it: ISO 8601, in UTC."""
    return None if moment is None else moment.isoformat()
