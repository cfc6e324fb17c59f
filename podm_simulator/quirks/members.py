# SPDX-License-Identifier: Apache-2.0

"""Collections: what they list, what they count, how they are paged and expanded."""

from collections.abc import Callable
from collections.abc import Sequence
import itertools

from podm_simulator import uris
from podm_simulator.quirks import links
from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import Kind
from podm_simulator.quirks.behaviour import LAG
from podm_simulator.quirks.behaviour import Quirk
from podm_simulator.quirks.behaviour import Simulation
from podm_simulator.redfish.http import not_found
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Response

COUNT = "Members@odata.count"

#: The last member is missing in one of this many readings of a collection.
READINGS = 3


class Twice(Behaviour):
    """Lists every member, and every link of a list of links, twice."""

    def members(self, _path: str, paths: Sequence[str]) -> Sequence[str]:
        """Return the paths that the collection at a path lists."""
        return [path for path in paths for _ in range(2)]

    def resource(self, _exchange: Exchange, resource: Resource) -> None:
        """Change the properties of a resource."""
        if "Members" not in resource:
            _double_links(resource)


def _double_links(resource: Resource) -> None:
    for key, value in resource.items():
        if isinstance(value, dict) and key in ("Links", "Resource"):
            _double_links(value)
        elif isinstance(value, list) and value and all(_is_link(item) for item in value):
            resource[key] = [item for item in value for _ in range(2)]


def _is_link(value: object) -> bool:
    return isinstance(value, dict) and list(value) == ["@odata.id"]


class Dangling(Behaviour):
    """Lists one member more, whose path is 404."""

    def members(self, path: str, paths: Sequence[str]) -> Sequence[str]:
        """Return the paths that the collection at a path lists."""
        return [*paths, f"{path}/Removed"]


class Counted(Behaviour):
    """Counts the members, or lists them, in another way."""

    def __init__(self, change: Callable[[Resource], object]) -> None:
        self._change = change

    def resource(self, _exchange: Exchange, resource: Resource) -> None:
        """Change the properties of a resource."""
        if COUNT in resource:
            self._change(resource)


class Incomplete(Behaviour):
    """Omits the last member of every third reading of a collection, but counts it."""

    def __init__(self) -> None:
        self._readings = itertools.count(1)

    def resource(self, _exchange: Exchange, resource: Resource) -> None:
        """Change the properties of a resource."""
        if resource.get("Members") and next(self._readings) % READINGS == 0:
            resource["Members"].pop()


class Paged(links.Written):
    """Has one member on each page, and writes the link to the next one in some way."""

    def __init__(self, write: links.Write) -> None:
        super().__init__(write, Kind.NEXT)
        self._size = 0

    def start(self, simulation: Simulation) -> None:
        """Begin: the quirk has been switched on."""
        super().start(simulation)
        self._size, simulation.service.page_size = simulation.service.page_size, 1

    def stop(self) -> None:
        """End: the quirk has been switched off."""
        self.simulation.service.page_size = self._size

    def link(self, exchange: Exchange, kind: Kind, path: str) -> str:
        """Return a URL as it is written in the response."""
        self.is_exercised = self.is_exercised or kind is Kind.NEXT
        return super().link(exchange, kind, path)


class PageCount(Paged):
    """Counts the members of each page."""

    def resource(self, _exchange: Exchange, resource: Resource) -> None:
        """Change the properties of a resource."""
        if COUNT in resource:
            resource[COUNT] = len(resource["Members"])


class Expand(Behaviour):
    """Advertises ``$expand``, and does not support it.

    :param refuse: answer it with 404, instead of ignoring it.
    """

    def __init__(self, refuse: bool) -> None:
        self._refuse, self._was_supported = refuse, False

    def start(self, simulation: Simulation) -> None:
        """Begin: the quirk has been switched on."""
        super().start(simulation)
        self._was_supported, simulation.service.expand = simulation.service.expand, True

    def stop(self) -> None:
        """End: the quirk has been switched off."""
        self.simulation.service.expand = self._was_supported

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 404, or remove the query."""
        request = exchange.request
        if "$expand" not in request.query:
            return None
        self.is_exercised = True
        if self._refuse:
            return not_found(request.path).response()
        request.query = {key: val for key, val in request.query.items() if key != "$expand"}
        return None


class Late(Behaviour):
    """Lists nodes some time after they have appeared, or until some time after they are gone.

    :param created: nodes appear late.
    :param deleted: nodes disappear late.
    :param readable: a node can be read, and not only be listed, in the first case.
    """

    def __init__(
        self, *, created: bool = False, deleted: bool = False, readable: bool = True
    ) -> None:
        self._created, self._deleted, self._readable = created, deleted, readable
        #: id -> when it appeared, or disappeared.
        self._born: dict[str, float] = {}
        self._dead: dict[str, float] = {}

    def start(self, simulation: Simulation) -> None:
        """Begin: the quirk has been switched on."""
        super().start(simulation)
        self._born = dict.fromkeys(simulation.pod.nodes, float("-inf"))

    def observe(self) -> None:
        """Observe which nodes have appeared and disappeared."""
        pod = self.simulation.pod
        now = pod.clock()
        for ident in self._born.keys() - pod.nodes.keys():
            del self._born[ident]
            self._dead[ident] = now
        for ident in pod.nodes.keys() - self._born.keys():
            self._born[ident] = now

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 404 for a node that cannot be read yet."""
        path = exchange.request.path
        ident = path.removeprefix(f"{uris.NODES}/").partition("/")[0]
        if self._readable or not self._is_recent(self._born, ident):
            return None
        return not_found(path).response()

    def members(self, path: str, paths: Sequence[str]) -> Sequence[str]:
        """Return the paths that the collection at a path lists."""
        if path != uris.NODES:
            return paths
        listed = [path for path in paths if not (self._created and self._is_new(path))]
        if self._deleted:
            gone = [ident for ident in self._dead if self._is_recent(self._dead, ident)]
            listed += [uris.node(ident) for ident in gone]
        return listed

    def _is_new(self, path: str) -> bool:
        return self._is_recent(self._born, path.rpartition("/")[2])

    def _is_recent(self, times: dict[str, float], ident: str) -> bool:
        return self.simulation.pod.clock() - times.get(ident, float("-inf")) < LAG


#: A pod manager whose list is behind what its services report.
BEHIND = "https://github.com/intel/intelRSD/issues/65"
COUNTING = "DSP0266, Resource collections: Members@odata.count is the total number of members"

QUIRKS = (
    Quirk(
        "members-twice",
        "Collections, and lists of links, have every member twice.",
        "https://github.com/ibm-openbmc/dev/issues/3581",
        Twice,
    ),
    Quirk(
        "member-dangling",
        "Every collection lists a member more, whose path is 404.",
        "https://github.com/openbmc/bmcweb/issues/191",
        Dangling,
    ),
    Quirk(
        "member-empty",
        "Every collection lists a member more, whose path is empty.",
        "https://github.com/ODIM-Project/ODIM/issues/494",
        lambda: Counted(lambda resource: resource["Members"].append({"@odata.id": ""})),
    ),
    Quirk(
        "count-too-large",
        "The count of every collection is larger than its members, without a nextLink.",
        COUNTING,
        lambda: Counted(lambda resource: resource.update({COUNT: resource[COUNT] + 1})),
        "count",
    ),
    Quirk(
        "count-of-page",
        "The count is that of the members on the page; a page has one.",
        COUNTING,
        lambda: PageCount(links.unchanged),
        "pages",
    ),
    Quirk(
        "count-absent",
        "Collections have no count: it has a misspelled name.",
        "https://github.com/DMTF/Redfish-Interface-Emulator/issues/62",
        lambda: Counted(
            lambda resource: resource.update({"Member@odata.count": resource.pop(COUNT)})
        ),
        "count",
    ),
    Quirk(
        "listing-incomplete",
        "Every third response of a collection lacks its last member, which is counted.",
        COUNTING,
        Incomplete,
        "count",
    ),
    Quirk(
        "pages",
        "A page of a collection has one member.",
        "DSP0266, Resource collections: Members@odata.nextLink",
        lambda: Paged(links.unchanged),
        "pages",
    ),
    Quirk(
        "next-link-absolute",
        "The nextLink of a page is an absolute URL; a page has one member.",
        links.ABSOLUTE,
        lambda: Paged(links.absolute),
        "pages",
    ),
    Quirk(
        "next-link-query",
        "The nextLink of a page is a query alone; a page has one member.",
        links.RELATIVE,
        lambda: Paged(links.query_only),
        "pages",
    ),
    Quirk(
        "expand-404",
        "$expand is advertised and answered with 404.",
        "https://github.com/bb-Ricardo/check_redfish/issues/20",
        lambda: Expand(refuse=True),
        "expand",
    ),
    Quirk(
        "expand-ignored",
        "$expand is advertised and ignored.",
        "https://github.com/sailfishdell/sailfish/issues/19",
        lambda: Expand(refuse=False),
        "expand",
    ),
    Quirk(
        "created-late",
        "A new node can be read at once, but is listed half a second later.",
        BEHIND,
        lambda: Late(created=True),
        "late",
    ),
    Quirk(
        "created-unreadable",
        "A new node is listed at once, but is 404 for half a second.",
        BEHIND,
        lambda: Late(readable=False),
        "late",
    ),
    Quirk(
        "deleted-late",
        "A deleted node is 404 at once, but is listed for half a second.",
        BEHIND,
        lambda: Late(deleted=True),
        "late",
    ),
    Quirk(
        "listed-late",
        "The list of nodes is half a second behind all changes.",
        BEHIND,
        lambda: Late(created=True, deleted=True),
        "late",
    ),
)
