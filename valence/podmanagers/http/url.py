# SPDX-License-Identifier: Apache-2.0

"""URLs of pod managers, in one normal form, so that none is registered twice."""

import ipaddress
import urllib.parse

#: Path of a Redfish service root, unless the URL has another.
ROOT = "/redfish/v1/"

#: scheme -> default port
PORTS = {"http": 80, "https": 443}


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


def _host(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.rstrip(".")
    return f"[{address}]" if address.version == 6 else str(address)
