# SPDX-License-Identifier: Apache-2.0

"""Rows, and how they refuse."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import copy
import datetime
import http
from typing import Any
import urllib.parse
import uuid as uuids

#: Kept with a row, never shown. The password is one of them.
_HIDDEN = ("password",)

#: Query parameters that are no filters.
_PAGING = ("limit", "marker", "sort", "fields", "refresh")


class Refusal(Exception):
    """What the service would not do, as the API says it."""

    def __init__(self, status: int, code: str, detail: str, reason: str | None = None) -> None:
        super().__init__(status, code, detail, reason)
        self.status = status
        self.code = code
        self.detail = detail
        self.reason = reason

    def form(self) -> dict[str, Any]:
        """Return the API's error object, without the request id."""
        form = {
            "status": self.status,
            "code": self.code,
            "title": http.HTTPStatus(self.status).phrase,
            "detail": self.detail,
        }
        return form | ({"reason": self.reason} if self.reason else {})


def now() -> str:
    """Return the time as the API writes it."""
    return datetime.datetime.now(datetime.UTC).isoformat()


def described(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as the API shows it: a copy, without what is hidden."""
    return {
        name: copy.deepcopy(value)
        for name, value in row.items()
        if name not in _HIDDEN and not name.startswith("_")
    }


class Rows:
    """The rows of one noun, in the order of their making."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._rows: dict[str, dict[str, Any]] = {}

    def all(self) -> list[dict[str, Any]]:
        """Return every row, oldest first."""
        return list(self._rows.values())

    def get(self, ident: str) -> dict[str, Any]:
        """Find a row by uuid or name; refuse with 404."""
        for row in self._rows.values():
            if ident in (row["uuid"], row.get("name")):
                return row
        raise Refusal(
            404,
            f"valence.{self.noun}.not_found",
            f"There is no {self.noun} {ident!r}: list them to see which there are.",
        )

    def add(self, row: Mapping[str, Any], unique: Collection[str] = ()) -> dict[str, Any]:
        """Keep a row; refuse with 409 if its uuid, or a unique field, is taken."""
        made = {"uuid": str(uuids.uuid4()), **row, "created_at": now(), "updated_at": None}
        check_uuid(made["uuid"])
        self._check_unique(made, ("uuid", *unique), None)
        self._rows[made["uuid"]] = made
        return made

    def update(
        self, ident: str, changes: Mapping[str, Any], unique: Collection[str] = ("name",)
    ) -> dict[str, Any]:
        """Change fields of a row; refuse with 409 if a unique one is taken."""
        row = self.get(ident)
        self._check_unique({**row, **changes}, unique, row)
        row.update(changes, updated_at=now())
        return row

    def remove(self, row: Mapping[str, Any]) -> None:
        """Forget a row."""
        del self._rows[row["uuid"]]

    def _check_unique(
        self, made: Mapping[str, Any], unique: Iterable[str], but: Mapping[str, Any] | None
    ) -> None:
        for field in unique:
            others = [row[field] for row in self._rows.values() if row is not but]
            if made.get(field) is not None and made[field] in others:
                raise Refusal(
                    409,
                    f"valence.{self.noun}.duplicate",
                    f"There is a {self.noun} with the {field} {made[field]!r} already.",
                )


def check_uuid(value: object) -> None:
    """Refuse what is no uuid with 400."""
    try:
        uuids.UUID(str(value))
    except ValueError:
        raise Refusal(400, "valence.request.invalid", f"{value!r} is no uuid.") from None


def page(
    noun: str, rows: Iterable[Mapping[str, Any]], query: Mapping[str, str], url: str
) -> dict[str, Any]:
    """Return a page of a collection: filtered, sorted, from the marker on."""
    wanted = {name: value for name, value in query.items() if name not in _PAGING}
    found = [
        described(row)
        for row in rows
        if all(str(row.get(name)) == value for name, value in wanted.items())
    ]
    if "sort" in query:
        key, _, way = query["sort"].partition(":")
        found.sort(key=lambda row: str(row.get(key)), reverse=way == "desc")
    if "marker" in query:
        uuids_found = [row["uuid"] for row in found]
        if query["marker"] not in uuids_found:
            raise Refusal(400, "valence.request.invalid", "The marker is not in the list.")
        found = found[uuids_found.index(query["marker"]) + 1 :]
    limit = int(query.get("limit", 1000))
    body: dict[str, Any] = {noun: found[:limit]}
    if len(found) > limit:
        following = {**query, "limit": limit, "marker": found[limit - 1]["uuid"]}
        body["next"] = f"{url}?{urllib.parse.urlencode(following)}"
    if "fields" in query:
        fields = query["fields"].split(",")
        body[noun] = [{f: row[f] for f in fields if f in row} for row in body[noun]]
    return body
