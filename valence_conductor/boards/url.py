# SPDX-License-Identifier: Apache-2.0

"""The URL of a jobboard, as the configuration of a TaskFlow backend."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
import urllib.parse

#: Prefix of everything that Valence keeps in a store that other services may share.
NAMESPACE = "valence"


def parse(url: str) -> dict[str, Any]:
    """Return the configuration of the TaskFlow backend for a jobboard.

    :param url: ``redis://``, ``zookeeper://`` or ``etcd://``.
    :raises ValueError: the scheme is another one, or there is no host.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in _PARSERS:
        schemes = ", ".join(f"{scheme}://" for scheme in sorted(_PARSERS))
        raise ValueError(f"{parts.scheme or url!r} is not a jobboard; use one of {schemes}")
    if not parts.netloc:
        raise ValueError(f"a jobboard's URL needs a host: {parts.scheme}://HOST")
    options = dict(urllib.parse.parse_qsl(parts.query))
    return {"board": parts.scheme, **_PARSERS[parts.scheme](parts), **options}


def hosts(conf: Mapping[str, Any]) -> str:
    """Return the servers in a configuration of :func:`parse`, without passwords."""
    servers = conf.get("hosts") or f"{conf['host']}:{conf['port']}"
    return str(servers).rpartition("@")[2]


def _redis(parts: urllib.parse.SplitResult) -> dict[str, Any]:
    conf = {"host": parts.hostname, "port": parts.port or 6379, "namespace": NAMESPACE}
    conf["db"] = int(parts.path.strip("/") or 0)
    for name in ("username", "password"):
        value = getattr(parts, name)
        if value:
            conf[name] = urllib.parse.unquote(value)
    return conf


def _zookeeper(parts: urllib.parse.SplitResult) -> dict[str, Any]:
    return {"hosts": parts.netloc, "path": f"/{NAMESPACE}/jobs"}


def _etcd(parts: urllib.parse.SplitResult) -> dict[str, Any]:
    return {"host": parts.hostname, "port": parts.port or 2379, "path": f"/{NAMESPACE}"}


_PARSERS: dict[str, Callable[[urllib.parse.SplitResult], dict[str, Any]]] = {
    "redis": _redis,
    "zookeeper": _zookeeper,
    "etcd": _etcd,
}
