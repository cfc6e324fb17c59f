# SPDX-License-Identifier: Apache-2.0

"""Links: how URLs are written, and which of their spellings are accepted."""

from collections.abc import Callable
import posixpath
import urllib.parse

from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import Kind
from podm_simulator.quirks.behaviour import Quirk
from podm_simulator.redfish.http import Response

Write = Callable[[Exchange, Kind, str], str]


class Written(Behaviour):
    """Writes URLs of some kinds in another way."""

    def __init__(self, write: Write, *kinds: Kind) -> None:
        self._write, self._kinds = write, kinds or tuple(Kind)

    def link(self, exchange: Exchange, kind: Kind, path: str) -> str:
        """Return a URL as it is written in the response."""
        return self._write(exchange, kind, path) if kind in self._kinds else path


class SlashOnly(Written):
    """Redirects requests whose path has no slash at its end to the path that has one.

    :param method: of these requests, to targets of actions only; None: all requests.
    :param kinds: of the URLs that are written with that slash.
    """

    def __init__(self, method: str | None, *kinds: Kind) -> None:
        super().__init__(_with_slash if kinds else unchanged, *kinds)
        self._method = method

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 308 for a path without the slash."""
        request = exchange.request
        if exchange.target.endswith("/") or self._method not in (None, request.method):
            return None
        if self._method is not None and "/Actions/" not in request.path:
            return None
        query = urllib.parse.urlencode(request.query, safe="$*.~()=")
        return Response(
            308, headers={"Location": f"{exchange.target}/{'?' if query else ''}{query}"}
        )


def unchanged(_exchange: Exchange, _kind: Kind, path: str) -> str:
    return path


def _with_slash(_exchange: Exchange, _kind: Kind, path: str) -> str:
    return path if path.endswith("/") else f"{path}/"


def absolute(exchange: Exchange, _kind: Kind, path: str) -> str:
    return urllib.parse.urljoin(exchange.base, path)


def _localhost(_exchange: Exchange, _kind: Kind, path: str) -> str:
    return urllib.parse.urljoin("http://localhost", path)


def _relative(exchange: Exchange, kind: Kind, path: str) -> str:
    """Return a URL relative to the document; that of the document itself stays."""
    if kind is Kind.OWN or not path.startswith("/"):
        return path
    path, separator, query = path.partition("?")
    relative = posixpath.relpath(path, posixpath.dirname(exchange.target))
    slash = "/" if path.endswith("/") else ""
    return f"{relative}{slash}{separator}{query}"


def _encoded(_exchange: Exchange, kind: Kind, path: str) -> str:
    """Return a URL with a letter percent-encoded, the hexadecimal digits in either case."""
    return path.replace("/Nodes", "/%4eodes" if kind is Kind.LINK else "/%4Eodes")


def query_only(_exchange: Exchange, _kind: Kind, path: str) -> str:
    return path[path.index("?") :]


ABSOLUTE = "https://github.com/DMTF/libredfish/issues/156"
RELATIVE = "https://github.com/dsx-ai-factory/nv-redfish/pull/125"

QUIRKS = (
    Quirk(
        "links-slash",
        "Links, and the @odata.id of resources, end with a slash.",
        "https://github.com/ODIM-Project/ODIM/issues/463",
        lambda: Written(_with_slash, Kind.OWN, Kind.LINK, Kind.LOCATION),
        "links",
    ),
    Quirk(
        "links-encoded",
        "A letter of the paths of nodes is percent-encoded, its digits now in one case and now "
        "in the other.",
        "https://github.com/DMTF/Redfish-Service-Validator/issues/607; RFC 3986, 6.2.2",
        lambda: Written(_encoded),
        "links",
    ),
    Quirk(
        "links-absolute",
        "Every link, target and Location is an absolute URL.",
        ABSOLUTE,
        lambda: Written(absolute),
        "links",
    ),
    Quirk(
        "links-relative",
        "Links, targets and Locations are relative to the document.",
        RELATIVE,
        lambda: Written(_relative),
        "links",
    ),
    Quirk(
        "location-absolute",
        "Only the Location header is an absolute URL.",
        "https://github.com/DMTF/Redfish-Service-Validator/issues/199",
        lambda: Written(absolute, Kind.LOCATION),
        "links",
    ),
    Quirk(
        "location-localhost",
        "The Location header names the host “localhost”, whatever the request names.",
        "https://github.com/HewlettPackard/oneview-redfish-toolkit/issues/390",
        lambda: Written(_localhost, Kind.LOCATION),
        "links",
    ),
    Quirk(
        "targets-slash",
        "Targets of actions end with a slash, and without it a POST is answered with 308.",
        "https://github.com/bb-Ricardo/check_redfish/pull/187",
        lambda: SlashOnly("POST", Kind.TARGET),
        "slash",
    ),
    Quirk(
        "slash-redirect",
        "Every request without a slash at the end of its path is answered with 308, although "
        "links have none.",
        "https://github.com/bb-Ricardo/check_redfish/pull/187",
        lambda: SlashOnly(None),
        "slash",
    ),
)
