# SPDX-License-Identifier: Apache-2.0

"""Collections: members, pages, and the query parameters that go with them."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TypeVar

from podm_simulator.redfish.expand import levels
from podm_simulator.redfish.http import missing
from podm_simulator.redfish.http import Refusal
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Service

T = TypeVar("T")

MAX_DIGITS = 9


def link(path: str) -> dict[str, str]:
    """Return a reference to a resource."""
    return {"@odata.id": path}


def links(paths: Sequence[str]) -> list[dict[str, str]]:
    """Return references to resources."""
    return [link(path) for path in paths]


def collection(
    service: Service,
    request: Request,
    kind: str,
    paths: Sequence[str],
    show: Callable[[str], Resource] | None = None,
) -> Resource:
    """Return one page of a collection.

    :param kind: of the members, such as ``ComputerSystem``.
    :param paths: of all members, in their order.
    :param show: makes a member for ``$expand``.
    :raises Refusal: 400 for a query that makes no sense, 501 for one not offered.
    """
    skip = _number(request.query, "$skip", 0)
    top = _number(request.query, "$top", len(paths))
    end = min(skip + min(top, service.page_size), len(paths))
    page = paths[skip:end]
    resource: Resource = {
        "@odata.id": request.path,
        "@odata.type": f"#{kind}Collection.{kind}Collection",
        "Name": f"{kind} Collection",
        "Members@odata.count": len(paths),
        "Members": _members(service, request, page, show),
    }
    if end < len(paths) and end - skip < top:
        rest = f"&$top={top - (end - skip)}" if "$top" in request.query else ""
        expand = f"&$expand={request.query['$expand']}" if "$expand" in request.query else ""
        resource["Members@odata.nextLink"] = f"{request.path}?$skip={end}{rest}{expand}"
    return resource


def _members(
    service: Service,
    request: Request,
    page: Sequence[str],
    show: Callable[[str], Resource] | None,
) -> Sequence[Resource]:
    expand = request.query.get("$expand")
    if expand is None:
        return links(page)
    if not service.expand or show is None or not levels(expand):
        raise Refusal(501, "QueryNotSupported", f"$expand={expand} is not supported here.")
    return [show(path.rpartition("/")[2]) for path in page]


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
        raise Refusal(
            400,
            "QueryParameterValueTypeError",
            f"{name} must be a number that is not negative, not {text!r}.",
        )
    return int(text)


def pick(things: Mapping[str, T], request: Request, name: str) -> T:
    """Return the thing that the path names.

    :raises Refusal: 404, there is none.
    """
    thing = things.get(request.ids[name])
    if thing is None:
        raise missing(request.path)
    return thing
