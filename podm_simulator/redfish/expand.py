# SPDX-License-Identifier: Apache-2.0

"""``$expand`` with ``$levels``: resources in place of the links to them (DSP0266, 7.3)."""

from collections.abc import Callable
import re
from typing import Any

from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Resource

#: The largest number of levels that is supported.
MAX_LEVELS = 6

#: Sections without links, or with links that ``.`` does not expand.
NOT_EXPANDED = ("Links", "Actions", "Oem")

_QUERY = re.compile(r"[.*~](?:\(\$levels=([1-9])\))?")


def levels(query: str) -> int:
    """Return the number of levels in a ``$expand`` query.

    :raises RedfishError: 501, the query is not supported.
    """
    match = _QUERY.fullmatch(query)
    if match is None or int(match[1] or 1) > MAX_LEVELS:
        raise RedfishError(501, "QueryNotSupported", f"$expand={query} is not supported here.")
    return int(match[1] or 1)


def expand_links(resource: Resource, depth: int, show: Callable[[str], Resource]) -> None:
    """Replace links by their resources, in place.

    :param depth: number of levels.
    :param show: returns the resource at a path.
    """
    if depth < 1:
        return
    for key, value in resource.items():
        if key in NOT_EXPANDED or key.startswith("@"):
            continue
        if _is_link(value):
            resource[key] = _target(value, depth, show)
        elif isinstance(value, list) and value and all(map(_is_link, value)):
            resource[key] = [_target(link, depth, show) for link in value]


def _target(link: Any, depth: int, show: Callable[[str], Resource]) -> Resource:
    resource = show(link["@odata.id"])
    expand_links(resource, depth - 1, show)
    return resource


def _is_link(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["@odata.id"]
