# SPDX-License-Identifier: Apache-2.0

"""Read the chassis of an RSD pod manager: what stands where, and the drives in it."""

from collections.abc import Mapping
import dataclasses

from valence.podmanagers.redfish import odata
from valence.podmanagers.redfish.reader import Reader

#: Levels of ``$expand`` that bring the drives along: members, their ``Drives``, and the
#: members of those.
DEEP = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Chassis:
    """A chassis: what is around it, and what is in it."""

    path: str
    around: str | None
    systems: frozenset[str]
    drives: tuple[str, ...]
    resource: odata.JSON


def read(reader: Reader, root: odata.JSON, *, whole: bool) -> Mapping[str, Chassis]:
    """Read all chassis.

    :param whole: with the drives in them, where that takes no more requests.
    :returns: path -> chassis, without those that cannot be read.
    :raises PodManagerFailed: what is listed cannot be all there is.
    """
    levels = DEEP if whole and reader.leaves_links else 1
    paths = reader.listing(root.get("Chassis"), levels)
    found = {}
    for path, resource in zip(paths, reader.each(reader.read, paths), strict=True):
        if resource is not None:
            links = odata.mapping(resource, "Links")
            found[path] = Chassis(
                path=path,
                around=odata.path_of(links.get("ContainedBy")),
                systems=frozenset(odata.paths_of(links.get("ComputerSystems"))),
                drives=tuple(odata.paths_of(links.get("Drives"))),
                resource=resource,
            )
    return found
