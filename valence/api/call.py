# SPDX-License-Identifier: Apache-2.0

"""One call of the API: what a handler is given, and what it answers with."""

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
from valence import service as service_module
from valence.objects import base as objects_base

#: What a listing's query holds besides filters.
PAGING = ("limit", "marker", "sort", "fields", "refresh")

#: What a filter that is no equality asks of a row: value -> a condition of SQLAlchemy.
Conditions = Mapping[str, Callable[[Any], Any]]


@dataclasses.dataclass(frozen=True)
class Call:
    """What a handler is given.

    :ivar context: who is asking; its ``request_id`` is in every answer and log.
    :ivar base: URL of the service as the client sees it, without ``/v1``.
    :ivar query: the query, valid for its schema and of its types.
    :ivar body: the body, valid for its schema.
    """

    service: "service_module.Service"
    context: oslo_context.RequestContext
    base: str
    path: str
    query: Mapping[str, Any]
    body: Mapping[str, Any]

    def authorize(self, rule: str) -> None:
        """See that whoever asks may do this as well, besides what the route asks for.

        :raises Forbidden: the policy says no.
        """
        if not self.allowed(rule, None):
            raise errors.Forbidden(
                f"The policy {rule} does not allow this. Ask for the role that it names."
            )

    def href(self, *segments: str) -> str:
        """Give the URL of something under ``/v1``."""
        return "/".join([self.base, "v1", *map(_quoted, segments)])

    def allowed(self, rule: str, project_id: str | None) -> bool:
        """Tell whether whoever asks may do something to what a project owns."""
        return policies.allows(self.service.enforcer, rule, self.context, project_id)

    def page_wanted(
        self,
        renamed: Mapping[str, str] | None = None,
        conditions: Conditions | None = None,
        scope: Mapping[str, str] | None = None,
    ) -> objects_base.Query:
        """Read which rows of a collection are asked for.

        :param renamed: query parameter -> the attribute it stands for.
        :param conditions: query parameter -> what it asks for, when that is no
            equality.
        :param scope: what the rows must have beyond which nothing may be seen.
        """
        names, special = renamed or {}, conditions or {}
        key, _, direction = self.query.get("sort", "created_at").partition(":")
        return objects_base.Query(
            filters={
                names.get(field, field): (
                    # What bears another name in the table is a uuid, in any spelling.
                    objects_base.as_uuid(value) or value if field in names else value
                )
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
        """Make a page of a collection, with the link to the next one if there is more.

        :raises RequestInvalid: a field is asked for that there is not.
        """
        shown = [self._shown(view) for view in views]
        if not more:
            return {plural: shown}
        # What was asked to be read anew for the first page is as good for the next.
        query = {key: value for key, value in self.query.items() if key != "refresh"}
        query["marker"] = views[-1]["uuid"]
        return {
            plural: shown,
            "next": f"{self.href(plural)}?{urllib.parse.urlencode(query)}",
        }

    def _shown(self, view: Mapping[str, Any]) -> Mapping[str, Any]:
        if "fields" not in self.query:
            return view
        wanted = self.query["fields"].split(",")
        unknown = [field for field in wanted if field not in view]
        if unknown:
            raise errors.RequestInvalid(
                f"There is no field {', '.join(unknown)}. There are: {', '.join(view)}."
            )
        return {field: view[field] for field in wanted}


def _quoted(segment: str) -> str:
    """Write a segment of a path; a uuid, of which a page has a thousand, is one as it is."""
    plain = segment.isascii() and segment.replace("-", "").isalnum()
    return segment if plain else urllib.parse.quote(segment, safe="")


def answer(
    body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None
) -> werkzeug.Response:
    """Answer with JSON, or with nothing."""
    content = b"" if body is None else jsontext.write(body)
    response = werkzeug.Response(content, status, headers)
    if body is None:
        del response.headers["Content-Type"]
    else:
        response.headers["Content-Type"] = "application/json"
    return response


def moment(when: datetime.datetime | None) -> str | None:
    """Write a time as the API does: ISO 8601, in UTC."""
    return None if when is None else when.isoformat()
