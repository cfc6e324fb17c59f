# SPDX-License-Identifier: Apache-2.0

"""``$expand`` with ``$levels``: resources in place of the links to them (DSP0266, 7.3)."""

from collections.abc import Callable
import re
from typing import Any

from podm_simulator.redfish.http import Refusal
from podm_simulator.redfish.http import Resource

#: The deepest that is offered.
MAX_LEVELS = 6

#: What holds no links, or links that ``.`` leaves as they are.
LEFT_ALONE = ("Links", "Actions", "Oem")

_QUERY = re.compile(r"[.*~](?:\(\$levels=([1-9])\))?")


def levels(query: str) -> int:
    """Read how many levels are asked for.

    :raises Refusal: 501, that is not offered.
    """
    asked = _QUERY.fullmatch(query)
    if asked is None or int(asked[1] or 1) > MAX_LEVELS:
        raise Refusal(501, "QueryNotSupported", f"$expand={query} is not supported here.")
    return int(asked[1] or 1)


def deepen(resource: Resource, depth: int, show: Callable[[str], Resource]) -> None:
    """Put resources in place of links, so many levels deep.

    :param show: makes the resource at a path.
    """
    if depth < 1:
        return
    for key, value in resource.items():
        if key in LEFT_ALONE or key.startswith("@"):
            continue
        if _is_link(value):
            resource[key] = _shown(value, depth, show)
        elif isinstance(value, list) and value and all(map(_is_link, value)):
            resource[key] = [_shown(one, depth, show) for one in value]


def _shown(link: Any, depth: int, show: Callable[[str], Resource]) -> Resource:
    made = show(link["@odata.id"])
    deepen(made, depth - 1, show)
    return made


def _is_link(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["@odata.id"]
