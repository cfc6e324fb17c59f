# SPDX-License-Identifier: Apache-2.0

"""The differences between the versions 2.1 to 2.5 of the Intel RSD API."""

import dataclasses

from podm_simulator import uris


@dataclasses.dataclass(frozen=True, slots=True)
class Dialect:
    """One version of the API.

    :ivar api_version: as the service root reports it.
    :ivar nodes_at: where the service root links to ``Nodes``: at the ``root``, or in its
        ``oem`` section. In 2.2 descriptions and clients disagree: it is in both.
    :ivar attach: the name of the action that attaches; ``detach`` likewise.
    :ivar action_info: how an action points to the resource that has its allowable
        values: by ``path`` or ``link``; None: the values are in the action.
    :ivar system_is_list: ``Links.ComputerSystem`` of a node is an array.
    :ivar storage_link: one ``Links.Storage`` instead of LocalDrives and RemoteDrives.
    :ivar allocate: the target of Allocate, as the collection advertises it.
    """

    api_version: str
    nodes_at: frozenset[str]
    attach: str = "AttachResource"
    detach: str = "DetachResource"
    action_info: str | None = "path"
    system_is_list: bool = False
    storage_link: bool = False
    allocate: str = uris.ALLOCATE


ROOT, OEM = frozenset({"root"}), frozenset({"oem"})

DIALECTS = {
    "2.1": Dialect("2.1.0", ROOT, "AttachEndpoint", "DetachEndpoint", None),
    "2.2": Dialect("2.2.0", ROOT | OEM, "AttachEndpoint", "DetachEndpoint", None),
    "2.3": Dialect("2.3.0", OEM, action_info="link"),
    "2.4": Dialect("2.4.0", OEM),
    "2.5": Dialect(
        "2.5.0",
        OEM,
        system_is_list=True,
        storage_link=True,
        allocate=uris.ALLOCATE_BY_SCHEMA,
    ),
}
DEFAULT = "2.4"
