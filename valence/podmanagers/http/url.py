# SPDX-License-Identifier: Apache-2.0

"""URLs of pod managers: their normal form, so that none is registered twice, and their origin.

A reference (a link, a Location, the target of an action) is resolved by a parser, and must
lead to the origin of the registered URL: credentials are for one scheme, host and port.
"""

import ipaddress
import re
import urllib.parse

import idna

#: Path of a Redfish service root, unless the URL has another.
ROOT = "/redfish/v1/"

#: scheme -> default port
PORTS = {"http": 80, "https": 443}

#: What no URI reference has (RFC 3986, 2), and what parsers disagree about: controls,
#: which some drop; backslashes, which some read as slashes; whitespace at an end.
_SUSPICIOUS = re.compile(r"[\x00-\x1f\x7f-\x9f\\]|^\s|\s$")

#: Scheme, host and port.
Origin = tuple[str, str, int]


def normal(url: str) -> str:
    """Return the normal form of a URL.

    Scheme and host are in lower case; a default port, a trailing slash and
    ``/redfish/v1`` are left out.

    :raises ValueError: it is not ``http(s)://host[:port][/path]``.
    """
    parts = urllib.parse.urlsplit(url)
    scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    if scheme not in PORTS or not host or port == 0:
        raise ValueError(f"{url!r} is not http(s)://host:port")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{scheme}://{host} has more than a host, a port and a path")
    path = parts.path.rstrip("/")
    if path in ("/redfish", "/redfish/v1"):
        path = ""
    explicit_port = "" if port in (None, PORTS[scheme]) else f":{port}"
    return f"{scheme}://{_host(host)}{explicit_port}{path}"


def base_and_root(url: str) -> tuple[str, str]:
    """Split a URL into the base of all requests and the path of the service root.

    :raises ValueError: it is not a URL.
    """
    parts = urllib.parse.urlsplit(url)
    root = f"{parts.path.rstrip('/')}/" if parts.path.strip("/") else ROOT
    # Credentials in a URL would end in logs; only those of the pod manager are used.
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", root


def origin(url: str) -> Origin:
    """Return scheme, host and port of a URL (RFC 6454, 4), for comparison.

    The host is in lower case, in its ASCII form (IDNA), an address in its normal form.

    :raises ValueError: it is not ``http(s)://host[:port]``, or has a user.
    """
    parts = urllib.parse.urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.hostname
    if scheme not in PORTS or not host:
        raise ValueError(f"{url[:200]!r} is not http(s)://host:port")
    if "@" in parts.netloc:
        raise ValueError(f"{scheme}://{host} comes with a user")
    ascii_host = host if host.isascii() else idna.encode(host, uts46=True).decode()
    return scheme, _host(ascii_host), PORTS[scheme] if parts.port is None else parts.port


def path_within(base: str, document: str, reference: str) -> str:
    """Return the path and the query that a reference leads to, as it was given.

    :param base: ``http(s)://host[:port]``; the reference must not lead anywhere else.
    :param document: path of the document that has the reference, against which it is
        resolved (RFC 3986, 5).
    :raises ValueError: it leads to another scheme, host or port, or is no reference.
    """
    if _SUSPICIOUS.search(reference):
        raise ValueError(f"{reference[:200]!r} is not a URI")
    reference.encode()  # UnicodeError is a ValueError
    parts = urllib.parse.urlsplit(reference)
    if (parts.scheme or reference.startswith("//")) and not parts.netloc:
        # RFC 3986, 5.2.2, strictly; urljoin would resolve http:host against the document.
        raise ValueError(f"{reference[:200]!r} names no host where it must")
    target = urllib.parse.urljoin(base + document, reference)
    if origin(target) != origin(base):
        raise ValueError(f"it leads to {display(target)}")
    parts = urllib.parse.urlsplit(target)
    if parts.path.startswith("//"):
        # Read again, it would be the path of another host.
        raise ValueError(f"{reference[:200]!r} is a path that begins with two slashes")
    return urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))


def display(url: str) -> str:
    """Return scheme, host and port of a URL for a sentence, without its user and path."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"[:200]


def _host(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.rstrip(".")
    return f"[{address}]" if address.version == 6 else str(address)
