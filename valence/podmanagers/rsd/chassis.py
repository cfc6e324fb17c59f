# SPDX-License-Identifier: Apache-2.0

"""Read the chassis of an RSD pod manager: what they contain, and what contains them."""

from collections.abc import Mapping
import dataclasses

from valence.podmanagers import odata
from valence.podmanagers.redfish import fields
from valence.podmanagers.redfish import resources
from valence.podmanagers.redfish.reader import Snapshot

#: Levels of ``$expand`` that include the drives: members, their ``Drives``, and the members
#: of those.
LEVELS_WITH_DRIVES = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Chassis:
    """A chassis.

    :ivar container: normal path of the chassis that contains it.
    :ivar systems: normal paths of the systems in it.
    :ivar drives: paths of the drives in it.
    """

    path: str
    container: str | None
    systems: frozenset[str]
    drives: tuple[str, ...]
    resource: odata.JSON


def read(snapshot: Snapshot, root: odata.JSON, *, with_drives: bool) -> Mapping[str, Chassis]:
    """Read all chassis.

    :param with_drives: expand the drives in them as well, if the service can do so without
        what a chassis links to.
    :returns: normal path -> chassis, without those that cannot be read.
    :raises PodManagerFailed: the listing cannot be complete.
    """
    link = odata.value_of(root, "Chassis")
    expand = snapshot.expansion.of(odata.path_of(link) or "")
    levels = LEVELS_WITH_DRIVES if with_drives and expand and expand.omits_links else 1
    paths = snapshot.list_required_members(link, levels=levels)
    chassis = {}
    for path, resource in zip(paths, snapshot.map(snapshot.resource, paths), strict=True):
        if resource is not None:
            links = fields.read(resource, resources.CHASSIS_LINKS, snapshot.bad_values)
            chassis[odata.normal_path(path)] = Chassis(
                path=path,
                container=links["container"] and odata.normal_path(links["container"]),
                systems=frozenset(map(odata.normal_path, links["systems"] or ())),
                drives=tuple(links["drives"] or ()),
                resource=resource,
            )
    return chassis
