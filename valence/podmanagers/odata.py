# SPDX-License-Identifier: Apache-2.0

"""Links, members and actions of Redfish resources (DSP0266).

Lenient: a link may be an object, a string, absolute, or end in a slash; an ``Id`` may be
a number; what cannot be read counts as absent. A link is requested as it was given, and
compared in its normal form.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import re
from typing import Any
import urllib.parse

from valence import errors

JSON = Mapping[str, Any]

#: Stands for what could not be decoded (Unicode, U+FFFD): what has it is not what was meant.
UNREADABLE = "\ufffd"

#: Properties that are links, besides those of next pages (DSP0266): a resource, the
#: target of an action, the monitor of a task.
LINKS = frozenset({"@odata.id", "target", "TaskMonitor"})

_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"^https?://[^/?#]*", re.IGNORECASE)
#: A path that is in its normal form, but for a slash at its end.
_PLAIN = re.compile(r"(/[A-Za-z0-9_:~-][A-Za-z0-9_:.~-]*)+/?")
#: Characters that stand for themselves in a path or a query (RFC 3986, 3.3 and 3.4).
_SAFE = "/?%:@!$&'()*+,;=~-._"


def normal_path(path: str) -> str:
    """Return the normal form of a path, to compare it with others; requests have it as given.

    RFC 3986, 6.2.2: percent-encodings in upper case, those of unreserved characters
    decoded, and those that are missing added; dot segments removed. A slash at the end
    is left out, too: services write some of their paths both ways. So is a host: what a
    service calls itself behind a proxy makes no other resource of it.
    """
    if _PLAIN.fullmatch(path):
        return path.rstrip("/")
    path, mark, query = _HOST.sub("", path).partition("#")[0].partition("?")
    segments: list[str] = []
    for segment in _normal_encoding(path).split("/"):
        if segment == "..":
            del segments[max(1, len(segments) - 1) :]
        elif segment != ".":
            segments.append(segment)
    return "/".join(segments).rstrip("/") + mark + _normal_encoding(query)


def same_path(one: str | None, other: str | None) -> bool:
    """Return whether two paths are the same, see :func:`normal_path`; None is no path."""
    return one is not None and other is not None and normal_path(one) == normal_path(other)


def spellings(path: str) -> set[str]:
    """Return the ways in which services write a path: as it is, and with or without a slash."""
    normal = normal_path(path)
    return {path, normal, f"{normal}/"}


def _normal_encoding(text: str) -> str:
    decoded = _ENCODED.sub(_decode_unreserved, _STRAY_PERCENT.sub("%25", text))
    return urllib.parse.quote(decoded, safe=_SAFE, errors="surrogatepass")


def _decode_unreserved(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    is_unreserved = character.isascii() and (character.isalnum() or character in "-._~")
    return character if is_unreserved else match[0].upper()


def resolve(body: Any, local: Callable[[str], str]) -> None:
    """Resolve the links in the body of a response, in place.

    What cannot be resolved, or leads to another host, stays as it is: it is refused
    when it is requested, and hides nothing else.

    :param local: returns the path of a reference that the document has.
    """

    def resolved(key: str, reference: Any) -> Any:
        if isinstance(reference, str) and _is_relative(key, reference):
            with contextlib.suppress(errors.PodManagerFailed):
                return local(reference)
        return reference

    for holder in _objects(body):
        for key, value in holder.items():
            if key == "Members" and isinstance(value, list):
                value[:] = [resolved("@odata.id", member) for member in value]
            else:
                holder[key] = resolved(key, value)


def _objects(body: Any) -> Iterator[dict[str, Any]]:
    """Iterate over all objects in a body, however deep."""
    pending = [body]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield value
            pending += [inner for inner in value.values() if isinstance(inner, dict | list)]
        elif isinstance(value, list):
            pending += value


def _is_relative(key: str, reference: str) -> bool:
    """Return whether a property is a link that is no path from the root of its host."""
    is_link = key in LINKS or key.endswith("@odata.nextLink")
    return is_link and bool(reference) and (reference[0] != "/" or reference[1:2] == "/")


def path_of(link: Any) -> str | None:
    """Return the path of a link as it was given, without a fragment; None: there is none.

    :param link: with a reference that :func:`resolve` has resolved.
    """
    reference = link.get("@odata.id") if isinstance(link, Mapping) else link
    if not isinstance(reference, str):
        return None
    try:
        urllib.parse.urlsplit(reference)
    except ValueError:  # such as a host with half of the brackets of an IPv6 address
        return None
    return reference.partition("#")[0] or None


def page_of(link: Any, _page: str = "") -> str | None:
    """Return the path and the query of a link to the next page."""
    return path_of(link)


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
    if own or identity is None or identity == "":
        return own or ""
    return f"{collection.rstrip('/')}/{urllib.parse.quote(str(identity), safe='')}"


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
