# SPDX-License-Identifier: Apache-2.0

"""Collections: members, pages, and their query parameters."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TypeVar

from podm_simulator.redfish.expand import levels
from podm_simulator.redfish.http import not_found
from podm_simulator.redfish.http import RedfishError
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
    :param paths: of all members, in order.
    :param show: returns a member, for ``$expand``.
    :raises RedfishError: 400 for an invalid query, 501 for an unsupported one.
    """
    existing = paths
    paths = service.members(request.path, paths)
    skip = _number(request.query, "$skip", 0)
    top = _number(request.query, "$top", len(paths))
    end = min(skip + min(top, service.page_size), len(paths))
    page = paths[skip:end]
    resource: Resource = {
        "@odata.id": request.path,
        "@odata.type": f"#{kind}Collection.{kind}Collection",
        "Name": f"{kind} Collection",
        "Members@odata.count": len(paths),
        "Members": _members(service, request, page, existing, show),
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
    existing: Sequence[str],
    show: Callable[[str], Resource] | None,
) -> Sequence[Resource]:
    expand = request.query.get("$expand")
    if expand is None:
        return links(page)
    if not service.expand or show is None or not levels(expand):
        raise RedfishError(501, "QueryNotSupported", f"$expand={expand} is not supported here.")
    readable = frozenset(existing)
    return [
        show(path.rpartition("/")[2]) if path in readable else link(path)  # only quirks add links
        for path in page
    ]


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
        raise RedfishError(
            400,
            "QueryParameterValueTypeError",
            f"{name} must be a non-negative number, not {text!r}.",
        )
    return int(text)


def pick(items: Mapping[str, T], request: Request, name: str) -> T:
    """Return the item that the path names.

    :param name: of the id in the route's template.
    :raises RedfishError: 404, no item has that id.
    """
    item = items.get(request.ids[name])
    if item is None:
        raise not_found(request.path)
    return item
