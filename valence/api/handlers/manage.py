# SPDX-License-Identifier: Apache-2.0

"""Nodes that were there before Valence: taken on as they are."""

from collections.abc import Mapping
from typing import Any

from valence import errors
from valence import ownership
from valence import podmanagers
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence.service import Service
from valence_conductor import ids

#: What a pod manager says of a node -> what a node's properties call it.
PROPERTIES = {
    ("processor", "cores"): "total_cores",
    ("processor", "count"): "count",
    ("processor", "model"): "model",
    ("memory", "capacity_mib"): "capacity_mib",
}


def take_on(
    service: Service, asked: Mapping[str, Any], request_id: str | None
) -> node_objects.Node:
    """Take on a node that a pod manager has already; nothing of it is changed.

    :param asked: ``podm_id`` and ``path``, at will ``name`` and ``description``.
    :raises PodManagerNotFound: there is no such pod manager.
    :raises PodManagerNodeGone: it has no such node.
    :raises NodeBusy: the node is still being assembled, or has failed.
    :raises NodeDuplicate: the node is known, or another installation of Valence made it.
    """
    podm = podmanager_objects.get(service.db, asked["podm_id"])
    driver, path = service.drivers.get(podm.uuid), asked["path"].rstrip("/")
    try:
        member, seen = _look(driver, path, podm.name)
    except errors.ValenceError as exc:
        service.drivers.record_status(podm.uuid, exc)
        raise
    return node_changes.adopt(
        service.db,
        {
            "uuid": _uuid_for(service, member, podm.uuid),
            "name": asked.get("name"),
            "description": asked.get("description"),
            "fingerprint": node_objects.fingerprint(asked),
            "request_id": request_id,
            "properties": _properties(seen),
            "podm_uuid": podm.uuid,
            "path": path,
            "system_path": seen.system_path,
            "power_state": seen.power_state,
            "adopted_as": member.name or path,
        },
    )


def _look(
    driver: podmanagers.Driver, path: str, podm: str
) -> tuple[podmanagers.Member, podmanagers.ComposedNode]:
    """Find a node among those of its pod manager, and read it.

    :raises PodManagerNodeGone: it has none there.
    :raises NodeBusy: it is still being assembled, or has failed.
    """
    paths = [member.path for member in driver.members()]
    if path not in paths:
        some = ", ".join(paths[:10]) or "none"
        raise errors.PodManagerNodeGone(
            f"Pod manager {podm} has no node {path}. Its nodes are: {some}."
        )
    member, seen = driver.member(path), driver.read(path)
    if seen.state not in (None, podmanagers.State.ASSEMBLED):
        raise errors.NodeBusy(
            f"{path} of pod manager {podm} is {seen.state}, and not assembled.", reason=seen.reason
        )
    return member, seen


def _uuid_for(service: Service, member: podmanagers.Member, podm_uuid: str) -> str:
    """Choose the uuid: that which the node bears already, or one that follows from its path.

    :raises NodeDuplicate: another installation of Valence has made the node.
    """
    made_by = ownership.installation_from_description(member.description)
    if made_by not in (None, installation_objects.get(service.db)):
        raise errors.NodeDuplicate(
            f"{member.path} was composed by installation {made_by} of Valence, which may want it "
            "back. Release it there."
        )
    bears = ownership.node_uuid_from_name(member.name)
    return bears or ids.derive_uuid("adopted", f"{podm_uuid}{member.path}", 1)


def _properties(seen: podmanagers.ComposedNode) -> dict[str, Any]:
    """Say what a node has in the words in which one is asked for."""
    found: dict[str, dict[str, Any]] = {}
    told: Mapping[str, Mapping[str, Any]] = {"processor": seen.processor, "memory": seen.memory}
    for (section, said), field in PROPERTIES.items():
        value = told[section].get(said)
        if value:
            found.setdefault(section, {})[field] = value[:128] if field == "model" else value
    return found
