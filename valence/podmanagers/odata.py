# SPDX-License-Identifier: Apache-2.0

"""Links, members and actions of Redfish resources (DSP0266).

Lenient: a link may be an object, a string, absolute, or end in a slash; an ``Id`` may be
a number; what cannot be read counts as absent.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
import urllib.parse

JSON = Mapping[str, Any]


def path_of(link: Any) -> str | None:
    """Return the path of a link, without host and trailing slash.

    The host of an absolute link is left out on purpose: behind a proxy it often
    cannot be reached from here, and the credentials are for one host only.
    """
    parts = _split(link)
    return (parts.path.rstrip("/") or None) if parts else None


def normal_path(path: str) -> str:
    """Return the normal form of a path, by which paths are compared (RFC 3986, section 6.2.2)."""
    segments: list[str] = []
    for segment in urllib.parse.unquote(path).split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(urllib.parse.quote(segment, safe="~!$&'()*+,;=:@"))
    return "/" + "/".join(segments)


def same_path(first: str, second: str) -> bool:
    """Return whether two paths are the same resource."""
    return first == second or normal_path(first) == normal_path(second)


def page_of(link: Any, page: str = "") -> str | None:
    """Return the path and the query of a link to the next page.

    :param page: the page that has the link: some links consist of a query only.
    """
    parts = _split(link, page)
    return urllib.parse.urlunsplit(("", "", parts.path, parts.query, "")) if parts else None


def _split(link: Any, base: str = "") -> urllib.parse.SplitResult | None:
    reference = link.get("@odata.id") if isinstance(link, Mapping) else link
    if not isinstance(reference, str) or not reference:
        return None
    try:
        return urllib.parse.urlsplit(urllib.parse.urljoin(base, reference))
    except ValueError:  # such as a host with half of the brackets of an IPv6 address
        return None


def mapping(resource: Any, *keys: str) -> JSON:
    """Return the object at the end of a path of keys; an empty one where there is none."""
    for key in keys:
        resource = resource.get(key) if isinstance(resource, Mapping) else None
    return resource if isinstance(resource, Mapping) else {}


def first_path(links: Any) -> str | None:
    """Return the path of a link, or of the first of a list of links."""
    return next(iter(paths_of(links)), None)


def paths_of(links: Any) -> list[str]:
    """Return the paths of a list of links, or of one link."""
    paths = [path_of(link) for link in (links if isinstance(links, list) else [links])]
    return [path for path in paths if path]


def member_path(collection: str, member: Any) -> str:
    """Return the path of a member of a collection; an empty one if it has none.

    :param collection: path of the collection.
    """
    identity = mapping(member).get("Id")
    own = path_of(member)
    return own or ("" if identity is None or identity == "" else f"{collection}/{identity}")


def action_target(resource: JSON, name: str) -> str | None:
    """Return the advertised target of an action, see :func:`action_of`."""
    return path_of(action_of(resource, name).get("target"))


def action_of(resource: JSON, name: str) -> JSON:
    """Return an advertised action; an empty one where there is none.

    :param name: without its type, which services spell in many ways: ``Allocate`` finds
        ``#ComposedNodeCollection.Allocate`` and ``#ComposedNodesCollection.Allocate``.
    """
    for qualified_name, action in _actions(resource):
        if qualified_name.lstrip("#").rpartition(".")[2] == name:
            return mapping(action)
    return {}


def _actions(resource: JSON) -> Iterator[tuple[str, Any]]:
    actions = mapping(resource, "Actions")
    yield from actions.items()
    yield from mapping(actions, "Oem").items()
