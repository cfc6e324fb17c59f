# SPDX-License-Identifier: Apache-2.0

"""Read the parts of Redfish JSON that every resource has (DSP0266).

Strict about nothing: a link may be an object, a string, absolute, or end in a
slash; an ``Id`` may be a number; what is absent is absent.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
import urllib.parse

JSON = Mapping[str, Any]


def path_of(link: Any) -> str | None:
    """Give the path a link leads to, without host and trailing slash.

    The host of an absolute link is left out on purpose: behind a proxy it is
    often not ours to reach, and our credentials are for one host only.
    """
    reference = link.get("@odata.id") if isinstance(link, Mapping) else link
    if not isinstance(reference, str) or not reference:
        return None
    return urllib.parse.urlsplit(reference).path.rstrip("/") or None


def page_of(link: Any, at: str = "") -> str | None:
    """Give the path and the query of a link to the next page.

    :param at: the page that it is on: some links have a query and nothing else.
    """
    reference = link.get("@odata.id") if isinstance(link, Mapping) else link
    if not isinstance(reference, str) or not reference:
        return None
    parts = urllib.parse.urlsplit(urllib.parse.urljoin(at, reference))
    return urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))


def mapping(resource: Any, *keys: str) -> JSON:
    """Walk down objects; an empty one where there is none."""
    for key in keys:
        resource = resource.get(key) if isinstance(resource, Mapping) else None
    return resource if isinstance(resource, Mapping) else {}


def first_path(value: Any) -> str | None:
    """Give the path of a link, or of the first of a list of links."""
    for link in value if isinstance(value, list) else [value]:
        path = path_of(link)
        if path:
            return path
    return None


def paths_of(links: Any) -> list[str]:
    """Give the paths of a list of links, or of one."""
    found = [path_of(link) for link in (links if isinstance(links, list) else [links])]
    return [path for path in found if path]


def member_path(collection: str, member: Any) -> str:
    """Give the path of a member of a collection.

    An empty one for a member that says nothing of where it is.
    """
    identity = text(mapping(member).get("Id"))
    return path_of(member) or (f"{collection}/{identity}" if identity else "")


def action_target(resource: JSON, action: str) -> str | None:
    """Find the advertised target of an action, however its type is spelled.

    :param action: its name alone: ``Allocate`` is found as
        ``#ComposedNodeCollection.Allocate`` and as ``#ComposedNodesCollection.Allocate``.
    """
    return path_of(action_of(resource, action).get("target"))


def action_of(resource: JSON, name: str) -> JSON:
    """Find an advertised action, however its type is spelled; an empty one where there is none."""
    for spelled, details in _actions(resource):
        if spelled.lstrip("#").rpartition(".")[2] == name:
            return mapping(details)
    return {}


def _actions(resource: JSON) -> Iterator[tuple[str, Any]]:
    actions = mapping(resource, "Actions")
    yield from actions.items()
    yield from mapping(actions, "Oem").items()


def text(value: Any) -> str | None:
    """Give a value as text; None for what is absent or empty."""
    return None if value is None or value == "" else str(value)


def word(value: Any) -> str | None:
    """Give a word of an enumeration, which is none if it has more than 32 characters."""
    found = text(value)
    return found if found is None or len(found) <= 32 else None


def number(value: Any, times: int = 1) -> int | None:
    """Give a number, multiplied and rounded; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return round(float(value) * times)
    except (ValueError, OverflowError):
        return None


def without_unknown(values: JSON) -> dict[str, Any]:
    """Keep what is known."""
    return {key: value for key, value in values.items() if value is not None}
