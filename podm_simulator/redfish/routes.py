# SPDX-License-Identifier: Apache-2.0

"""The Redfish tree: one line for each method of each path."""

from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses

from podm_simulator import uris
from podm_simulator.redfish import chassis
from podm_simulator.redfish import drive
from podm_simulator.redfish import ethernet_interface
from podm_simulator.redfish import fabric
from podm_simulator.redfish import manager
from podm_simulator.redfish import memory
from podm_simulator.redfish import metadata
from podm_simulator.redfish import node
from podm_simulator.redfish import processor
from podm_simulator.redfish import root
from podm_simulator.redfish import session
from podm_simulator.redfish import system
from podm_simulator.redfish import virtual_media
from podm_simulator.redfish.dialect import Dialect
from podm_simulator.redfish.http import Handler
from podm_simulator.redfish.http import not_found
from podm_simulator.redfish.http import RedfishError
from podm_simulator.redfish.http import Request


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """One method on one path.

    :ivar template: the path; ``{name}`` stands for one segment.
    :ivar public: it needs no credentials.
    """

    method: str
    template: str
    handler: Handler
    public: bool = False


SYSTEM = f"{uris.SYSTEMS}/{{system}}"
MEDIUM = f"{uris.MANAGERS}/{{manager}}/VirtualMedia/{{medium}}"
CHASSIS = f"{uris.CHASSIS}/{{chassis}}"
NODE = f"{uris.NODES}/{{node}}"

COMMON: tuple[Route, ...] = (
    Route("GET", "/redfish", root.versions, public=True),
    Route("GET", uris.ROOT, root.show, public=True),
    Route("GET", f"{uris.ROOT}/odata", root.odata, public=True),
    Route("GET", f"{uris.ROOT}/$metadata", metadata.show, public=True),
    Route("GET", uris.SESSION_SERVICE, session.service),
    Route("GET", uris.SESSIONS, session.index),
    Route("POST", uris.SESSIONS, session.create, public=True),
    Route("GET", f"{uris.SESSIONS}/{{session}}", session.show),
    Route("DELETE", f"{uris.SESSIONS}/{{session}}", session.delete),
    Route("GET", uris.SYSTEMS, system.index),
    Route("GET", SYSTEM, system.show),
    Route("PATCH", SYSTEM, system.change),
    Route("POST", f"{SYSTEM}/Actions/ComputerSystem.Reset", system.reset),
    Route("GET", f"{SYSTEM}/Processors", processor.index),
    Route("GET", f"{SYSTEM}/Processors/{{processor}}", processor.show),
    Route("GET", f"{SYSTEM}/Memory", memory.index),
    Route("GET", f"{SYSTEM}/Memory/{{memory}}", memory.show),
    Route("GET", f"{SYSTEM}/EthernetInterfaces", ethernet_interface.index),
    Route("GET", f"{SYSTEM}/EthernetInterfaces/{{interface}}", ethernet_interface.show),
    Route("GET", f"{SYSTEM}/Storage", system.storage_index),
    Route("GET", f"{SYSTEM}/Storage/{{storage}}", system.storage),
    Route("GET", f"{SYSTEM}/SimpleStorage", system.simple_storage_index),
    Route("GET", f"{SYSTEM}/SimpleStorage/{{storage}}", system.simple_storage),
    Route("GET", uris.MANAGERS, manager.index),
    Route("GET", f"{uris.MANAGERS}/{{manager}}", manager.show),
    Route("GET", f"{uris.MANAGERS}/{{manager}}/VirtualMedia", virtual_media.index),
    Route("GET", MEDIUM, virtual_media.show),
    Route("POST", f"{MEDIUM}/Actions/VirtualMedia.InsertMedia", virtual_media.insert),
    Route("POST", f"{MEDIUM}/Actions/VirtualMedia.EjectMedia", virtual_media.eject),
    Route("GET", uris.CHASSIS, chassis.index),
    Route("GET", CHASSIS, chassis.show),
    Route("GET", f"{CHASSIS}/Drives", drive.index),
    Route("GET", f"{CHASSIS}/Drives/{{drive}}", drive.show),
    Route("GET", uris.FABRICS, fabric.index),
    Route("GET", fabric.PCIE, fabric.show),
    Route("GET", f"{fabric.PCIE}/Endpoints", fabric.endpoint_index),
    Route("GET", f"{fabric.PCIE}/Endpoints/{{endpoint}}", fabric.show_endpoint),
    Route("GET", f"{fabric.PCIE}/Zones", fabric.zone_index),
    Route("GET", f"{fabric.PCIE}/Zones/{{zone}}", fabric.show_zone),
    Route("GET", f"{fabric.PCIE}/Switches", fabric.switch_index),
    Route("GET", f"{fabric.PCIE}/Switches/{fabric.SWITCH}", fabric.show_switch),
)


def rsd(dialect: Dialect) -> tuple[Route, ...]:
    """Return the routes of the Intel RSD composition API."""
    return (
        Route("GET", uris.NODES, node.index),
        Route("POST", dialect.allocate, node.allocate),
        Route("GET", NODE, node.show),
        Route("PATCH", NODE, node.change),
        Route("DELETE", NODE, node.delete),
        Route("POST", f"{NODE}/Actions/ComposedNode.Assemble", node.assemble),
        Route("POST", f"{NODE}/Actions/ComposedNode.Reset", node.reset),
        Route("POST", f"{NODE}/Actions/ComposedNode.{dialect.attach}", node.attach),
        Route("POST", f"{NODE}/Actions/ComposedNode.{dialect.detach}", node.detach),
        *(
            [Route("GET", f"{NODE}/Actions/{{info}}", node.action_info)]
            if dialect.action_info
            else []
        ),
    )


class _Branch:
    """A segment of the tree: its literal children, its ``{name}`` child, and its methods."""

    __slots__ = ("children", "methods", "name", "named")

    def __init__(self) -> None:
        self.children: dict[str, _Branch] = {}
        self.named: _Branch | None = None
        self.name = ""
        self.methods: dict[str, Route] = {}

    def grow(self, segment: str) -> "_Branch":
        if not segment.startswith("{"):
            return self.children.setdefault(segment, _Branch())
        self.named = self.named or _Branch()
        self.name = segment.strip("{}")
        return self.named


class Router:
    """A tree of path segments, which finds the route of a request."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._root = _Branch()
        for route in routes:
            branch = self._root
            for segment in route.template.strip("/").split("/"):
                branch = branch.grow(segment)
            branch.methods[route.method] = route

    def find(self, request: Request) -> Route:
        """Return the route, and set ``request.ids`` from the path.

        :raises RedfishError: 404 for an unknown path, 405 with Allow for an unknown method.
        """
        methods = self._walk(request)
        method = "GET" if request.method == "HEAD" else request.method
        if method in methods:
            return methods[method]
        allowed = ", ".join(_allowed(methods))
        raise RedfishError(
            405,
            "OperationNotAllowed",
            f"{request.method} is not allowed at {request.path}; allowed are {allowed}.",
            headers={"Allow": allowed},
        )

    def _walk(self, request: Request) -> dict[str, Route]:
        branch = self._root
        for segment in request.path.strip("/").split("/"):
            child = branch.children.get(segment)
            if child is None and branch.named is not None:
                request.ids[branch.name] = segment
                child = branch.named
            if child is None:
                raise not_found(request.path)
            branch = child
        if not branch.methods:
            raise not_found(request.path)
        return branch.methods


def _allowed(methods: Mapping[str, Route]) -> Iterator[str]:
    for method in sorted(methods):
        yield method
        if method == "GET":
            yield "HEAD"
