# SPDX-License-Identifier: Apache-2.0

"""Links, members and actions of Redfish resources (DSP0266).

Lenient: a link may be an object, a string, absolute, or end in a slash; an ``Id`` may be
a number; what cannot be read counts as absent.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import re
from typing import Any
import urllib.parse

JSON = Mapping[str, Any]

#: Stands for what could not be decoded (Unicode, U+FFFD): what has it is not what was meant.
UNREADABLE = "\ufffd"

#: Characters that mean the same percent-encoded and not (RFC 3986, 2.3).
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def path_of(link: Any) -> str | None:
    """Return the path of a link, without host and trailing slash.

    The host of an absolute link is left out on purpose: behind a proxy it often
    cannot be reached from here, and the credentials are for one host only.
    """
    parts = _split(link)
    return (parts.path.rstrip("/") or None) if parts else None


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
        resource = value_of(resource, key)
    return resource if isinstance(resource, Mapping) else {}


def value_of(resource: Any, name: str) -> Any:
    """Return the value of a property; None where there is none.

    Names are case-sensitive (RFC 8259), which not every service respects: without the
    property itself, one whose name differs only in case is it.
    """
    if not isinstance(resource, Mapping):
        return None
    if name in resource:
        return resource[name]
    size, lowered = len(name), name.lower()
    return next(
        (value for key, value in resource.items() if len(key) == size and key.lower() == lowered),
        None,
    )


def normal_path(path: str) -> str:
    """Return the form in which a path is compared; it is requested as it was given.

    Percent-encoding and dot segments are those of RFC 3986, 6.2.2. A slash at the end, which
    services add and leave out, is left out.
    """
    decoded = re.sub("%[0-9A-Fa-f]{2}", _normal_octet, path)
    encoded = urllib.parse.quote(decoded, safe="%/:?#[]@!$&'()*+,;=~", errors="replace")
    segments: list[str] = []
    for segment in encoded.split("/"):
        if segment == "..":
            del segments[max(1, len(segments) - 1) :]
        elif segment != ".":
            segments.append(segment)
    return "/".join(segments).rstrip("/")


def _normal_octet(escape: re.Match[str]) -> str:
    character = chr(int(escape[0][1:], 16))
    return character if character in _UNRESERVED else escape[0].upper()


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
