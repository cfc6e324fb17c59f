# SPDX-License-Identifier: Apache-2.0

"""What a quirk is: a definition for the table, and a behaviour with one method for each seam.

The seams, in the order in which a request passes them::

    observe    before and after each request: what has appeared, what has ended
    receive    a response in place of the action
    members    the paths that a collection lists
    respond    status and headers of a response
    resource   the properties of each resource in a response
    link       each link, action target, nextLink and Location in it
    send       bytes and connection
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum

from aiohttp import web

from podm_simulator.pod.pod import Pod
from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Response
from podm_simulator.redfish.http import Service
from podm_simulator.redfish.sessions import Sessions

#: Seconds for which something that a quirk delays is behind.
LAG = 0.5


class Kind(enum.Enum):
    """The kinds of URLs in a response."""

    OWN = "@odata.id of a resource"
    LINK = "link to another resource"
    TARGET = "target of an action"
    NEXT = "nextLink of a collection"
    LOCATION = "Location header"


@dataclasses.dataclass(slots=True)
class Exchange:
    """A request, and how to carry it out.

    :ivar target: the path as it was sent, without the query.
    :ivar base: scheme, host and port under which the client reached the service.
    :ivar authenticated: whether its credentials are valid.
    :ivar carry_out: does what the request says; returns the response.
    """

    request: Request
    target: str
    headers: Mapping[str, str]
    base: str
    authenticated: bool
    carry_out: Callable[[], Response]

    def matches(self, method: str, *words: str) -> bool:
        """Return whether it has a method, and a path with all of these words."""
        return self.request.method == method and all(w in self.request.path for w in words)


@dataclasses.dataclass(frozen=True, slots=True)
class Simulation:
    """The parts of a simulator that behaviours read and change.

    :ivar show: returns the response to a GET of a path, without quirks.
    """

    pod: Pod
    sessions: Sessions
    service: Service
    show: Callable[[str], Response]


class Behaviour:
    """A quirk that is switched on; each method is a seam, and does nothing here.

    :ivar is_exercised: whether it has changed a response in a way that is not visible at a
        seam, or has checked a request that met its demand. What is changed at the seams
        :mod:`podm_simulator.quirks.registry` observes.
    """

    simulation: Simulation
    is_exercised = False

    def start(self, simulation: Simulation) -> None:
        """Begin: the quirk has been switched on."""
        self.simulation = simulation

    def stop(self) -> None:
        """End: the quirk has been switched off."""

    def restart(self) -> None:
        """Restart with the service."""

    def observe(self) -> None:
        """Observe the pod, before and after each request."""

    def receive(self, _exchange: Exchange) -> Response | None:
        """Return the response in place of the action, or None."""
        return None

    def members(self, _path: str, paths: Sequence[str]) -> Sequence[str]:
        """Return the paths that the collection at a path lists."""
        return paths

    def respond(self, _exchange: Exchange, _response: Response) -> None:
        """Change the status and the headers of a response."""

    def resource(self, _exchange: Exchange, _resource: Resource) -> None:
        """Change the properties of a resource."""

    def link(self, _exchange: Exchange, _kind: Kind, path: str) -> str:
        """Return a URL as it is written in the response."""
        return path

    def send(self, _response: web.Response) -> None:
        """Change the bytes of a response, or the connection."""


@dataclasses.dataclass(frozen=True, slots=True)
class Quirk:
    """The definition of a quirk.

    :ivar text: what it does, in one sentence.
    :ivar source: a public report, or the clause of the specification that allows it.
    :ivar group: of each group at most one quirk can be switched on; None: none excludes it.
    """

    name: str
    text: str
    source: str
    make: Callable[[], Behaviour]
    group: str | None = None


def is_node(path: str) -> bool:
    """Return whether a path is that of a composed node, and of nothing below it."""
    head, _, ident = path.rpartition("/")
    return head.endswith("/Nodes") and ident != ""


def is_allocate(exchange: Exchange) -> bool:
    """Return whether a request is an Allocate."""
    return exchange.matches("POST", "/Nodes/Actions/", "Allocate")
