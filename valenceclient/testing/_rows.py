# SPDX-License-Identifier: Apache-2.0

"""Rows of a collection, and the refusals of the fake service."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import copy
import datetime
import http
from typing import Any
import urllib.parse
import uuid as uuids

from valenceclient.fault import Cleanup

#: Fields of a row that no response has, beside those that begin with an underscore.
_HIDDEN = ("password", "client_key")

#: Query parameters that are not filters.
_PAGING = ("limit", "marker", "sort", "fields", "refresh")


class Refusal(Exception):
    """The service refuses a request or an operation, with an error of the API.

    :ivar cleanup: of the fault, if the refusal ends an operation on a node.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        reason: str | None = None,
        cleanup: Cleanup | None = None,
    ) -> None:
        super().__init__(status, code, detail, reason, cleanup)
        self.status = status
        self.code = code
        self.detail = detail
        self.reason = reason
        self.cleanup = cleanup

    def form(self) -> dict[str, Any]:
        """Return the API's error object, without the request id."""
        form = {
            "status": self.status,
            "code": self.code,
            "title": http.HTTPStatus(self.status).phrase,
            "detail": self.detail,
        }
        return form | ({"reason": self.reason} if self.reason else {})

    def fault(self) -> dict[str, Any]:
        """Return the fault of an operation that ends like this."""
        if self.cleanup is None:
            return self.form()
        cleanup = {"result": self.cleanup.result, "detail": self.cleanup.detail or None}
        return {**self.form(), "cleanup": cleanup}


def now() -> str:
    """Return the current time in the format of the API."""
    return datetime.datetime.now(datetime.UTC).isoformat()


def public_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a row without its hidden fields, as the API shows it."""
    return {
        name: copy.deepcopy(value)
        for name, value in row.items()
        if name not in _HIDDEN and not name.startswith("_")
    }


class Rows:
    """The rows of one noun, in the order of creation."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._rows: dict[str, dict[str, Any]] = {}

    def all(self) -> list[dict[str, Any]]:
        """Return every row, oldest first."""
        return list(self._rows.values())

    def get(self, ident: str) -> dict[str, Any]:
        """Return the row with this uuid or name.

        :raises Refusal: 404, there is none.
        """
        for row in self._rows.values():
            if ident in (row["uuid"], row.get("name")):
                return row
        raise Refusal(
            404,
            f"valence.{self.noun}.not_found",
            f"There is no {self.noun} {ident!r}: list them to see which there are.",
        )

    def add(self, row: Mapping[str, Any], unique: Collection[str] = ()) -> dict[str, Any]:
        """Store a row.

        :param unique: fields that no other row may share, beside the uuid.
        :raises Refusal: 400 if the uuid is invalid, 409 if a unique value is in use.
        """
        new = {"uuid": str(uuids.uuid4()), **row, "created_at": now(), "updated_at": None}
        check_uuid(new["uuid"])
        self._check_unique(new, ("uuid", *unique), None)
        self._rows[new["uuid"]] = new
        return new

    def update(
        self, ident: str, changes: Mapping[str, Any], unique: Collection[str] = ("name",)
    ) -> dict[str, Any]:
        """Change fields of a row.

        :raises Refusal: 404 if there is none, 409 if a unique value is in use.
        """
        row = self.get(ident)
        self._check_unique({**row, **changes}, unique, row)
        row.update(changes, updated_at=now())
        return row

    def remove(self, row: Mapping[str, Any]) -> None:
        """Delete a row."""
        del self._rows[row["uuid"]]

    def _check_unique(
        self, new: Mapping[str, Any], unique: Iterable[str], current: Mapping[str, Any] | None
    ) -> None:
        for field in unique:
            others = [row[field] for row in self._rows.values() if row is not current]
            if new.get(field) is not None and new[field] in others:
                raise Refusal(
                    409,
                    f"valence.{self.noun}.duplicate",
                    f"There is a {self.noun} with the {field} {new[field]!r} already.",
                )


def check_uuid(value: object) -> None:
    """Check the format of a uuid.

    :raises Refusal: 400, it is invalid.
    """
    try:
        uuids.UUID(str(value))
    except ValueError:
        raise Refusal(400, "valence.request.invalid", f"{value!r} is not a uuid.") from None


def page(
    noun: str, rows: Iterable[Mapping[str, Any]], query: Mapping[str, str], url: str
) -> dict[str, Any]:
    """Return the page of a collection that a query requests: filtered, sorted and cut."""
    filters = {name: value for name, value in query.items() if name not in _PAGING}
    matches = [
        public_fields(row)
        for row in rows
        if all(str(row.get(name)) == value for name, value in filters.items())
    ]
    if "sort" in query:
        key, _, order = query["sort"].partition(":")
        matches.sort(key=lambda row: str(row.get(key)), reverse=order == "desc")
    if "marker" in query:
        matching_uuids = [row["uuid"] for row in matches]
        if query["marker"] not in matching_uuids:
            raise Refusal(400, "valence.request.invalid", "The marker is not in the list.")
        matches = matches[matching_uuids.index(query["marker"]) + 1 :]
    limit = int(query.get("limit", 1000))
    body: dict[str, Any] = {noun: matches[:limit]}
    if len(matches) > limit:
        following = {**query, "limit": limit, "marker": matches[limit - 1]["uuid"]}
        body["next"] = f"{url}?{urllib.parse.urlencode(following)}"
    if "fields" in query:
        fields = query["fields"].split(",")
        body[noun] = [{f: row[f] for f in fields if f in row} for row in body[noun]]
    return body
