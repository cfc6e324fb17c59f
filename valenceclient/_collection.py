# SPDX-License-Identifier: Apache-2.0

"""What all collections of the API have in common."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import ClassVar
from typing import Generic
from typing import TypeVar
import urllib.parse

import requests

from valenceclient import _resource
from valenceclient import _transport
from valenceclient import errors

R = TypeVar("R", bound=_resource.Resource)


class Collection(Generic[R]):
    """List, get, create, update and delete the things of one noun.

    Whatever takes an ``ident`` takes a uuid or a name. Everything raises
    APIError, ConnectFailed and NoEndpoint.
    """

    path: ClassVar[str]
    key: ClassVar[str]
    resource: type[R]
    #: The bodies hold a secret: keep them out of the debug log.
    confidential: ClassVar[bool] = False

    def __init__(self, transport: _transport.Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        limit: int | None = None,
        marker: str | None = None,
        sort: str | None = None,
        fields: Iterable[str] | str | None = None,
        **filters: Any,
    ) -> Iterator[R]:
        """Yield what matches the filters, page by page as it is consumed.

        ``limit`` is the size of a page, not of the result; ``sort`` is
        ``name:asc``; ``fields`` leaves the others out of the answer.
        """
        for page in self._pages(params_of(limit, marker, sort, fields, filters)):
            yield from map(self.resource.from_json, page.get(self.key) or ())

    def _pages(self, params: dict[str, str]) -> Iterator[Mapping[str, Any]]:
        while True:
            page = _transport.json_of(self._transport.request("GET", self.path, params=params))
            yield page
            if not page.get("next"):
                return
            following = _following(page["next"])
            if following == params:
                raise errors.ValenceError(
                    f"The list {self.path} continues with itself: {page['next']}. "
                    "Report this to the operator of Valence."
                )
            params = following

    def get(self, ident: str) -> R:
        """Return the one that ``ident`` names. Raises NotFound."""
        return self._made(self._transport.request("GET", self._at(ident)))

    def create(self, **fields: Any) -> R:
        """Create one from the fields that are not None. Sent once, never again."""
        return self._made(
            self._transport.request(
                "POST", self.path, body=_given(fields), confidential=self.confidential
            )
        )

    def update(self, ident: str, **changes: Any) -> R:
        """Change the given fields; None clears a field that may be empty."""
        return self._made(
            self._transport.request(
                "PATCH", self._at(ident), body=changes, confidential=self.confidential
            )
        )

    def delete(self, ident: str) -> None:
        """Delete the one that ``ident`` names. Raises NotFound, and Conflict while in use."""
        self._delete(ident, None)

    def _delete(self, ident: str, params: Mapping[str, str] | None) -> None:
        try:
            self._transport.request("DELETE", self._at(ident), params=params)
        except errors.NotFound as exc:
            # Asked a second time because the first answer was lost: it did happen.
            if exc.attempts == 1:
                raise

    def _at(self, ident: str, action: str = "") -> str:
        # An empty or dotted segment would address something else altogether.
        if not ident or ident.strip(".") == "":
            raise errors.ValenceError(f"{ident!r} is neither a uuid nor a name.")
        return f"{self.path}/{urllib.parse.quote(ident, safe='')}{action}"

    def _made(self, response: requests.Response) -> R:
        return self.resource.from_json(_transport.json_of(response))


def params_of(
    limit: int | None,
    marker: str | None,
    sort: str | None,
    fields: Iterable[str] | str | None,
    filters: Mapping[str, Any],
) -> dict[str, str]:
    """Return the query of a list: what is not None, as text."""
    if fields is not None and not isinstance(fields, str):
        fields = ",".join(fields)
    wanted = {"limit": limit, "marker": marker, "sort": sort, "fields": fields, **filters}
    return {name: _query(value) for name, value in wanted.items() if value is not None}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _query(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _following(link: str) -> dict[str, str]:
    """Take the query of a ``next`` link and nothing else of it.

    Behind a proxy the service may not know its own address, and a token goes
    nowhere but to the endpoint.
    """
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link).query))
