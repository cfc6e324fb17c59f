# SPDX-License-Identifier: Apache-2.0

"""Adopting nodes: a node that Valence did not compose gets a row, and stays unchanged.

One that is allocated and not assembled is assembled first, if the request says so.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from valence import errors
from valence import ownership
from valence import podmanagers
from valence.flows import machine
from valence.objects import installation as installation_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence.podmanagers import odata
from valence.podmanagers.identity import Verdict
from valence.service import Service
from valence_conductor import errors as conductor_errors
from valence_conductor import ids
from valence_conductor import waiting

#: Errors that show the status of a pod manager.
TROUBLES = (
    errors.PodManagerFailed,
    errors.PodManagerUnauthorized,
    errors.PodManagerUnreachable,
)

#: States of a node that can be adopted; None: its pod manager does not report one.
ADOPTABLE = (None, podmanagers.State.ASSEMBLED, podmanagers.State.ALLOCATED)

#: section and key of what a pod manager reports -> key in the node's properties
PROPERTIES = {
    ("processor", "cores"): "total_cores",
    ("processor", "count"): "count",
    ("processor", "model"): "model",
    ("memory", "capacity_mib"): "capacity_mib",
}


def adopt(
    service: Service, request: Mapping[str, Any], request_id: str | None
) -> node_objects.Node:
    """Adopt a node that exists on a pod manager already; it is not changed there.

    :param request: ``podm_id`` and ``path``; optionally ``name``, ``description`` and
        ``assemble``: whether to assemble it first, if it is only allocated.
    :raises PodManagerNotFound: no such pod manager is registered.
    :raises PodManagerNodeGone: the pod manager has no such node.
    :raises NodeBusy: the node is still being assembled, or has failed.
    :raises NodeDuplicate: the node has a row already, or another installation of Valence
        composed it.
    """
    podm = podmanager_objects.get(service.db, request["podm_id"])
    driver = service.drivers.get(podm.uuid)
    try:
        hardware = read(driver, request["path"], podm.name)
        path = hardware.facts.path
        uuid = _uuid_for(service, hardware.facts, podm.uuid)
        _require_no_row(service, hardware.facts, podm.uuid, uuid)
        if request.get("assemble") and hardware.state is podmanagers.State.ALLOCATED:
            _assemble(service, driver, path, podm.name)
            hardware = read(driver, path, podm.name)
    except TROUBLES as exc:
        service.drivers.record_status(podm.uuid, exc)
        raise
    return node_changes.adopt(
        service.db,
        {
            "uuid": uuid,
            "name": request.get("name"),
            "description": request.get("description"),
            "fingerprint": node_objects.fingerprint(request),
            "request_id": request_id,
            "properties": _properties(hardware),
            "podm_uuid": podm.uuid,
            "path": hardware.facts.path,
            "system_path": hardware.system_path,
            "power_state": hardware.power_state,
            "adopted_as": hardware.facts.name or hardware.facts.path,
            "identity": _identity(hardware.facts),
        },
    )


def read(
    driver: podmanagers.Driver, path: str, podm_name: str, *, is_any_state: bool = False
) -> podmanagers.ComposedNode:
    """Read a node that its pod manager lists; its path is spelled as in the listing.

    :param is_any_state: a node that cannot be adopted will do.
    :raises PodManagerNodeGone: the complete listing lacks it.
    :raises NodeBusy: it is still being assembled, or has failed.
    """
    paths = [member.path for member in driver.members()]
    listed = next((it for it in paths if odata.same_path(it, path)), None)
    if listed is None:
        some = ", ".join(paths[:10]) or "none"
        raise errors.PodManagerNodeGone(
            f"Pod manager {podm_name} has no node {path}. Its nodes are: {some}."
        )
    hardware = driver.read(listed)
    if not is_any_state and hardware.state not in ADOPTABLE:
        raise errors.NodeBusy(
            f"{listed} of pod manager {podm_name} is {hardware.state}. Adopt it when it is "
            "assembled.",
            reason=hardware.reason,
        )
    facts = dataclasses.replace(hardware.facts, path=listed)
    return dataclasses.replace(hardware, facts=facts)


def _require_no_row(service: Service, facts: podmanagers.Facts, podm_uuid: str, uuid: str) -> None:
    """Check that no row has a node, or may have it, at whatever path that was before.

    :raises NodeDuplicate: one has, or may have.
    """
    for row in node_objects.list_all(service.db):
        if row.podm_uuid != podm_uuid:
            continue
        comparison = machine.compare(service.context, row, facts)
        if (
            row.uuid == uuid
            or odata.same_path(row.path or "", facts.path)
            or comparison.verdict is Verdict.SAME
        ):
            raise errors.NodeDuplicate(
                f"Valence manages {facts.path} of pod manager {podm_uuid} already, as node "
                f"{row.uuid}."
            )
        if comparison.verdict is Verdict.CONFLICT:
            raise errors.NodeDuplicate(
                f"{facts.path} of pod manager {podm_uuid} may be the machine of node {row.uuid}: "
                f"{comparison.describe()}. If it is: valence node adopt-path {row.uuid} "
                f"{facts.path}. Otherwise delete that node, or forget it, and adopt this one then."
            )


def _assemble(service: Service, driver: podmanagers.Driver, path: str, podm_name: str) -> None:
    """Assemble a node that is allocated, and wait until it is no longer being assembled.

    :raises NodeBusy: it takes longer than a request may.
    """
    options = service.conf.podmanagers
    deadline = waiting.deadline_in(options.task_timeout)
    driver.assemble(path)

    def is_done() -> bool | None:
        state = driver.state(path).state
        return state not in (podmanagers.State.ALLOCATED, podmanagers.State.ASSEMBLING) or None

    try:
        waiting.wait_until(
            is_done,
            deadline=deadline,
            interval=options.poll_interval,
            what=f"pod manager {podm_name} to assemble {path}",
        )
    except conductor_errors.TimedOut as exc:
        raise errors.NodeBusy(
            f"Pod manager {podm_name} is assembling {path}, which takes longer than "
            f"{options.task_timeout:g} s. Adopt it when it is assembled."
        ) from exc


def _identity(facts: podmanagers.Facts) -> dict[str, Any]:
    """Return the facts by which an adopted node is recognized: those that it has now."""
    names = ("name", "description", "redfish_uuid", "system_uuid", "serial_number")
    return {name: facts.get(name) for name in names} | {"macs": []}


def check_installation(service: Service, member: podmanagers.Facts) -> None:
    """Check that no other installation composed a node.

    :raises NodeDuplicate: another installation of Valence composed it.
    """
    installation = ownership.installation_from_description(member.description)
    if installation not in (None, installation_objects.get(service.db)):
        raise errors.NodeDuplicate(
            f"Installation {installation} of Valence composed {member.path}, and may release it. "
            "Release it there."
        )


def _uuid_for(service: Service, member: podmanagers.Facts, podm_uuid: str) -> str:
    """Return the uuid in the node's Name, or one that is derived from its path.

    :raises NodeDuplicate: another installation of Valence composed the node.
    """
    check_installation(service, member)
    named = ownership.node_uuid_from_name(member.name)
    return named or ids.derive_uuid("adopted", f"{podm_uuid}{member.path}", 1)


def _properties(hardware: podmanagers.ComposedNode) -> dict[str, Any]:
    """Return what a node has, in the form of the requirements of a request."""
    properties: dict[str, dict[str, Any]] = {}
    sections: Mapping[str, Mapping[str, Any]] = {
        "processor": hardware.processor,
        "memory": hardware.memory,
    }
    for (section, key), field in PROPERTIES.items():
        value = sections[section].get(key)
        if value:
            properties.setdefault(section, {})[field] = value[:128] if field == "model" else value
    return properties
