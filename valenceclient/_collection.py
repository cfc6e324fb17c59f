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

ResourceT = TypeVar("ResourceT", bound=_resource.Resource)


class Collection(Generic[ResourceT]):
    """List, get, create, update and delete the members of one collection.

    An ``ident`` is a uuid or a name. Every method may raise APIError,
    ConnectFailed and NoEndpoint.
    """

    path: ClassVar[str]
    key: ClassVar[str]
    resource: type[ResourceT]
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
    ) -> Iterator[ResourceT]:
        """Yield the members that match the filters; pages are requested as they are consumed.

        :param limit: the size of a page, not of the result.
        :param marker: uuid of the member after which the list begins.
        :param sort: such as ``name:asc``.
        :param fields: the fields that the response has, instead of all.
        """
        for page in self._pages(query(limit, marker, sort, fields, filters)):
            yield from map(self.resource.from_json, page[self.key])

    def _pages(self, params: dict[str, str]) -> Iterator[Mapping[str, Any]]:
        while True:
            page = _transport.json_of(self._transport.request("GET", self.path, params=params))
            if not isinstance(page.get(self.key), list):
                # Another service answered: its answer is no empty list.
                raise errors.ValenceError(
                    f"The response to GET {self.path} has no list of {self.key}. Check that the "
                    "address is Valence's, and the proxy in front of it if there is one."
                )
            yield page
            if not page.get("next"):
                return
            following = _query_of(page["next"])
            if following == params:
                raise errors.ValenceError(
                    f"The list {self.path} continues with itself: {page['next']}. "
                    "Report this to the operator of Valence."
                )
            params = following

    def get(self, ident: str) -> ResourceT:
        """Return one member.

        :raises NotFound: there is none with this uuid or name.
        """
        return self._parse(self._transport.request("GET", self._path_of(ident)))

    def create(self, **fields: Any) -> ResourceT:
        """Create a member from the fields that are not None; the request is never retried."""
        return self._parse(
            self._transport.request(
                "POST", self.path, body=without_none(fields), confidential=self.confidential
            )
        )

    def update(self, ident: str, **changes: Any) -> ResourceT:
        """Change these fields; None clears a field that may be empty."""
        return self._parse(
            self._transport.request(
                "PATCH", self._path_of(ident), body=changes, confidential=self.confidential
            )
        )

    def delete(self, ident: str) -> None:
        """Delete one member.

        :raises NotFound: there is none with this uuid or name.
        :raises Conflict: it is in use.
        """
        self._delete(ident, None)

    def _delete(self, ident: str, params: Mapping[str, str] | None) -> None:
        try:
            self._transport.request("DELETE", self._path_of(ident), params=params)
        except errors.NotFound as exc:
            # Not found by a retry: the first request deleted it, and its response was lost.
            if exc.attempts == 1:
                raise

    def _path_of(self, ident: str, action: str = "") -> str:
        # An empty or dotted segment would address another resource.
        if not ident or ident.strip(".") == "":
            raise errors.ValenceError(f"{ident!r} is neither a uuid nor a name.")
        return f"{self.path}/{urllib.parse.quote(ident, safe='')}{action}"

    def _parse(self, response: requests.Response) -> ResourceT:
        return self.resource.from_json(_transport.json_of(response))


def query(
    limit: int | None,
    marker: str | None,
    sort: str | None,
    fields: Iterable[str] | str | None,
    filters: Mapping[str, Any],
) -> dict[str, str]:
    """Return the query parameters of a list: those that are not None, as text."""
    if fields is not None and not isinstance(fields, str):
        fields = ",".join(fields)
    params = {"limit": limit, "marker": marker, "sort": sort, "fields": fields, **filters}
    return {name: _text(value) for name, value in without_none(params).items()}


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _query_of(link: str) -> dict[str, str]:
    """Return the query of a ``next`` link and ignore its address.

    Behind a proxy the service may not know its own address, and a token must be
    sent to the endpoint only.
    """
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link).query))
