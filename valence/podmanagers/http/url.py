# SPDX-License-Identifier: Apache-2.0

"""Where a pod manager is: one way to write it, so that none is known twice."""

import ipaddress
import urllib.parse

#: Where a Redfish service has its root, unless its URL says otherwise.
ROOT = "/redfish/v1/"

#: scheme -> the port that is meant where none is named
PORTS = {"http": 80, "https": 443}


def normal(url: str) -> str:
    """Write a URL in its one form.

    Scheme and host in lower case, without the port that is meant anyway, without
    a slash at the end and without ``/redfish/v1``.

    :raises ValueError: it is no ``http(s)://host[:port][/path]``.
    """
    parts = urllib.parse.urlsplit(url)
    scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    if scheme not in PORTS or not host or port == 0:
        raise ValueError(f"{url!r} is no http(s)://host:port")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{scheme}://{host} bears more than a host, a port and a path")
    path = parts.path.rstrip("/")
    if path in ("/redfish", "/redfish/v1"):
        path = ""
    where = "" if port in (None, PORTS[scheme]) else f":{port}"
    return f"{scheme}://{_host(host)}{where}{path}"


def base_and_root(url: str) -> tuple[str, str]:
    """Take a URL apart: where requests go, and the path of the service's root.

    :raises ValueError: it is no URL.
    """
    parts = urllib.parse.urlsplit(url)
    root = f"{parts.path.rstrip('/')}/" if parts.path.strip("/") else ROOT
    # Credentials in a URL would end in logs: those of the pod manager count.
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", root


def _host(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.rstrip(".")
    return f"[{address}]" if address.version == 6 else str(address)
